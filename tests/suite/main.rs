//! What crosses modules: the real program against real files, sockets and windows.

#[cfg(feature = "video")]
mod footage;
#[cfg(feature = "video")]
mod record;
mod train;
