#!/usr/bin/env bash
# FFmpeg 7.0.2 (in imageio-ffmpeg 0.6.0), its own decoder of VP9; the same in FFmpeg 5.1.9
#
# A WebM file of VP9 may have an alpha channel: the stream's tag `alpha_mode` is 1, and each packet carries a second picture beside
# the first. FFmpeg's own decoder, which it takes unless told otherwise, reads the tag, passes over the second picture, and says
# nothing: what was transparent shows the colour hidden below. `libvpx-vp9`, asked for by name, reads it. The same holds for VP8 and
# `libvpx`. The pixel format that `ffprobe` names is the first decoder's, so it does not give it away either.
#
# Seen:
#   by itself: yuv420p, 0 254 0
#   libvpx-vp9: yuva420p, 0 0 0 (over black)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: imageio-ffmpeg==0.6.0
bundled=$("$place/venv/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
ffmpeg() { "$bundled" "$@"; }
film=$place/glass.webm
# Lime that is wholly transparent.
ffmpeg -v error -f lavfi -i 'color=lime@0:s=32x32:r=5:d=0.2,format=rgba' -c:v libvpx-vp9 -pix_fmt yuva420p -auto-alt-ref 0 "$film"

show() { # NAME DECODER...
    local name=$1 format levels
    shift
    format=$(ffmpeg -v info "$@" -i "$film" -f null - 2>&1 | sed -n 's/.*Video: vp9[^,]*, \([a-z0-9]*\).*/\1/p' | awk 'NR == 1')
    levels=$(ffmpeg -v error "$@" -i "$film" -filter_complex '
        color=black:s=32x32:r=5:d=0.2[under];[under][0:v]overlay=format=auto,format=rgb24' -frames:v 1 -f rawvideo - | od -An -tu1 -N3)
    echo "$name: $format,$(echo "$levels" | tr -s ' ')"
}
seen=$(show 'by itself'; show libvpx-vp9 -c:v libvpx-vp9)
echo "$seen"
[[ $seen == "by itself: yuv420p, 0 "25?" 0"*"libvpx-vp9: yuva420p, 0 0 0" ]] || { echo "it has changed"; exit 1; }
