//! Latents, keyframes, the loop through them, and interpolation. Pure: no clock, port, thread or file.
