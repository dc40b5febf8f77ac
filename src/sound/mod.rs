//! Sound: capture and analysis.
