//! What reached the instrument, logged and replayed. Pure: bytes in and out.
