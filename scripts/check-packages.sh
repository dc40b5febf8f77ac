#!/usr/bin/env bash
# Makes the packages for Debian 12 and 13, installs each into a bare system of its own, and performs there: a show that is recorded,
# a film, a take drawn again. Needs root, debootstrap, and a network; not part of the continuous integration.
#
#   scripts/check-packages.sh [bookworm|trixie ...]
#   PACKAGES=tarball scripts/check-packages.sh     one kind of package alone: deb or tarball
#
# A .deb is built on the release that it is for: here, where this is that release, or in a root with the build's needs. The tarball is
# built here and is to run on all of them. Roots are kept in target/roots; LATENTLOOP_PROGRAM names a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "check-packages: $*" >&2; }
packages=${PACKAGES:-deb tarball}

releases=("$@")
[ ${#releases[@]} -gt 0 ] || releases=(bookworm trixie)
[ "$(id -u)" = 0 ] || { say "needs root, for debootstrap and chroot"; exit 1; }
for tool in debootstrap chroot unshare; do
    command -v "$tool" >/dev/null || { say "missing: $tool; apt-get install debootstrap"; exit 1; }
done
here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
target=${CARGO_TARGET_DIR:-$PWD/target}
roots=$PWD/target/roots
mkdir -p "$roots"

# A root of that release, made once: $1 release, $2 name, then packages.
root() {
    local release=$1 place=$roots/$1-$2
    shift 2
    if [ ! -e "$place/ready" ]; then
        rm -rf "$place"
        say "making $place"
        debootstrap --variant=minbase --include="$(IFS=,; echo "$*")" "$release" "$place" "$mirror" >"$place.log" 2>&1 ||
            { tail -n 20 "$place.log" >&2; exit 1; }
        touch "$place/ready"
    fi
    echo "$place"
}

# Runs a command in a root, with its own mounts and processes, which end with it. $1 root, then the command.
inside() {
    local place=$1
    shift
    mkdir -p "$place/work"
    # Paths that the build inside shares with the outside.
    PLACE=$place SHARED=${SHARED:-} unshare --mount --pid --fork --kill-child bash -euc '
        mount -t proc proc "$PLACE/proc"
        mount --rbind /dev "$PLACE/dev"
        for path in $SHARED; do mkdir -p "$PLACE$path"; mount --bind "$path" "$PLACE$path"; done
        cp -L /etc/resolv.conf "$PLACE/etc/resolv.conf" 2>/dev/null || true
        exec chroot "$PLACE" /usr/bin/env -i PATH="${INSIDE_PATH:-/usr/sbin:/usr/bin:/sbin:/bin}" HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    ' inside "$@"
}

# The package for that release; its file's name is printed.
deb() {
    local release=$1
    if [ "$release" = "$here" ]; then
        scripts/package.sh deb
        return
    fi
    local place cargo rustup
    place=$(root "$release" build ca-certificates gcc g++ libc6-dev make pkg-config clang libclang-dev cmake dpkg-dev binutils \
        libasound2-dev libjack-jackd2-dev libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libavdevice-dev \
        libswscale-dev libswresample-dev)
    cargo=${CARGO_HOME:-$HOME/.cargo}
    rustup=${RUSTUP_HOME:-$HOME/.rustup}
    mkdir -p "$target/$release"
    SHARED="$PWD $target $cargo $rustup" INSIDE_PATH="$cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        inside "$place" /usr/bin/env CARGO_HOME="$cargo" RUSTUP_HOME="$rustup" CARGO_TARGET_DIR="$target/$release" \
        "$PWD/scripts/package.sh" deb
}

# What is done with an installed program: a folder with nothing in it, and no home of any use.
cat >"$roots/perform.sh" <<'EOF'
set -euo pipefail
latentloop=$1
[ "$(pwd)" = /tmp/empty ] && [ -z "$(ls -A)" ]
"$latentloop" --version
"$latentloop" params | grep -q loop.speed
"$latentloop" info crystal >/dev/null

"$latentloop" render first -o film.mp4 --range 0..48
"$latentloop" render flower -o pictures --range 0..3 --norm running
[ "$(ls pictures | wc -l)" = 3 ]
"$latentloop" take render first.take -o script.mp4 --range 0..24

# A show that is told to record: OSC by bash, for nothing else is here.
"$latentloop" play --headless --seconds 20 --osc 127.0.0.1:17000 --oscquery none --stats stats.json 2>show.log &
show=$!
send() { printf "$1" >/dev/udp/127.0.0.1/17000; }
until_there() { for _ in $(seq 600); do eval "$1" && return || sleep 0.1; done; cat show.log; exit 1; }
until_there 'grep -q playing show.log'
send '/record/toggle\0\0,\0\0\0'
until_there 'ls takes/*.mp4 >/dev/null 2>&1'
sleep 3
send '/keyframe/3/jump\0\0\0\0,\0\0\0'
sleep 3
send '/record/toggle\0\0,\0\0\0'
wait $show || { cat show.log; exit 1; }
cat show.log
take=$(ls takes/*.take)
film=$(ls takes/*.mp4)
[ -s "$film" ]
"$latentloop" take info "$take"
"$latentloop" take render "$take" -o again.mp4 --verify
for film in film.mp4 script.mp4 again.mp4 "$film"; do [ "$(stat -c %s "$film")" -gt 5000 ]; done
echo "performed: $(du -h "$film" | cut -f 1) of film, and its take drawn again"
EOF

# Installs ($3...) in the release's bare root, and performs with the program at $2.
perform() {
    local place=$1 program=$2
    rm -rf "$place/tmp/empty"
    mkdir -p "$place/tmp/empty"
    cp "$roots/perform.sh" "$place/tmp/perform.sh"
    inside "$place" /bin/bash -c "cd /tmp/empty && bash /tmp/perform.sh $program"
}

check_deb() {
    local release=$1 package bare
    package=$(deb "$release")
    bare=$(root "$release" deb apt ca-certificates)
    cp "$package" "$bare/tmp/"
    inside "$bare" apt-get -q update >&2
    inside "$bare" apt-get -q -y install --no-install-recommends --reinstall "/tmp/$(basename "$package")" >&2
    perform "$bare" latentloop
    inside "$bare" /bin/bash -c 'bash -n /usr/share/bash-completion/completions/latentloop && test -s /usr/share/man/man1/latentloop-play.1.gz'
}

tarball=
check_tarball() {
    local release=$1 asound bare
    [ -n "$tarball" ] || tarball=$(scripts/package.sh tarball)
    # What the tarball leaves to the system.
    case $release in bookworm) asound=libasound2 ;; *) asound=libasound2t64 ;; esac
    bare=$(root "$release" tarball "$asound" libx11-6 libx11-xcb1 libxext6 libxfixes3 libxrender1 libxcb-dri3-0 libxcb-shm0 libxcb-render0 libdrm2)
    rm -rf "$bare"/opt/latentloop-*
    tar -xf "$tarball" -C "$bare/opt"
    perform "$bare" "/opt/$(basename "$tarball" .tar.gz)/bin/latentloop"
}

for release in "${releases[@]}"; do
    for kind in $packages; do
        say "$release: the $kind"
        "check_$kind" "$release"
        say "$release: the $kind performs"
    done
done
