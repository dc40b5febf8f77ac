//! The recorder: pictures and sound become files.
