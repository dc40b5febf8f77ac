#!/usr/bin/env bash
# FFmpeg 5.1.9 (Debian 12), libavformat
#
# What a file is, FFmpeg tells by its first bytes: a playlist is opened as one whatever its name, `clip.mp4` too, and then opens the
# files that it names. The option `format_whitelist` is asked after that look and before anything of the list is read; its answer
# is EINVAL, "Invalid argument", which says neither what the file was nor that a whitelist refused it.
#
# Seen:
#   clip.mp4, which is a list: hls, 25 frames
#   with -format_whitelist mov: Invalid argument
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
ffmpeg -v error -f lavfi -i testsrc=s=64x64:r=25:d=1 -c:v mpeg2video -f mpegts "$place/film.ts"
printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.ts\n#EXT-X-ENDLIST\n' >"$place/clip.mp4"

format=$(ffprobe -v error -show_entries format=format_name -of csv=p=0 "$place/clip.mp4")
frames=$(ffprobe -v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$place/clip.mp4" | awk -F, 'NR == 1 { print $1 }')
echo "clip.mp4, which is a list: $format, $frames frames"
said=$(ffprobe -v error -format_whitelist mov "$place/clip.mp4" 2>&1 | sed 's/.*: //' | tail -1 || true)
echo "with -format_whitelist mov: $said"
