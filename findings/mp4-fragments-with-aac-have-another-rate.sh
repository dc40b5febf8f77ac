#!/usr/bin/env bash
# FFmpeg 7.0.2 (in imageio-ffmpeg 0.6.0), read with PyAV 18.1.0
#
# A recording that survives a crash is a fragmented mp4: `-movflags +empty_moov+frag_keyframe`. With AAC beside them its pictures, made at
# exactly 30 a second, have an average rate of 172800/5801 = 29.79, and the first white one of them, made for 1 s, comes at
# 1.021 s. AAC's encoder puts 1,024 samples before the sound, at a time below zero; a header that is written before any packet has no
# edit list to take them off, so the muxer moves both streams later, and the first picture is shown from zero on all the same: it
# lasts 21 ms longer, and the average is taken over that. Nothing is out of step, and nothing warns; editors that build their project
# on a film's average rate (MLT's do) have one that no frame of it keeps. `delay_moov` has an edit list and the rate, but such a file is
# unreadable until its first fragment is out. The other way is sound whose first timestamp is zero: the encoder's start takes the place
# of the sound's first 1,024 samples.
#
# Seen:
#   empty_moov: 172800/5801 a second, white at 1.021 s, click at 1.021 s
#   empty_moov+delay_moov: 30/1 a second, white at 1.000 s, click at 1.000 s
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: imageio-ffmpeg==0.6.0 av==18.1.0 numpy==2.2.6
cd "$place"
ffmpeg=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -version | head -n 1
venv/bin/python - <<'PYTHON'
import struct, wave
with wave.open("click.wav", "wb") as sound:
    sound.setnchannels(1)
    sound.setsampwidth(2)
    sound.setframerate(48000)
    levels = [0] * 144000
    levels[48000:48048] = [29000] * 48
    sound.writeframes(struct.pack("<144000h", *levels))
PYTHON
white="color=black:size=64x64:rate=30:duration=3,geq=lum='if(gte(T,1),235,16)':cb=128:cr=128"
for flags in empty_moov empty_moov+delay_moov; do
    "$ffmpeg" -v error -y -f lavfi -i "$white" -i click.wav -c:v mpeg4 -c:a aac -movflags "+frag_keyframe+$flags" film.mp4
    venv/bin/python - $flags <<'PYTHON'
import sys, av, numpy as np
flags = sys.argv[1]
with av.open("film.mp4") as film:
    rate = film.streams.video[0].average_rate
    white = next(picture.time for picture in film.decode(video=0) if picture.to_ndarray(format="gray").mean() > 128)
click = None
with av.open("film.mp4") as film:
    for block in film.decode(audio=0):
        at = np.flatnonzero(np.abs(block.to_ndarray()).max(axis=0) > 0.3)
        if click is None and len(at):
            click = block.time + at[0] / block.sample_rate
print(f"{flags}: {rate.numerator}/{rate.denominator} a second, white at {white:.3f} s, click at {click:.3f} s")
is_late = flags == "empty_moov"
assert (rate == 30) != is_late, "it has changed"
assert abs(white - (1.0213 if is_late else 1.0)) < 0.002 and abs(click - white) < 0.002, "it has changed"
PYTHON
done
