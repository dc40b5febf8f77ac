"""Sends 20,000 OSC messages a second, faders and a trigger a second: osc.py PORT SECONDS."""

import socket
import struct
import sys
import time

RATE = 20_000
ADDRESSES = [
    "/loop/speed",
    "/loop/glide",
    "/master/fade",
    "/sound/depth",
    "/beat/tempo",
    "/loop/hold_secs",
    "/unit/loop/glide",
    "/_samplerate",
]


def text(words):
    data = words.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def packet(address, value):
    return text(address) + text(",f") + struct.pack(">f", value)


port, seconds = int(sys.argv[1]), float(sys.argv[2])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", port))
packets = [[packet(address, 0.2 + 0.6 * step / 63) for address in ADDRESSES] for step in range(64)]
trigger = text("/keyframe/3/reroll") + text(",")
begin, sent, triggers = time.perf_counter(), 0, 0
while (now := time.perf_counter() - begin) < seconds:
    while sent < int(now * RATE):
        out.send(packets[sent % 64][sent % len(ADDRESSES)])
        sent += 1
        if sent % RATE == 0:
            out.send(trigger)
            triggers += 1
    time.sleep(0.001)
print("sent", sent, "and", triggers, "triggers")
