#!/usr/bin/env bash
# tracing-appender 0.2.5 (crossbeam-channel 0.5)
#
# `tracing_appender::non_blocking` takes some 4 MB at once, before a line is logged: its queue has room for 128,000 lines, and the
# channel behind it is an array that is made, and written to, whole. The documentation names the number of lines and says nothing of
# memory; a queue is expected to grow as it fills. A program whose memory is watched sets `buffered_lines_limit`.
#
# Seen:
#   by default: 4096 KB in one piece
#   with room for 4096 lines: 131 KB
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat >"$place/Cargo.toml" <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"

[dependencies]
tracing-appender = "=0.2.5"

[workspace]
TOML
cat >"$place/src/main.rs" <<'RUST'
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing_appender::non_blocking::NonBlockingBuilder;

struct Largest;
static LARGEST: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout)
    }
}

#[global_allocator]
static LARGEST_ALLOCATION: Largest = Largest;

fn largest(builder: NonBlockingBuilder) -> usize {
    LARGEST.store(0, Ordering::Relaxed);
    let _both = builder.finish(std::io::sink());
    LARGEST.load(Ordering::Relaxed)
}

fn main() {
    let default = largest(NonBlockingBuilder::default());
    let small = largest(NonBlockingBuilder::default().buffered_lines_limit(4096));
    println!("by default: {} KB in one piece", default / 1000);
    println!("with room for 4096 lines: {} KB", small / 1000);
    assert!(default > 4_000_000, "the default no longer takes megabytes");
    assert!(small < 500_000, "a small queue is no longer small");
}
RUST
cargo run --quiet --release --manifest-path "$place/Cargo.toml"
