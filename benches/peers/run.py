#!/usr/bin/env python3
"""Times this program and its peers in turn, on the same weights and threads, and prints the ratios.

    cargo build --release
    benches/peers/run.py --program target/release/latentloop

A frame at batch 1 with running statistics, eight rows with their own, a training step of eight pictures; README.md says
what each program is given.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

# PyTorch is not imported here: Linux counts what a parent holds into the peak memory of the child it starts.
import files

HERE = pathlib.Path(__file__).resolve().parent
OURS = "latentloop"
FRAME_PEERS = "pytorch", "pytorch-contiguous", "pytorch-compiled", "onnxruntime", "openvino"
STEP_PEERS = "pytorch", "pytorch-contiguous"
STEP_PICTURES = 8


class Failed(Exception):
    """A program that did not run; the text says which and why."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parents[1] / "target/release/latentloop")
    parser.add_argument("--widths", type=positive(float), nargs="+", default=[0.25, 1.0])
    parser.add_argument("--rounds", type=positive(int), default=8)
    parser.add_argument("--threads", type=positive(int), default=physical_cores(), help="of every program")
    parser.add_argument("--runs", type=positive(int), default=30, help="full-width frames a round; smaller ones more often")
    parser.add_argument("--step-runs", type=positive(int), default=3, help="training steps a round")
    parser.add_argument("--step-widths", type=positive(float), nargs="*", default=[0.25], help="a full-width step takes ten seconds")
    parser.add_argument("--peers", nargs="+", choices=FRAME_PEERS, default=FRAME_PEERS)
    parser.add_argument("--json", action="store_true", help="every figure, instead of the table")
    args = parser.parse_args()
    if not os.access(args.program, os.X_OK):
        parser.error(f"cannot time {args.program}: no program is there. Build it by cargo build --release, or give --program")
    try:
        with tempfile.TemporaryDirectory(prefix="peers-") as folder:
            report = measure(args, folder)
    except Failed as failed:
        sys.exit(str(failed))
    print(json.dumps(report, indent=1) if args.json else table(report))


def positive(kind):
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return parse


def measure(args, folder):
    """Every (program, task) of a round in turn, the rounds one after the other."""
    tasks = []
    for width in args.widths:
        say(f"export width {width}")
        try:
            child([sys.executable, HERE / "peer.py", "export", folder, "--width", width], args.threads, folder)
        except Failed as failed:
            raise Failed(f"cannot write the networks: {failed}; README.md says what to install") from failed
        for norm, rows in files.FRAMES:
            runs = max(10, round(args.runs / (rows * width)))
            tasks.append({"work": "frame", "width": width, "norm": norm, "rows": rows, "runs": runs})
    for width in args.step_widths:
        tasks.append({"work": "step", "width": width, "rows": STEP_PICTURES, "runs": args.step_runs})
    versions, skipped = {}, {}
    for task in tasks:
        task["programs"] = {}
    for number in range(args.rounds):
        for task in tasks:
            for program in in_turn(number, [OURS, *peers(task, args.peers)]):
                key = f"{program}, {title(task)}"
                if key in skipped:
                    continue
                say(f"round {number + 1} of {args.rounds}: {title(task)}: {program}")
                try:
                    result = time_one(program, task, args, folder)
                except Failed as failed:
                    if program == OURS:
                        raise Failed(f"cannot time {program}: {failed}") from failed
                    skipped[key] = str(failed)
                    say(f"left out: {failed}")
                    continue
                versions[program] = result.pop("version", None) or versions.get(program)
                task["programs"].setdefault(program, []).append(result)
    for task in tasks:
        task["programs"] = {program: summary(rounds) for program, rounds in task["programs"].items()}
    return {
        "processor": processor(),
        "system": platform.platform(),
        "threads": args.threads,
        "rounds": args.rounds,
        "versions": versions,
        "skipped": skipped,
        "tasks": tasks,
    }


def peers(task, chosen):
    return [peer for peer in chosen if task["work"] == "frame" or peer in STEP_PEERS]


def in_turn(number, programs):
    """Each round begins with another program, so that none always has the machine as the same neighbour left it."""
    first = number % len(programs)
    return programs[first:] + programs[:first]


