#!/usr/bin/env python3
"""Makes docs/latentloop.webp: the three models that come with the program, each performed by a take, the loop and then the look.

scripts/clip.py PROGRAM; needs ffmpeg and img2webp (on Debian, the package webp)."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SECS = 8
FPS = 12


def bump(at, begin, end, ramp=0.9):
    """0 outside of begin and end, 1 within, smooth between."""
    part = max(0.0, min(1.0, (at - begin) / ramp, (end - at) / ramp))
    return part * part * (3 - 2 * part)


# Of each model: keyframes, parameters that stand, and parameters over time.
PERFORMANCES = {
    "nosferatu": (
        [5, 17, 32, 12, 30, 43, 26, 34],
        {"look.feedback_zoom": 0.55, "look.feedback_decay": 0.2, "look.feedback_rotate": 10.0},
        {
            "look.feedback": lambda at: 0.72 * bump(at, 2.6, 7.2),
            "look.gain": lambda at: 1 + 0.35 * bump(at, 2.6, 7.2),
            "look.contrast": lambda at: 1 + 0.35 * bump(at, 2.6, 7.2),
            "look.bloom": lambda at: 0.5 * bump(at, 3.2, 7.2),
        },
    ),
    "crystal": (
        [23, 4, 38, 24, 42, 11, 29, 5],
        {"look.bloom_warmth": 0.6},
        {
            "look.mirror": lambda at: "horizontal" if 2 <= at < 6.5 else "off",
            "look.displace": lambda at: 0.5 * bump(at, 3.4, 6.5),
            "look.chromatic": lambda at: 0.6 * bump(at, 3, 7),
            "look.saturation": lambda at: 1 + 0.3 * bump(at, 2, 7),
            "look.bloom": lambda at: 0.7 * bump(at, 3, 7),
        },
    ),
    "flower": (
        [12, 14, 16, 35, 8, 20, 9, 29],
        {},
        {
            "look.kaleidoscope": lambda at: "6" if 3 <= at < 7 else "off",
            "look.kaleidoscope_turn": lambda at: 22 * max(0.0, min(at - 3, 4)),
            "look.hue": lambda at: -50 * bump(at, 3.2, 7, 1.4),
            "look.bloom": lambda at: 0.5 * bump(at, 3, 7),
        },
    ),
}


def write(place, model):
    """The preset and the take of a model's performance."""
    seeds, params, moves = PERFORMANCES[model]
    keyframes = ", ".join(f"{{ seed = {seed} }}" for seed in seeds)
    preset = ["version = 1", f'model = "{model}.safetensors"', f"keyframes = [{keyframes}]", "[params]"]
    # Eight keyframes in eight seconds: the last picture leads back to the first.
    preset += ['"loop.speed" = 1.0', '"loop.path" = "slerp"', '"loop.ease" = "smooth"']
    preset += [f'"{name}" = {value}' for name, value in params.items()]
    (place / f"{model}.toml").write_text("\n".join(preset) + "\n")
    take = ["latentloop take 1", f"preset {model}.toml", f"length {SECS}"]
    last = {}
    for step in range(SECS * 2 * FPS):
        at = step / (2 * FPS)
        for name, move in moves.items():
            value = move(at)
            value = value if isinstance(value, str) else f"{value:.4f}"
            if last.get(name) != value:
                last[name] = value
                take.append(f"{at:.4f} {name} {value}")
    (place / f"{model}.take").write_text("\n".join(take) + "\n")


def main():
    program = Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else sys.exit(__doc__)
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        inputs = []
        for model in PERFORMANCES:
            shutil.copy(root / "models" / f"{model}.safetensors", place)
            write(place, model)
            render = [program, "take", "render", place / f"{model}.take", "-o", place / model, "--fps", str(FPS), "--norm", "running"]
            subprocess.run(render, check=True, env={**os.environ, "LATENTLOOP_CONFIG": folder})
            inputs += ["-framerate", str(FPS), "-i", place / model / "%06d.png"]
        (place / "frames").mkdir()
        gap = "pad=264:256:0:0:0x0d1117"
        beside = f"[0]{gap}[a];[1]{gap}[b];[a][b][2]hstack=3"
        subprocess.run(["ffmpeg", "-v", "error", *inputs, "-filter_complex", beside, place / "frames" / "%03d.png"], check=True)
        frames = sorted((place / "frames").iterdir())
        options = ["-loop", "0", "-lossy", "-q", "62", "-m", "4", "-d", str(round(1000 / FPS))]
        subprocess.run(["img2webp", *options, *frames, "-o", root / "docs" / "latentloop.webp"], check=True)


if __name__ == "__main__":
    main()
