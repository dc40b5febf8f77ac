//! What crosses modules: the real program against real files, sockets and windows.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test where they stand"
)]

mod support;

#[cfg(feature = "live")]
mod clients;
#[cfg(all(feature = "live", target_os = "linux"))]
mod clock;
#[cfg(all(feature = "live", target_os = "linux"))]
mod console;
#[cfg(all(feature = "live", feature = "video", target_os = "linux"))]
mod disk;
mod examples;
#[cfg(all(feature = "live", feature = "video", target_os = "linux"))]
mod faults;
mod fixtures;
mod flashes;
#[cfg(feature = "video")]
mod footage;
mod import;
mod installed;
#[cfg(all(feature = "live", feature = "video"))]
mod look;
#[cfg(all(feature = "live", feature = "video", target_os = "linux"))]
mod mend;
#[cfg(all(feature = "live", target_os = "linux"))]
mod midi;
#[cfg(all(feature = "live", target_os = "linux"))]
mod monitors;
#[cfg(all(feature = "live", unix))]
mod notices;
#[cfg(feature = "live")]
mod osc;
#[cfg(feature = "live")]
mod oscquery;
#[cfg(feature = "live")]
mod outputs;
mod parity;
#[cfg(feature = "live")]
mod play;
#[cfg(feature = "live")]
mod presets;
#[cfg(feature = "video")]
mod record;
#[cfg(feature = "video")]
mod remux;
mod render;
mod score;
#[cfg(all(feature = "live", target_os = "linux"))]
mod sound;
mod structure;
#[cfg(feature = "video")]
mod sync;
#[cfg(feature = "live")]
mod take;
#[cfg(all(feature = "live", feature = "video", target_os = "linux"))]
mod tape;
mod train;
mod training_parity;
#[cfg(all(feature = "live", target_os = "linux"))]
mod upscale;
