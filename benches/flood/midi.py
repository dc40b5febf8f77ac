"""Plays control changes at the full rate of a MIDI cable on four ports of JACK: midi.py SECONDS (needs JACK-Client)."""

import os
import sys
import time

import jack

PORTS = 4
# 31,250 bits a second, ten bits a byte, three bytes a message.
RATE = 31_250 / 30

client = jack.Client("flood", servername=os.environ.get("JACK_DEFAULT_SERVER"))
ports = [client.midi_outports.register(f"out{number}") for number in range(PORTS)]
count = {"due": 0.0, "sent": 0}


@client.set_process_callback
def process(frames):
    count["due"] += RATE * frames / client.samplerate
    now = int(count["due"])
    count["due"] -= now
    for port in ports:
        port.clear_buffer()
        for place in range(now):
            count["sent"] += 1
            at = min(place * frames // max(now, 1), frames - 1)
            port.write_midi_event(at, (0xB0, 2, count["sent"] % 128))


with client:
    time.sleep(float(sys.argv[1]))
print("sent", count["sent"])
