//! Controllers: MIDI, OSC and keys become actions.
