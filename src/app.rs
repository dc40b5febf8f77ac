//! The application: the winit event loop and the show thread, which wire the rest together.
