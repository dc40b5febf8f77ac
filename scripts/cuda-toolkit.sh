#!/usr/bin/env bash
# Assembles a CUDA toolkit from PyPI wheels, enough to build with `--features cuda` where none is installed and no card is.
#
#   scripts/cuda-toolkit.sh DIR            everything: compiler, headers, libraries to link against
#   scripts/cuda-toolkit.sh DIR compiler   nvcc and its headers alone, enough for scripts/ptx.sh
#
# The toolkit is DIR/home. Where DIR holds a finished one, nothing is done.
set -euo pipefail

dir=${1:-}
parts=${2:-all}
if [ -z "$dir" ] || { [ "$parts" != all ] && [ "$parts" != compiler ]; }; then
    echo "usage: scripts/cuda-toolkit.sh DIR [compiler]" >&2
    exit 2
fi
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "cuda-toolkit: there are wheels for Linux on x86-64 alone; install a CUDA toolkit and put its nvcc on PATH" >&2
    exit 1
fi
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
home=$dir/home
[ ! -e "$dir/done-$parts" ] && [ ! -e "$dir/done-all" ] || exit 0

wheels=(
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88
    nvidia-cuda-cccl==13.0.85 nvidia-cuda-runtime==13.0.96
)
[ "$parts" = compiler ] || wheels+=("nvidia-cublas==13.0.*" "nvidia-cuda-nvrtc==13.0.*" "nvidia-curand>=10.4,<11")
[ -d "$dir/venv" ] || python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "${wheels[@]}"
wheel=$(echo "$dir"/venv/lib/python3*/site-packages/nvidia/cu13)

mkdir -p "$home/lib64/stubs"
for part in bin include nvvm; do ln -sfn "$wheel/$part" "$home/$part"; done
if [ "$parts" = all ]; then
    # Wheels carry libNAME.so.VERSION; the linker looks for libNAME.so.
    for library in "$wheel"/lib/*.so.*; do
        name=$(basename "$library")
        ln -sf "$library" "$home/lib64/$name"
        ln -sf "$library" "$home/lib64/${name%%.so.*}.so"
    done
    # The driver's library belongs to the driver, and no wheel has one to link against. This one has every function that
    # the Rust bindings declare, and each answers CUDA_ERROR_NO_DEVICE, so that what is linked here also starts here.
    (cd "$root" && "${CARGO:-cargo}" fetch --locked --quiet)
    bindings=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-0.19*/src/driver/sys | tail -n 1)
    grep -rhoE 'pub unsafe fn cu[A-Z][A-Za-z0-9_]*' "$bindings" | sed 's/.* //' | sort -u |
        sed 's/.*/int &(void) { return 100; }/' >"$dir/libcuda.c"
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$home/lib64/stubs/libcuda.so" "$dir/libcuda.c"
    ln -sf libcuda.so "$home/lib64/stubs/libcuda.so.1"
fi
"$home/bin/nvcc" --version | tail -n 1
touch "$dir/done-$parts"
