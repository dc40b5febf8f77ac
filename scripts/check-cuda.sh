#!/usr/bin/env bash
# Builds the program and its tests with `--features cuda`, and runs the tests of the card, which say that they were skipped
# where there is none. Needs no card; where no CUDA toolkit is installed, one is assembled from PyPI wheels. candle's own
# kernels are compiled on the way, which takes half an hour on two cores.
#
#   scripts/check-cuda.sh [arguments of the tests]
#   scripts/check-cuda.sh --lint      lint the source alone: a few minutes, and no toolkit
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --lint ]; then
    # Nothing is compiled for a card, so that a compiler that writes empty files will do. What is built with it is of no use
    # to anything else, and stays apart.
    stand_in=$PWD/target/cuda-lint/toolkit
    mkdir -p "$stand_in/bin" "$stand_in/include" "$stand_in/lib64"
    touch "$stand_in/include/cuda.h"
    cp scripts/nvcc-stand-in.sh "$stand_in/bin/nvcc"
    # What does not depend on the card was built by the lint before it.
    if [ -d target/debug/deps ] && [ ! -d target/cuda-lint/debug ]; then
        mkdir -p target/cuda-lint/debug/deps
        cp -a target/debug/.fingerprint target/debug/build target/cuda-lint/debug/
        find target/debug/deps -name '*.*' -exec cp -a -t target/cuda-lint/debug/deps {} +
    fi
    PATH=$stand_in/bin:$PATH CUDA_HOME=$stand_in CUDA_COMPUTE_CAP=80 CARGO_TARGET_DIR=target/cuda-lint \
        "${CARGO:-cargo}" clippy --locked -p latentloop-nn -p latentloop-studio -p latentloop \
        --no-default-features --features cuda --tests -- -D warnings
    exit 0
fi

if nvcc=$(command -v nvcc); then
    home=$(cd "$(dirname "$(readlink -f "$nvcc")")/.." && pwd)
else
    scripts/cuda-toolkit.sh target/cuda-toolkit
    home=$PWD/target/cuda-toolkit/home
fi
export CUDA_HOME=$home PATH=$home/bin:$PATH
# PTX of 8.0 runs on every later card; that of 9.0 would run on 9.0 alone.
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80}
libraries=$home/lib64
# Without a driver there is no libcuda.so.1, and nothing that is linked to it would start; the toolkit's stand-in does.
if ! ldconfig -p | grep -q 'libcuda\.so\.1'; then
    mkdir -p target/cuda-stub
    for stub in "$home"/{lib64,lib/x86_64-linux-gnu,targets/x86_64-linux/lib}/stubs/libcuda.so; do
        [ ! -e "$stub" ] || ln -sf "$stub" target/cuda-stub/libcuda.so.1
    done
    libraries=$libraries:$PWD/target/cuda-stub
fi
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

"${CARGO:-cargo}" test --locked -p latentloop-nn --features cuda --lib -- cuda --nocapture "$@"
"${CARGO:-cargo}" test --locked -p latentloop-studio --no-default-features --features cuda --test card -- --nocapture "$@"
"${CARGO:-cargo}" build --locked --no-default-features --features cuda
