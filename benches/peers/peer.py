#!/usr/bin/env python3
"""One peer, timed in a process of its own so that no two thread pools meet. `run.py` starts it; a line of JSON says how it went.

    ./peer.py pytorch frame FOLDER --width 0.25 --norm running --rows 1 --threads 2 --runs 60
    ./peer.py pytorch step FOLDER --width 0.25 --rows 8 --threads 2 --runs 5
    ./peer.py export FOLDER --width 0.25
"""
import argparse
import json
import resource
import statistics
import sys
import time

import numpy

import files

WARM_UP = 3
# What one peer's picture may differ from PyTorch's by, of a range of 2; its frame is of no use beyond that.
TOLERANCE = 2e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=["export", *FRAMES])
    parser.add_argument("work", nargs="?", choices=["frame", "step"], default="frame")
    parser.add_argument("folder")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--norm", choices=["running", "batch"], default="running")
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    args.note = None
    if args.program == "export":
        import networks

        networks.export(args.folder, args.width)
        return
    if args.work == "step":
        if args.program not in STEPS:
            parser.error(f"{args.program} trains nothing: the step is that of {' or '.join(STEPS)}")
        version, before = STEPS[args.program](args)
    else:
        version, before = FRAMES[args.program](args)
    result = timed(before, args.runs)
    if args.work == "frame":
        compare(args, before())
    print(json.dumps({"program": args.program, "version": version, "note": args.note, **result}))


def timed(work, runs):
    """Milliseconds a run, and the process's resident memory in MiB before the first of them."""
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    times = []
    for run in range(WARM_UP + runs):
        start = time.perf_counter()
        work()
        if run >= WARM_UP:
            times.append((time.perf_counter() - start) * 1e3)
    return {"median_ms": statistics.median(times), "min_ms": min(times), "before_mb": resident}


def difference(args, pictures):
    expected = numpy.load(files.pictures(args.folder, args.width, args.norm, args.rows))
    return float(numpy.abs(numpy.asarray(pictures) - expected).max())


def compare(args, pictures):
    error = difference(args, pictures)
    if not error < TOLERANCE:
        sys.exit(f"{args.program} draws another picture than PyTorch does: they differ by {error:.2g} of 2")


def pytorch_threads(threads):
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    return torch


def pytorch(args, memory_format="channels_last"):
    import networks

    torch = pytorch_threads(args.threads)
    generator = networks.load(args.folder, args.width, args.norm)
    generator = generator.to(memory_format=getattr(torch, memory_format))
    z = torch.from_numpy(numpy.load(files.latents(args.folder, args.width, args.rows)))

    def frame():
        with torch.no_grad():
            return generator(z)

    return torch.__version__, frame


def pytorch_compiled(args):
    """By torch.compile; frozen, which is fastest, where the frozen network still draws the same picture."""
    import networks

    torch = pytorch_threads(args.threads)
    import torch._inductor.config

    z = torch.from_numpy(numpy.load(files.latents(args.folder, args.width, args.rows)))

    def compiled(frozen):
        torch._dynamo.reset()
        torch._inductor.config.freezing = frozen
        generator = networks.load(args.folder, args.width, args.norm)
        generator = torch.compile(generator.to(memory_format=torch.channels_last))

        def frame():
            with torch.no_grad():
                return generator(z)

        return frame

    frame = compiled(frozen=True)
    # PyTorch 2.15 freezes the network of running statistics into one that draws something else.
    if not difference(args, frame()) < TOLERANCE:
        args.note = "not frozen: its frozen network draws another picture"
        frame = compiled(frozen=False)
    return torch.__version__, frame


def onnxruntime(args):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    file = files.onnx(args.folder, args.width, args.norm, args.rows)
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    z = numpy.load(files.latents(args.folder, args.width, args.rows))
    return ort.__version__, lambda: session.run(None, {"z": z})[0]


def openvino(args):
    import openvino as ov

    file = files.onnx(args.folder, args.width, args.norm, args.rows)
    model = ov.Core().compile_model(
        str(file),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": args.threads,
            "NUM_STREAMS": 1,
            # It would take bf16 by itself where the processor has it; everyone here draws in f32.
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = model.create_infer_request()
    z = numpy.load(files.latents(args.folder, args.width, args.rows))

    def frame():
        request.infer({0: z}, share_inputs=True)
        return request.get_output_tensor(0).data

    return ov.__version__.split("-")[0], frame


def pytorch_step(args, memory_format="channels_last"):
    """The reference recipe's step: the discriminator's, then the generator's, labels and latents drawn in it."""
    import networks

    torch = pytorch_threads(args.threads)
    torch.manual_seed(0)
    order = getattr(torch, memory_format)
    generator = networks.Generator(args.width).to(memory_format=order)
    discriminator = networks.Discriminator(args.width).to(memory_format=order)
    adams = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (discriminator, generator)]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    rows = args.rows
    real = torch.randn(rows, 3, networks.SIDE, networks.SIDE).tanh().to(memory_format=order)

    def draw():
        return generator(torch.randn(rows, networks.LATENT))

    def step():
        flipped = torch.rand(rows, 1) < 0.03
        real_labels = torch.full((rows, 1), 0.9 + 0.2 * torch.rand(()).item()).masked_fill(flipped, 0.0)
        fake_labels = torch.full((rows, 1), 0.2 * torch.rand(()).item()).masked_fill(flipped, 1.0)
        adams[0].zero_grad()
        with torch.no_grad():
            fake = draw()
        (loss(discriminator(real), real_labels) + loss(discriminator(fake), fake_labels)).backward()
        adams[0].step()

        adams[1].zero_grad()
        # The discriminator's own gradients are not asked for in this half.
        discriminator.requires_grad_(False)
        loss(discriminator(draw()), torch.ones(rows, 1)).backward()
        adams[1].step()
        discriminator.requires_grad_(True)

    return torch.__version__, step


FRAMES = {
    "pytorch": pytorch,
    "pytorch-contiguous": lambda args: pytorch(args, memory_format="contiguous_format"),
    "pytorch-compiled": pytorch_compiled,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
}
STEPS = {
    "pytorch": pytorch_step,
    "pytorch-contiguous": lambda args: pytorch_step(args, memory_format="contiguous_format"),
}

if __name__ == "__main__":
    main()
