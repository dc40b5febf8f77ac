#!/usr/bin/env bash
# candle-core 0.11.1, on the processor
#
# The gradient of `conv2d` with respect to its input is a transposed convolution, whose output padding candle works out from the
# height alone. At stride 2 the same convolution is met by inputs of 7 and of 8 rows, which differ in that padding: a picture whose
# height and width differ in it goes forward without complaint, and `backward` then fails with a mismatch of shapes in an `add` that
# the caller never wrote. Square pictures, which is what networks are tried on, always pass.
#
# Seen:
#   8x8 -> 4x4, gradient 8x8
#   7x7 -> 4x4, gradient 7x7
#   8x7 -> 4x4, backward: shape mismatch in add, lhs: [1, 1, 8, 7], rhs: [1, 1, 8, 8]
#   7x8 -> 4x4, backward: shape mismatch in add, lhs: [1, 1, 7, 8], rhs: [1, 1, 7, 7]
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
candle-core = { version = "=0.11.1", default-features = false }

[profile.dev]
debug = false

[workspace]
TOML
cat >"$place/src/main.rs" <<'RUST'
use candle_core::{DType, Device, Result, Tensor, Var};

fn main() -> Result<()> {
    for (height, width) in [(8, 8), (7, 7), (8, 7), (7, 8)] {
        let picture = Var::ones((1, 1, height, width), DType::F32, &Device::Cpu)?;
        let kernel = Tensor::ones((1, 1, 3, 3), DType::F32, &Device::Cpu)?;
        let drawn = picture.conv2d(&kernel, 1, 2, 1, 1)?;
        assert_eq!(drawn.dims(), [1, 1, 4, 4]);
        let gradient = drawn.sum_all()?.backward().and_then(|store| store.get(&picture).expect("a gradient").dims4());
        match &gradient {
            Ok((_, _, rows, columns)) => println!("{height}x{width} -> 4x4, gradient {rows}x{columns}"),
            Err(error) => println!("{height}x{width} -> 4x4, backward: {error}"),
        }
        assert_eq!(gradient.is_ok(), height == width, "it has changed");
    }
    Ok(())
}
RUST
RUST_BACKTRACE=0 cargo run --quiet --manifest-path "$place/Cargo.toml"
