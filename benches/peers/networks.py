"""The studies networks in PyTorch, for pictures of 256 x 256, and the files that the other runtimes read.

Where the sizes and the order of layers come from: `src/network/spec.rs`.
"""
import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import files

SIDE, LATENT = 256, 200
GENERATOR = 1024, 512, 512, 512, 256, 128
DISCRIMINATOR = 128, 256, 512, 512, 512, 1024


def scaled(channels, width):
    return [int(count * width) for count in channels]


class SpelledBatchNorm(nn.Module):
    """Batch norm of a batch's own statistics in plain operations: no exporter turns those into running ones."""

    def __init__(self, norm):
        super().__init__()
        # Shaped here: where the exporter does it, it drops one of two that are alike and leaves a file that nobody can read.
        self.weight = nn.Parameter(norm.weight.detach().view(1, -1, 1, 1))
        self.bias = nn.Parameter(norm.bias.detach().view(1, -1, 1, 1))
        self.eps = norm.eps

    def forward(self, x):
        centred = x - x.mean((0, 2, 3), keepdim=True)
        variance = (centred * centred).mean((0, 2, 3), keepdim=True)
        return centred * (self.weight * torch.rsqrt(variance + self.eps)) + self.bias


class Generator(nn.Module):
    """(rows, LATENT) standard normals to (rows, 3, SIDE, SIDE) in -1..1."""

    def __init__(self, width):
        super().__init__()
        channels = scaled(GENERATOR, width)
        self.input = nn.Linear(LATENT, channels[0] * 4 * 4)
        steps = []
        for inputs, outputs in zip(channels, [*channels[1:], 3]):
            steps.append(nn.BatchNorm2d(inputs))
            steps.append(nn.LeakyReLU(0.2))
            steps.append(nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1))
        self.net = nn.Sequential(*steps, nn.Tanh())

    def forward(self, z):
        return self.net(self.input(z).view(-1, self.input.out_features // 16, 4, 4))


class Discriminator(nn.Module):
    """(rows, 3, SIDE, SIDE) to (rows, 1) logits."""

    def __init__(self, width):
        super().__init__()
        channels = scaled(DISCRIMINATOR, width)
        steps = []
        for inputs, outputs in zip([3, *channels], channels):
            steps.append(nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1))
            if inputs != 3:
                steps.append(nn.BatchNorm2d(outputs))
            steps.append(nn.LeakyReLU(0.2))
        self.net = nn.Sequential(*steps)
        self.output = nn.Linear(channels[-1] * 4 * 4, 1)

    def forward(self, pictures):
        return self.output(self.net(pictures).flatten(1))


def random_generator(width):
    """Seeded random weights, and running statistics that fit them: those of eight rows."""
    torch.manual_seed(0)
    generator = Generator(width)
    norms = [layer for layer in generator.net if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
        norm.momentum = 1.0
    with torch.no_grad():
        generator(torch.randn(8, LATENT))
    for norm in norms:
        norm.momentum = 0.1
    return generator.eval()


def with_batch_statistics(generator, spelled=False):
    """Makes batch norm take the rows' own statistics, and keep none."""
    for place, layer in enumerate(generator.net):
        if isinstance(layer, nn.BatchNorm2d):
            if spelled:
                generator.net[place] = SpelledBatchNorm(layer)
            else:
                layer.track_running_stats, layer.running_mean, layer.running_var = False, None, None
    return generator


def load(folder, width, norm, spelled=False):
    """The generator that `export` wrote."""
    generator = Generator(width).eval()
    generator.load_state_dict(load_file(files.weights(folder, width)), strict=False)
    return with_batch_statistics(generator, spelled) if norm == "batch" else generator


def export(folder, width):
    """Writes one generator for all: safetensors for this program and PyTorch, ONNX for the rest; latents, and their pictures."""
    state = random_generator(width).state_dict()
    save_file({n: t for n, t in state.items() if t.is_floating_point()}, files.weights(folder, width))
    for norm, rows in files.FRAMES:
        z = torch.randn(rows, LATENT)
        with torch.no_grad():
            pictures = load(folder, width, norm)(z)
        numpy.save(files.latents(folder, width, rows), z.numpy())
        numpy.save(files.pictures(folder, width, norm, rows), pictures.numpy())
        torch.onnx.export(
            load(folder, width, norm, spelled=True),
            (z,),
            files.onnx(folder, width, norm, rows),
            input_names=["z"],
            output_names=["pictures"],
            # The older exporter: the newer one wants another package, and the network is plain.
            dynamo=False,
        )