def time_one(program, task, args, folder):
    counts = ["--threads", args.threads, "--runs", task["runs"]]
    if program == OURS:
        if task["work"] == "step":
            what = ["--train", "--width", task["width"]]
        else:
            what = [files.weights(folder, task["width"]), "--engine", "cpu", "--norm", task["norm"]]
        command = [args.program.resolve(), "bench", *what, "--batch", task["rows"], "--json", *counts]
    else:
        what = ["--norm", task["norm"]] if task["work"] == "frame" else []
        command = [HERE / "peer.py", program, task["work"], folder, "--width", task["width"], "--rows", task["rows"]]
        command = [sys.executable, *command, *what, *counts]
        if program == "pytorch-compiled" and not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
            raise Failed(f"it needs a C++ compiler, and none is on the PATH")
    lines, peak_mb = child(command, args.threads, folder)
    try:
        result = json.loads(lines[-1])
        kept = {key: result[key] for key in ("median_ms", "min_ms")}
    except (IndexError, ValueError, KeyError) as error:
        raise Failed(f"the last line is not the times in JSON: {lines[-1:]} ({error!r})") from error
    version = result.get("version") or our_version(args.program)
    return {**kept, "peak_mb": peak_mb, "before_mb": result.get("before_mb"), "note": result.get("note"), "version": version}


def child(command, threads, folder):
    """Its lines of output, and its peak resident memory in MiB."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        # What torch.compile makes is kept from round to round, and goes with the folder.
        "TORCHINDUCTOR_CACHE_DIR": str(pathlib.Path(folder) / "compiled"),
    }
    command = list(map(str, command))
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        lines = process.stdout.read().splitlines()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().strip().splitlines()
    if process.returncode != 0:
        why = said[-1] if said else "it said nothing"
        raise Failed(f"{' '.join(command)} ended with {process.returncode}: {why}")
    return lines, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def summary(rounds):
    medians = [result["median_ms"] for result in rounds]
    before = [result["before_mb"] for result in rounds if result["before_mb"] is not None]
    return {
        "median_ms": statistics.median(medians),
        "min_ms": min(result["min_ms"] for result in rounds),
        "rounds_ms": medians,
        "peak_mb": max(result["peak_mb"] for result in rounds),
        "before_mb": max(before, default=None),
        "note": rounds[0]["note"],
    }


def table(report):
    lines = [
        f"{report['processor']}, {report['threads']} threads, {report['system']}; "
        f"medians of {report['rounds']} rounds, each program in its turn; versions: "
        + ", ".join(f"{program} {version}" for program, version in report["versions"].items()),
        "",
    ]
    programs = list(dict.fromkeys(program for task in report["tasks"] for program in task["programs"]))
    programs.sort(key=lambda program: (OURS, *FRAME_PEERS).index(program))
    lines.append("| median, ms | " + " | ".join(programs) + " | best peer / ours | in single rounds |")
    lines.append("|---" * (len(programs) + 3) + "|")
    for task in report["tasks"]:
        cells = [milliseconds(task["programs"].get(program)) for program in programs]
        lines.append(f"| {title(task)} | " + " | ".join(cells) + f" | {ratio(task)} |")
    steps = [task for task in report["tasks"] if task["work"] == "step"]
    if steps:
        lines += ["", "| peak memory, MiB | program | whole process | before the first step |", "|---|---|---|---|"]
    for task in steps:
        for program, result in task["programs"].items():
            before = "" if result["before_mb"] is None else f"{result['before_mb']:.0f}"
            lines.append(f"| {title(task)} | {program} | {result['peak_mb']:.0f} | {before} |")
    notes = [
        f"{title(task)}: {program}: {result['note']}."
        for task in report["tasks"]
        for program, result in task["programs"].items()
        if result["note"]
    ]
    if notes or report["skipped"]:
        lines.append("")
    lines += notes
    lines += [f"Left out: {program}: {why}." for program, why in report["skipped"].items()]
    return "\n".join(lines)


def milliseconds(result):
    return "" if result is None else f"{result['median_ms']:.4g}"


def ratio(task):
    """The best peer's time over this program's: of the medians, then the least and greatest of single rounds."""
    ours = task["programs"][OURS]
    others = {program: result for program, result in task["programs"].items() if program != OURS}
    if not others:
        return "no peer ran | "
    best = min(others, key=lambda program: others[program]["median_ms"])
    ratios = [theirs / own for theirs, own in zip(others[best]["rounds_ms"], ours["rounds_ms"])]
    total = others[best]["median_ms"] / ours["median_ms"]
    return f"{total:.2f} ({best}) | {min(ratios):.2f} to {max(ratios):.2f}"


def title(task):
    what = f"frame, {task['norm']} norm" if task["work"] == "frame" else "training step"
    return f"{what}, batch {task['rows']}, width {task['width']:g}"


def our_version(program):
    out = subprocess.run([program.resolve(), "--version"], capture_output=True, text=True)
    return out.stdout.strip().removeprefix(f"{OURS} ") or "of unknown version"


def physical_cores():
    """Those that this process may use; hyper-threads of one core count once."""
    if sys.platform == "darwin":
        return int(subprocess.run(["sysctl", "-n", "hw.physicalcpu"], capture_output=True, text=True).stdout or 1)
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings.add(path.read_text() if path.exists() else cpu)
    return len(siblings)


def processor():
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    info = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
