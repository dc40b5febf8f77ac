//! What the tests share: the program as a child process, a show under OSC, the servers that it is played against, and waiting.

#![cfg_attr(
    not(feature = "live"),
    allow(dead_code, unused_imports, reason = "most of it is for shows")
)]

#[cfg(all(feature = "live", target_os = "linux"))]
mod desktop;
#[cfg(all(feature = "live", target_os = "linux"))]
mod jack;
#[cfg(feature = "live")]
mod pictures;
mod process;
#[cfg(feature = "live")]
mod show;
mod wait;

use std::io::Write;
use std::path::{Path, PathBuf};

#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use desktop::{Desktop, Window};
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use jack::JackServer;
#[cfg(feature = "live")]
pub(crate) use pictures::Pictures;
pub(crate) use process::{
    PROGRAM, Process, limit_file_size, limit_open_files, refused, run, succeed,
};
#[cfg(feature = "live")]
pub(crate) use show::{Launched, Osc, Show, ShowBuilder, number};
pub(crate) use wait::{wait_every, wait_for, wait_until};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A generator of 64 x 64 pixels that draws in a moment.
pub(crate) fn model() -> PathBuf {
    root().join("tests/parity/generator.safetensors")
}

/// Says that a test did not run for want of something, which `LATENTLOOP_REQUIRE` (names with commas between, or `all`) may demand.
pub(crate) fn skip(need: &str, why: &str) {
    let required = std::env::var("LATENTLOOP_REQUIRE").unwrap_or_default();
    let is_required = required
        .split(',')
        .any(|name| name == need || name == "all");
    assert!(
        !is_required,
        "LATENTLOOP_REQUIRE={required} wants the tests of {need} to run, but {why}"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln!`: the harness keeps to itself what a test that passes prints.
    let line = format!("SKIPPED {test} (needs {need}): {why}\n");
    _ = std::io::stderr().write_all(line.as_bytes());
}
