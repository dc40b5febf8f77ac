#!/usr/bin/env bash
# Compiles kernels.cu in crates/latentloop-nn/src/cuda into kernels.ptx, which the program embeds. To be run after every change of the
# former; a test sees whether it was. An nvcc on PATH does it, or one from PyPI wheels.
set -euo pipefail
cd "$(dirname "$0")/.."

nvcc=nvcc
if ! command -v nvcc >/dev/null; then
    scripts/cuda-toolkit.sh target/cuda-toolkit compiler >&2
    nvcc=target/cuda-toolkit/home/bin/nvcc
fi
source=crates/latentloop-nn/src/cuda/kernels.cu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Compute capability 8.0: every later card takes it too.
"$nvcc" --ptx -O3 -std=c++17 -arch=compute_80 -o "$scratch/kernels.ptx" "$source"
# A new compiler marks its PTX as new, and an older driver then refuses it. Nothing in these kernels is newer than PTX 7.4,
# that of CUDA 11.4, the oldest that the Rust bindings know; the assembler vouches for that.
{
    echo "// Made from kernels.cu by scripts/ptx.sh. SHA-256 of the source: $(sha256sum "$source" | cut -d ' ' -f 1)"
    sed -e 's/^\.version .*/.version 7.4/' -e '/^\/\//d' -e 's/[[:space:]]*$//' "$scratch/kernels.ptx"
} >"$scratch/lowered.ptx"
"$(dirname "$(command -v "$nvcc")")/ptxas" -arch=sm_80 -v -o "$scratch/kernels.cubin" "$scratch/lowered.ptx"
mv "$scratch/lowered.ptx" crates/latentloop-nn/src/cuda/kernels.ptx
