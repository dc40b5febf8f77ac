#!/usr/bin/env python3
"""Makes generator.safetensors and expected.safetensors with PyTorch: what `latentloop draw` must give.

    pip install torch numpy safetensors
    ./make.py

A generator of the studies architecture for 64 x 64 pixels at 1/64 of its channels, with the statistics of a few passes in
training mode; two rows of latents; the first row's picture, with running and with batch statistics (of both rows).
"""
import torch
from safetensors.torch import save_file
from torch import nn

LATENT, CHANNELS = 12, (16, 8, 4, 2)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.input = nn.Linear(LATENT, 16 * CHANNELS[0])
        layers = []
        for inputs, outputs in zip(CHANNELS, CHANNELS[1:] + (3,)):
            layers += [
                nn.BatchNorm2d(inputs),
                nn.LeakyReLU(0.2),
                nn.ConvTranspose2d(inputs, outputs, 4, 2, 1),
            ]
        self.net = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z):
        return self.net(self.input(z).view(-1, CHANNELS[0], 4, 4))


torch.manual_seed(1)
generator = Generator().train()
with torch.no_grad():
    for parameter in generator.parameters():
        parameter.mul_(2)
    for _ in range(50):
        generator(torch.randn(16, LATENT))
    state = {name: value.clone() for name, value in generator.state_dict().items()}
    z = torch.randn(2, LATENT)
    batch = generator(z)
    generator.load_state_dict(state)
    running = generator.eval()(z)
save_file({n: v for n, v in state.items() if "num_batches" not in n}, "generator.safetensors")
save_file({"z": z, "running": running[0].clone(), "batch": batch[0].clone()}, "expected.safetensors")
