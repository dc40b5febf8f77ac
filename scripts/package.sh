#!/usr/bin/env bash
# Makes a package of the program into target/packages.
#
#   scripts/package.sh deb       for the release of Debian that this is run on: it uses that release's FFmpeg
#   scripts/package.sh tarball   for every Linux with a glibc as new as this system's: FFmpeg's libraries go with it
#
# LATENTLOOP_PROGRAM names a program that is built already; otherwise it is built first.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-}
case $kind in
    deb | tarball) ;;
    *)
        echo "usage: scripts/package.sh deb|tarball" >&2
        exit 2
        ;;
esac
say() { echo "package: $*" >&2; }
need() {
    local missing=()
    for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ ${#missing[@]} = 0 ] || {
        say "missing: ${missing[*]}; on Debian, apt-get install binutils dpkg-dev patchelf"
        exit 1
    }
}

target=${CARGO_TARGET_DIR:-target}
program=${LATENTLOOP_PROGRAM:-}
if [ -z "$program" ]; then
    "${CARGO:-cargo}" build --locked --release --bin latentloop
    program=$target/release/latentloop
fi
version=$("$program" --version | cut -d ' ' -f 2)
out=target/packages
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# What both packages have, below a prefix such as /usr.
stage_files() {
    local prefix=$1 share=$1/share shell
    install -D "$program" "$prefix/bin/latentloop"
    strip "$prefix/bin/latentloop"

    "$program" man "$share/man/man1"
    gzip -9n "$share"/man/man1/*.1
    for shell in bash-completion/completions/latentloop zsh/vendor-completions/_latentloop fish/vendor_completions.d/latentloop.fish; do
        mkdir -p "$share/$(dirname "$shell")"
        "$program" completions "$(echo "$shell" | sed 's/[-\/].*//')" >"$share/$shell"
    done

    install -D -m 644 packaging/latentloop.desktop "$share/applications/latentloop.desktop"
    install -D -m 644 packaging/latentloop.metainfo.xml "$share/metainfo/latentloop.metainfo.xml"
    install -D -m 644 packaging/latentloop.svg "$share/icons/hicolor/scalable/apps/latentloop.svg"
    install -D -m 644 packaging/latentloop.png "$share/icons/hicolor/256x256/apps/latentloop.png"

    mkdir -p "$share/latentloop/models" "$share/doc/latentloop"
    cp -r presets "$share/latentloop/presets"
    cp models/*.safetensors models/*.md models/*.png "$share/latentloop/models/"
    cp README.md CHANGELOG.md docs/*.md "$share/doc/latentloop/"
    cat >"$share/doc/latentloop/copyright" <<EOF
latentloop is licensed under either of the licences below, as you like.

--- MIT ---
$(cat LICENSE-MIT)

--- Apache-2.0 ---
$(cat LICENSE-APACHE)
EOF
    chmod -R u=rwX,go=rX "$prefix"
}

make_deb() {
    need dpkg-shlibdeps dpkg-deb strip
    local architecture depends file
    architecture=$(dpkg --print-architecture)
    stage_files "$stage/root/usr"
    # It wants to see the control file of a source package, and has no use for what is in it.
    mkdir -p "$stage/debian"
    printf 'Source: latentloop\n\nPackage: latentloop\nArchitecture: any\n' >"$stage/debian/control"
    depends=$(cd "$stage" && dpkg-shlibdeps -O root/usr/bin/latentloop 2>/dev/null | sed 's/^shlibs:Depends=//')
    [ -n "$depends" ] || {
        say "dpkg-shlibdeps found no library that the program needs: is it built with FFmpeg?"
        exit 1
    }
    mkdir -p "$stage/root/DEBIAN"
    # Libraries that a window needs are opened at run time, where dpkg-shlibdeps does not see them.
    cat >"$stage/root/DEBIAN/control" <<EOF
Package: latentloop
Version: $version-1~deb$(. /etc/os-release && echo "$VERSION_ID")
Architecture: $architecture
Maintainer: The latentloop contributors <latentloop@localhost>
Installed-Size: $(du -sk "$stage/root/usr" | cut -f 1)
Depends: $depends, libx11-6, libx11-xcb1, libxcursor1, libxi6, libxrandr2, libxkbcommon0, libxkbcommon-x11-0
Recommends: libvulkan1, mesa-vulkan-drivers, libegl1, libgl1-mesa-dri, libwayland-client0
Section: video
Priority: optional
Description: audiovisual instrument that plays a neural network
 A film clip goes in, an instrument comes out: latentloop trains a small neural
 network on the frames of a clip, and plays what it learned, live, by keys, MIDI
 and OSC, to sound and to the beat, and records it.
EOF
    file=$out/latentloop_$version-1~deb$(. /etc/os-release && echo "$VERSION_ID")_$architecture.deb
    dpkg-deb --root-owner-group -Zxz --build "$stage/root" "$file" >&2
    echo "$file"
}

# Libraries that stay the system's: those of the C runtime, and those that its graphics and sound drivers are built against. Vulkan's
# loader goes along: FFmpeg's filters link it, so that without it the program would not start where there is none.
system='^(ld-linux.*|linux-vdso|libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+|libz|libX.*|libxcb.*|libdrm.*|libasound|libjack|libGL.*|libEGL.*|libwayland.*)\.so'

make_tarball() {
    need ldd patchelf strip tar
    local name root library file
    name=latentloop-$version-$(uname -m)-linux
    root=$stage/$name
    file=$out/$name.tar.gz
    stage_files "$root"
    mkdir -p "$root/lib/latentloop"
    # The program's libraries, and theirs: NAME => PATH (ADDRESS).
    while read -r library path; do
        [[ $library =~ $system ]] || install -m 644 "$path" "$root/lib/latentloop/$library"
    done < <(ldd "$program" | sed -n 's/^\s*\(\S*\) => \(\/\S*\) .*/\1 \2/p')
    for library in "$root"/lib/latentloop/*; do
        strip --strip-unneeded "$library"
        patchelf --set-rpath '$ORIGIN' "$library"
    done
    patchelf --set-rpath '$ORIGIN/../lib/latentloop' "$root/bin/latentloop"
    cat >"$root/lib/latentloop/README" <<EOF
FFmpeg's libraries and theirs, as $(. /etc/os-release && echo "$PRETTY_NAME") has them. Several are under the GPL or the LGPL; their
source is that system's, and each is replaced by putting another of its name here.
EOF
    tar --owner=0 --group=0 --sort=name -C "$stage" -czf "$file" "$name"
    echo "$file"
}

"make_$kind"
