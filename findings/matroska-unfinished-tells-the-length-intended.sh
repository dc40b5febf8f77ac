#!/usr/bin/env bash
# FFmpeg 7.0.2 (in imageio-ffmpeg 0.6.0), read with PyAV 18.1.0
#
# Matroska is what one records to when the power may go, for it plays up to its last whole cluster. How long it then *says* it is
# depends on something else: with `-t 60` on the command line the header holds sixty seconds from the first moment, as what is
# intended, and only the trailer puts in what there is. Killed after four seconds the file goes on to say sixty, and seek bars,
# editors and "it holds a minute" checks believe it. Without `-t` an unfinished file says nothing, which can at least be seen.
#
# Seen (killed after four seconds):
#   without -t: no duration, 4.0 s of pictures
#   with -t 60: 60.0 s, 4.0 s of pictures
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: imageio-ffmpeg==0.6.0 av==18.1.0
cd "$place"
ffmpeg=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -version | head -n 1
for length in "" "-t 60"; do
    # shellcheck disable=SC2086
    "$ffmpeg" -v error -y -re -f lavfi -i testsrc=size=160x120:rate=10 $length -c:v libx264 -preset ultrafast -tune zerolatency \
        -g 5 -flush_packets 1 -cluster_time_limit 500 film.mkv &
    recorder=$!
    sleep 4
    kill -9 $recorder
    wait $recorder 2>/dev/null || true
    venv/bin/python - "$length" <<'PYTHON'
import sys, av
length = sys.argv[1]
with av.open("film.mkv") as film:
    told = film.duration and film.duration / av.time_base
    last = 0
    try:
        for picture in film.decode(video=0):
            last = picture.time + 0.1
    except av.FFmpegError:
        pass  # the cluster that was being written
print(f"with {length}:" if length else "without -t:", f"{told:.1f} s," if told else "no duration,", f"{last:.1f} s of pictures")
assert 2 < last < 6, "the recording was not what was wanted"
assert told == (60 if length else None), "it has changed"
PYTHON
done
