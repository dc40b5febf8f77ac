#!/usr/bin/env bash
# JACK 2, 1.9.21 (Debian 12: jackd2 and libjack-jackd2-0 1.9.21~dfsg-3, amd64)
#
# Servers are entered in a table in shared memory with room for eight names. A server that is killed (-9, out of memory, a crash)
# leaves its entry, though its process is gone and the entry names that process; nobody takes the entry over but a server of the same
# name. After eight such ends under eight names no ninth name starts any more, until the files in /dev/shm are removed or the machine
# starts anew; an old name still starts. Whoever gives each server a new name (a test suite, a session script with its process number)
# gets there.
#
# Seen:
#   8 servers under names of their own, each killed: all 8 started
#   a ninth name: refused (Too many servers already active)
#   the first name again: started
#
# Runs in a mount namespace with a /dev/shm of its own; needs user namespaces or root, curl and dpkg-deb.
set -euo pipefail
if [ -z "${INSIDE:-}" ]; then
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    for package in jackd2 libjack-jackd2-0; do
        curl -fsS -o "$place/$package.deb" "https://deb.debian.org/debian/pool/main/j/jackd2/${package}_1.9.21~dfsg-3_amd64.deb"
        dpkg-deb -x "$place/$package.deb" "$place"
    done
    map=()
    [ "$(id -u)" = 0 ] || map=(--map-root-user)
    INSIDE=$place unshare "${map[@]}" --mount bash "$0"
    exit
fi
mount -t tmpfs tmpfs /dev/shm
export LD_LIBRARY_PATH=$INSIDE/usr/lib/x86_64-linux-gnu JACK_DRIVER_DIR=$INSIDE/usr/lib/x86_64-linux-gnu/jack

# Whether a server of that name comes up; it is killed then.
starts() {
    local up=1
    "$INSIDE/usr/bin/jackd" --no-realtime -n "$1" -d dummy >"$INSIDE/$1.log" 2>&1 &
    local server=$!
    for _ in $(seq 50); do
        if [ -S "/dev/shm/jack_$1_0_0" ] || compgen -G "/dev/shm/jack_$1_*_0" >/dev/null; then
            up=0
            break
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    sleep 0.3
    kill -0 "$server" 2>/dev/null || up=1
    kill -9 "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -f /dev/shm/jack_"$1"_*
    return $up
}

for number in 1 2 3 4 5 6 7 8; do
    starts "name$number" || { cat "$INSIDE/name$number.log"; echo "server $number did not start: the table has become smaller"; exit 1; }
done
echo "8 servers under names of their own, each killed: all 8 started"
if starts name9; then
    echo "a ninth name starts: the places of dead servers are given away now"
    exit 1
fi
grep -q "Too many servers already active" "$INSIDE/name9.log" || { cat "$INSIDE/name9.log"; echo "it is refused for another reason"; exit 1; }
echo "a ninth name: refused (Too many servers already active)"
starts name1 || { echo "the first name no longer starts"; exit 1; }
echo "the first name again: started"
