"""Plays for ten minutes, records, and says whether anything was lost or grew: run.py [PROGRAM].

Needs Linux and ffprobe; with --screen also Xvfb and openbox.

A scripted hand moves faders fifty times a second, jumps, re-rolls, and blacks out, over OSC. The last two lines are the figures as
JSON and a verdict; it ends with 0 where all of it holds:

- the recorder lost no picture, and the film has as many as it says;
- no memory was taken after the first minute, but for what the log of the last ten minutes needs;
- 99 of 100 pictures came within 1.5 times the interval that is due.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the show's log may add: it goes back ten minutes, and is full only then.
LOG_MB = 12.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default=str(ROOT / "target/release/latentloop"))
    parser.add_argument("--piece", default=str(ROOT / "presets/first.toml"))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--fps", type=float, default=60.0)
    parser.add_argument("--screen", help="WIDTHxHEIGHT of a screen to fill, instead of none")
    parser.add_argument("--look", action="store_true", help="with feedback, colour, grain and vignette")
    parser.add_argument("--with", dest="options", default="", help="more options for play, in one word")
    return parser.parse_args()


def text(words):
    data = words.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


class Hand:
    """A performer at an OSC controller, always the same."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.2)
        self.turn = 0

    def send(self, address, *numbers):
        tags = text("," + "f" * len(numbers))
        self.socket.send(text(address) + tags + b"".join(struct.pack(">f", n) for n in numbers))

    def wait(self, process):
        """Until the show answers."""
        while process.poll() is None:
            try:
                self.send("/loop/speed")
                self.socket.recv(1024)
                return
            except (ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise SystemExit("the show has ended before it began")

    def dress(self):
        """A look."""
        for row, value in [("feedback", 0.5), ("saturation", 1.2), ("grain", 0.3), ("vignette", 0.5)]:
            self.send(f"/look/{row}", value)

    def play(self, now):
        """One of fifty moves a second."""
        self.turn += 1
        self.send("/loop/speed", 0.5 + 0.4 * math.sin(now))
        self.send("/loop/glide", 0.5 + 0.5 * math.sin(now / 7))
        if self.turn % 150 == 0:
            self.send(f"/keyframe/{1 + self.turn // 150 % 8}/jump")
        if self.turn % 250 == 0:
            self.send(f"/keyframe/{1 + self.turn // 250 % 8}/reroll")
        if self.turn % 3000 in (0, 25):
            self.send("/master/blackout")


def resident_mb(process):
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except FileNotFoundError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def screen(size):
    """The environment of a screen of that size, with a window manager."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-noreset"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as told:
                environment = {**os.environ, "DISPLAY": f":{told.readline().strip()}"}
            with subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL) as manager:
                try:
                    yield environment
                finally:
                    manager.kill()
        finally:
            server.terminate()


def perform(args, folder, environment=None):
    """Plays; gives the log and the memory by the second."""
    port = free_port()
    where = ["--fullscreen", "--console", "none"] if environment else ["--headless"]
    command = [args.program, "play", args.piece, *where, "--fps", str(args.fps)]
    command += ["--osc", f"127.0.0.1:{port}", "--seconds", str(args.seconds), "--stats", "stats.json"]
    command += args.options.split()
    memory = []
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stderr=log, stdout=subprocess.DEVNULL
        )
        try:
            hand = Hand(port)
            hand.wait(process)
            if args.look:
                hand.dress()
            hand.send("/record/toggle")
            begun, moves = time.perf_counter(), 0
            while process.poll() is None:
                now = time.perf_counter() - begun
                while moves < now * 50:
                    moves += 1
                    try:
                        hand.play(moves / 50)
                    except ConnectionError:
                        # It has ended between two moves.
                        break
                if len(memory) < now and (held := resident_mb(process)):
                    memory.append(round(held, 1))
                time.sleep(0.005)
        finally:
            process.kill()
    return (folder / "log").read_text(), memory, process.returncode


def pictures(film):
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets"]
    command += ["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", str(film)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(" ,\n"))


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if args.screen:
            with screen(args.screen) as environment:
                log, memory, ended = perform(args, folder, environment)
        else:
            log, memory, ended = perform(args, folder)
        told = re.search(r"recorded (.*): ([\d.]+) s, (\d+) pictures.*?, (\d+) dropped", log)
        if ended != 0 or not told:
            sys.exit(f"FAIL: the show ended with {ended}\n{log}")
        stats = json.loads((folder / "stats.json").read_text())
        film = pictures(folder / told[1])
    warm = memory[: max(5, min(60, len(memory) // 10))]
    rest = memory[len(warm) :] or warm
    growth = round(max(rest) - warm[-1], 1)
    p99, due = stats["frame_interval_ms"]["p99"], 1000 / args.fps
    faults = []
    if stats["recorder_dropped"] or int(told[4]):
        faults.append(f"the recorder lost {stats['recorder_dropped']} pictures")
    if film != int(told[3]):
        faults.append(f"the film has {film} pictures of {told[3]}")
    if film < 0.98 * args.fps * float(told[2]):
        faults.append(f"{film} pictures are too few for {told[2]} s")
    if growth > LOG_MB:
        faults.append(f"memory grew by {growth} MB after {len(warm)} s")
    if p99 > 1.5 * due:
        faults.append(f"p99 is {p99} ms where {due:.1f} are due")
    figures = {
        "seconds": args.seconds,
        "film_secs": float(told[2]),
        "film_pictures": film,
        "memory_warm_mb": warm[-1],
        "memory_most_mb": max(memory),
        "memory_growth_mb": growth,
        "memory_by_minute_mb": memory[::60] + memory[-1:],
        "stats": stats,
    }
    print(json.dumps(figures))
    print("FAIL: " + "; ".join(faults) if faults else "PASS")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
