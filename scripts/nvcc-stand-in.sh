#!/bin/sh
# Stands in for nvcc where the Rust around the kernels is linted and nothing is linked or run: every file that it is asked for
# is empty. `scripts/check-cuda.sh --lint` uses it.
set -eu
folder=.
output=
source=
for argument in "$@"; do
    case ${previous:-} in
        -o) output=$argument ;;
        --output-directory) folder=$argument ;;
    esac
    case $argument in
        # The version is looked for in the fourth line.
        --version) printf 'nvcc: a stand-in\n-\n-\nCuda compilation tools, release 13.0, V13.0.88\n' && exit 0 ;;
        --list-gpu-code) echo sm_80 && exit 0 ;;
        *.cu) source=$argument ;;
    esac
    previous=$argument
done
[ -n "$output" ] || output=$folder/$(basename "$source" .cu).ptx
: >"$output"
