#!/usr/bin/env bash
# Installs the system packages that latentloop needs and this machine lacks; says nothing where there is nothing to do.
#
#   scripts/setup.sh play   what building and playing need
#   scripts/setup.sh test   the same, and the display, sound and MIDI servers that the tests run against
set -euo pipefail

purpose=${1:-play}
case $purpose in
    play | test) ;;
    *)
        echo "usage: scripts/setup.sh play|test" >&2
        exit 2
        ;;
esac

debian_build=(
    pkg-config clang libclang-dev cmake
    libasound2-dev libjack-jackd2-dev
    libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libavdevice-dev libswscale-dev libswresample-dev
)
debian_play=(
    mesa-vulkan-drivers libvulkan1 libegl1 libgl1-mesa-dri
    libxkbcommon-x11-0 libx11-xcb1 libxcursor1 libxi6 libxrandr2
    libasound2-plugins
)
debian_test=(
    xvfb openbox xdotool imagemagick x11-xserver-utils xserver-xorg-core xserver-xorg-video-dummy xprintidle
    ffmpeg jackd2 jack-midi-clock pulseaudio pulseaudio-utils liblo-tools
    python3-venv
)
homebrew_play=(pkgconf cmake ffmpeg)
homebrew_test=(liblo)

packages=("${debian_build[@]}" "${debian_play[@]}")
formulae=("${homebrew_play[@]}")
if [ "$purpose" = test ]; then
    packages+=("${debian_test[@]}")
    formulae+=("${homebrew_test[@]}")
fi

say() { echo "setup: $*" >&2; }

# Whether the libraries that the build links against can be found, however they came here.
can_build() {
    command -v pkg-config >/dev/null || return 1
    pkg-config --exists libavcodec libavformat libavutil libavfilter libavdevice libswscale libswresample || return 1
    [ "$(uname -s)" = Darwin ] || pkg-config --exists alsa jack
}

# Where nothing can be installed from here: go on if the build can, else end with what is missing.
leave_it_to_the_owner() {
    say "$1"
    if can_build; then
        say "the libraries that the build needs are there: going on"
        exit 0
    fi
    say "the build needs: a C compiler, pkg-config, clang with libclang, cmake; ALSA, JACK and FFmpeg (5.1 or newer) with their headers"
    say "playing needs a Vulkan, Metal or OpenGL ES driver"
    say "(training and drawing alone need none of this: cargo build --release --no-default-features)"
    exit 1
}

set_up_debian() {
    local package missing=()
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        # Without a terminal sudo cannot ask for a password and would wait for ever.
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            as_root=(sudo)
        else
            leave_it_to_the_owner "missing, and installing needs root: apt-get install ${missing[*]}"
        fi
    fi
    say "installing ${missing[*]}"
    # jackd2 asks a question about real-time priority; its default is the right answer here.
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    "${as_root[@]}" "${apt[@]}" update </dev/null >&2
    "${as_root[@]}" "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >&2
}

set_up_macos() {
    if ! command -v brew >/dev/null; then
        leave_it_to_the_owner "Homebrew is not here (https://brew.sh); it would install: ${formulae[*]}"
    fi
    local formula missing=()
    for formula in "${formulae[@]}"; do
        brew list --formula "$formula" >/dev/null 2>&1 || missing+=("$formula")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    brew install "${missing[@]}" </dev/null >&2
}

# Clients of other makers that tests play with. Where they cannot be had, those tests say that they were left out.
clients=(python-osc==1.10.2 python-oscquery==0.4.0)
set_up_clients() {
    local place
    place=$(dirname "$0")/../target/test-clients
    [ "$(cat "$place/ready" 2>/dev/null || true)" != "${clients[*]}" ] || return 0
    command -v python3 >/dev/null || return 0
    say "installing ${clients[*]} into $place"
    if python3 -m venv --clear "$place" >&2 && "$place/bin/pip" install -q --disable-pip-version-check "${clients[@]}" </dev/null >&2; then
        echo "${clients[*]}" >"$place/ready"
    else
        say "they could not be had: going on without them"
    fi
}

if ! command -v cargo >/dev/null; then
    say "Rust is not here: install it from https://rustup.rs and run this again"
    exit 1
fi

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    set_up_debian
elif [ "$(uname -s)" = Darwin ]; then
    set_up_macos
else
    leave_it_to_the_owner "this system has neither apt-get nor Homebrew, so nothing is installed from here"
fi

if [ "$purpose" = test ]; then
    set_up_clients
fi
