//! What crosses modules: the real program against real files, sockets and windows.

#[cfg(feature = "video")]
mod footage;
#[cfg(feature = "video")]
mod record;
#[cfg(all(feature = "live", target_os = "linux"))]
mod sound;
mod train;
