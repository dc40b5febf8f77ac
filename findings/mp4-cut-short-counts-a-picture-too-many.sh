#!/usr/bin/env bash
# FFmpeg's mp4 reader as PyAV 18.1.0 carries it; the same with OpenCV 5.0.0.93 (opencv-python-headless)
#
# A fragment of an mp4 says first where its pictures lie, then come the pictures. Where a recording was cut off amid one (a full disk,
# a crash), the reader hands the piece of it that is there out as a packet like any other, only with the flag "corrupt", which few
# look at. So counting packets says one picture more than there is, copying without decoding carries the piece into the new file, and
# PyAV's loop over pictures ends with an exception at the end of a recording that is otherwise in order. OpenCV ends one picture
# earlier than the packets, without a word.
#
# Seen (60 pictures, cut in the middle of the 44th):
#   packets 44, of them corrupt 1
#   PyAV: 43 pictures, then InvalidDataError
#   OpenCV: 43 pictures
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: av==18.1.0 opencv-python-headless==5.0.0.93
cd "$place"
OPENCV_LOG_LEVEL=OFF OPENCV_FFMPEG_LOGLEVEL=-8 venv/bin/python - <<'PYTHON'
import av, cv2, numpy

noise = numpy.random.default_rng(1)
with av.open("whole.mp4", "w", options={"movflags": "frag_keyframe+empty_moov"}) as film:
    stream = film.add_stream("libx264", rate=30)
    stream.width = stream.height = 128
    stream.pix_fmt = "yuv420p"
    stream.options = {"g": "15", "preset": "ultrafast", "tune": "zerolatency"}
    for _ in range(60):
        film.mux(stream.encode(av.VideoFrame.from_ndarray(noise.integers(0, 255, (128, 128, 3), dtype=numpy.uint8), "rgb24")))
    film.mux(stream.encode())
with av.open("whole.mp4") as film:
    packet = [packet for packet in film.demux(video=0) if packet.size][43]
    middle = packet.pos + packet.size // 2
with open("whole.mp4", "rb") as whole, open("cut.mp4", "wb") as cut:
    cut.write(whole.read(middle))

with av.open("cut.mp4") as film:
    packets = [packet.is_corrupt for packet in film.demux(video=0) if packet.size]
print(f"packets {len(packets)}, of them corrupt {sum(packets)}")
decoded, end = 0, "no error"
with av.open("cut.mp4") as film:
    try:
        for _ in film.decode(video=0):
            decoded += 1
    except av.FFmpegError as error:
        end = type(error).__name__
print(f"PyAV: {decoded} pictures, then {end}")
film, read = cv2.VideoCapture("cut.mp4"), 0
while film.read()[0]:
    read += 1
print(f"OpenCV: {read} pictures")
assert (len(packets), sum(packets), decoded, end, read) == (44, 1, 43, "InvalidDataError", 43), "it has changed"
PYTHON
