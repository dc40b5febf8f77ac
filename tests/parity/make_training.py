#!/usr/bin/env python3
"""Makes training.safetensors with PyTorch in double precision: what `Trainer` must give.

    pip install torch numpy safetensors
    ./make_training.py

Both networks of the studies architecture for 64 x 64 pixels at 3/128 of their channels, so that no channel count is a
whole number of vectors; batches of four. Starting weights, pictures, labels and latents follow from `hashed` and
whole-number arithmetic, which tests/suite/training_parity.rs computes for itself. The file holds

    gradient.discriminator.NAME, gradient.generator.NAME   of the first step's losses, at the starting weights
    losses                                                 (50, 2): discriminator and generator, a step each
    final.discriminator.NAME, final.generator.NAME         parameters and running statistics after 50 steps
"""
import copy

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

SIDE, BATCH, LATENT, STEPS = 64, 4, 12, 50
GENERATOR, DISCRIMINATOR = (24, 12, 6, 3), (3, 6, 12, 24)
# Streams of numbers; the networks' tensors take 100, 101, … and 200, 201, … in their order.
PICTURES, LABELS, SWAPS, LATENTS = 1, 2, 3, 4


def hashed(stream, count):
    """`count` whole numbers below 2**24: the top bits of MurmurHash3's finaliser over stream * 0x9E3779B9 + index."""
    h = (np.uint64(stream * 0x9E3779B9) + np.arange(count, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift)
        h = h * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    return (h >> np.uint64(8)).astype(np.float64)


def single(numbers, *shape):
    """Rounded to single precision, as the other side has them."""
    return torch.from_numpy(numbers.astype(np.float32).astype(np.float64)).reshape(shape)


def pictures():
    """A triangle wave for each picture of the run: its pace along rows, columns and colours, and its phase, are hashed."""
    four = hashed(PICTURES, STEPS * BATCH * 4).reshape(STEPS * BATCH, 4) % 256
    colour, row, column = np.meshgrid(np.arange(3), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    across, down, through, phase = (four[:, i, None, None, None] for i in range(4))
    place = (across % 16 * column + down % 16 * row + through * colour + phase) % 256
    return single(np.abs(place - 128) / 64 - 1, STEPS, BATCH, 3, SIDE, SIDE)


def labels():
    """Real and generated, one draw each for the batch; an example is swapped to 0 and 1 with probability 1/32."""
    noise = hashed(LABELS, STEPS * 2).reshape(STEPS, 2, 1) / 2**24
    swapped = hashed(SWAPS, STEPS * BATCH).reshape(STEPS, BATCH) < 2**19
    real = np.where(swapped, 0, 1 + (noise[:, 0] - 0.5) * 0.2)
    fake = np.where(swapped, 1, noise[:, 1] * 0.2)
    return single(real, STEPS, BATCH, 1), single(fake, STEPS, BATCH, 1)


def latents():
    """Nearly normal: twelve uniforms less six. For each step the discriminator's, then the generator's."""
    count = STEPS * 2 * BATCH * LATENT
    uniforms = hashed(LATENTS, count * 12).reshape(count, 12) / 2**24
    return single(uniforms.sum(1) - 6, STEPS, 2, BATCH, LATENT)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.input = nn.Linear(LATENT, 16 * GENERATOR[0])
        layers = []
        for inputs, outputs in zip(GENERATOR, GENERATOR[1:] + (3,)):
            layers += [nn.BatchNorm2d(inputs), nn.LeakyReLU(0.2), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.net = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z):
        return self.net(self.input(z).view(-1, GENERATOR[0], 4, 4))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, DISCRIMINATOR[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in zip(DISCRIMINATOR, DISCRIMINATOR[1:]):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers)
        self.output = nn.Linear(16 * DISCRIMINATOR[-1], 1)

    def forward(self, x):
        return self.output(self.net(x).flatten(1))


def start(network, stream):
    """Tensors of several axes uniform in ±2/sqrt(numbers an output), those of one in ±1/4, batch norm's weights about 1."""
    with torch.no_grad():
        for place, (name, tensor) in enumerate(network.named_parameters()):
            spread = hashed(stream + place, tensor.numel()) / 2**23 - 1
            if tensor.dim() > 1:
                spread *= 2 / np.sqrt(tensor.numel() // tensor.shape[0])
            else:
                spread *= 0.25
                if "net" in name and name.endswith("weight"):
                    spread += 1
            tensor.copy_(single(spread, *tensor.shape))
    return network


def watch_kinks(network, least):
    """Notes the least magnitude that each leaky ReLU sees: across zero the gradient leaps, in any precision."""
    for layer in network.modules():
        if isinstance(layer, nn.LeakyReLU):
            layer.register_forward_hook(lambda _, given, __: least.append(given[0].abs().min().item()))


def discriminator_loss(generator, discriminator, step):
    fake = generator(z[step, 0]).detach()
    real_loss = cross_entropy(discriminator(real[step]), real_labels[step])
    return real_loss + cross_entropy(discriminator(fake), fake_labels[step])


def generator_loss(generator, discriminator, step):
    logits = discriminator(generator(z[step, 1]))
    return cross_entropy(logits, torch.ones_like(logits))


torch.set_default_dtype(torch.float64)
real, (real_labels, fake_labels), z = pictures(), labels(), latents()
generator, discriminator = start(Generator(), 100), start(Discriminator(), 200)
found, kinks = {}, []

for name, loss in ("discriminator", discriminator_loss), ("generator", generator_loss):
    networks = {"generator": copy.deepcopy(generator), "discriminator": copy.deepcopy(discriminator)}
    for network in networks.values():
        watch_kinks(network, kinks)
    loss(**networks, step=0).backward()
    for tensor_name, tensor in networks[name].named_parameters():
        found[f"gradient.{name}.{tensor_name}"] = tensor.grad
print(f"nearest to a kink: {min(kinks):.1e}")

adam_g, adam_d = (torch.optim.Adam(n.parameters(), 2e-4, betas=(0.5, 0.999)) for n in (generator, discriminator))
losses = []
for step in range(STEPS):
    row = []
    for network, adam, loss in (discriminator, adam_d, discriminator_loss), (generator, adam_g, generator_loss):
        network.zero_grad()
        value = loss(generator, discriminator, step)
        value.backward()
        adam.step()
        row.append(value.item())
    losses.append(row)
    print(step + 1, *(f"{value:.4f}" for value in row))
found["losses"] = torch.tensor(losses)
for name, network in ("discriminator", discriminator), ("generator", generator):
    for tensor_name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            found[f"final.{name}.{tensor_name}"] = tensor
save_file({name: tensor.detach().float().contiguous() for name, tensor in found.items()}, "training.safetensors")
