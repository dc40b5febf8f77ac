#!/usr/bin/env python3
"""Makes the files beside it with PyTorch: generators as people save them, and the pictures that they must draw.

    pip install torch numpy safetensors
    ./make.py

Not made here are the files of other people's kinds, of the issue that asked for them: stem-linear-no-activation,
stem-conv-bn-no-activation, half_all, lightning_sd, lfs-pointer and download-page.

Every generator has a few channels a layer and the statistics of some passes in training mode. A file of expected pictures
holds two rows of latents `z`, and of the first row's picture, with `running` and with `batch` statistics (of both rows),
every fifth pixel of every fifth row.
"""
import os

import torch
from safetensors.torch import save_file
from torch import nn


class Tutorial(nn.Module):
    """The net of PyTorch's DCGAN tutorial: 64 x 64 pixels, a transposed stem, no biases, ReLU."""

    latent = (5, 1, 1)

    def __init__(self):
        super().__init__()
        channels = (5, 4, 4, 3, 2)
        layers = []
        for place, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
            stride, padding = (1, 0) if place == 0 else (2, 1)
            layers += [
                nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(True),
            ]
        self.main = nn.Sequential(
            *layers, nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1, bias=False), nn.Tanh()
        )

    def forward(self, z):
        return self.main(z)


class Linear(nn.Module):
    """A linear stem, batch norm before its reshape, plain convolutions between the transposed ones, leaky ReLU: 28 x 28
    pixels in grey."""

    latent = (6,)

    def __init__(self):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(6, 4 * 7 * 7), nn.BatchNorm1d(4 * 7 * 7), nn.LeakyReLU(0.2))
        self.draw = nn.Sequential(
            nn.ConvTranspose2d(4, 3, 4, 2, 1),
            nn.BatchNorm2d(3),
            nn.LeakyReLU(0.2),
            nn.Conv2d(3, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(3, 2, 4, 2, 1),
            nn.BatchNorm2d(2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.draw(self.project(z).view(-1, 4, 7, 7))


class Odd(nn.Module):
    """Filters of every kind, batch norms made after the convolutions, some layers without: 23 x 23 pixels."""

    latent = (5, 1, 1)

    def __init__(self):
        super().__init__()
        self.deconv1 = nn.ConvTranspose2d(5, 4, 5, 1, 1)
        self.deconv2 = nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1)
        self.deconv3 = nn.ConvTranspose2d(3, 3, 5, 2, 2, output_padding=1)
        self.deconv4 = nn.ConvTranspose2d(3, 3, 3, 2, 1)
        self.bn1 = nn.BatchNorm2d(4)
        self.bn2 = nn.BatchNorm2d(3)

    def forward(self, z):
        x = torch.relu(self.bn1(self.deconv1(z)))
        x = torch.relu(self.bn2(self.deconv2(x)))
        return torch.tanh(self.deconv4(torch.relu(self.deconv3(x))))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, 2, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2, 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4, 1, 4, 1, 0, bias=False),
        )


class Upsampling(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 3 * 16)
        self.blocks = nn.Sequential(
            nn.BatchNorm2d(3), nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 3, 1, 1), nn.Tanh()
        )


class Hostile:
    """What unpickling would run: it leaves a file behind."""

    def __reduce__(self):
        return os.system, ("echo executed > executed.txt",)


def trained(network):
    """The network with livelier weights, and running statistics that fit them."""
    network.train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                module.weight.mul_(2.5)
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.3, 0.3)
        for _ in range(50):
            network(torch.randn(16, *network.latent))
    return network


def expect(name, network):
    """Writes the pictures that a network draws."""
    with torch.no_grad():
        state = {key: value.clone() for key, value in network.state_dict().items()}
        z = torch.randn(2, *network.latent)
        batch = network.train()(z)
        network.load_state_dict(state)
        running = network.eval()(z)
    pictures = {"running": running, "batch": batch}
    content = {norm: picture[0, :, ::5, ::5].contiguous() for norm, picture in pictures.items()}
    save_file({"z": z.flatten(1).contiguous(), **content}, f"{name}.expected.safetensors")


torch.manual_seed(4)
tutorial = trained(Tutorial())
state = tutorial.state_dict()
torch.save(state, "tutorial.pth")
torch.save(state, "tutorial-legacy.pth", _use_new_zipfile_serialization=False)
wrapped = {f"module.{name}": value for name, value in state.items()}
torch.save({"epoch": 3, "netG": wrapped, "netD": Discriminator().state_dict()}, "tutorial-nested.pth")
torch.save(tutorial, "module.pth")
expect("tutorial", tutorial)

half = Tutorial()
half.load_state_dict({name: value.half() if value.is_floating_point() else value for name, value in state.items()})
torch.save(half.half().state_dict(), "tutorial-half.pth")
expect("tutorial-half", half.float())

linear = trained(Linear())
torch.save(linear.state_dict(), "linear.pth")
expect("linear", linear)

odd = trained(Odd())
torch.save(odd.bfloat16().state_dict(), "odd.pth")
expect("odd", odd.float())
save_file(odd.state_dict(), "odd.safetensors")

torch.save(Discriminator().state_dict(), "discriminator.pth")
torch.save(Upsampling().state_dict(), "upsampling.pth")
torch.save({}, "empty.pth")
torch.save({"main.0.weight": Hostile()}, "hostile.pth")
torch.save({"main.0.weight": Hostile()}, "hostile-legacy.pth", _use_new_zipfile_serialization=False)
