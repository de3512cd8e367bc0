"""The networks of the comparison in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 10


def num_parameters(*networks: nn.Module) -> int:
    return sum(p.numel() for network in networks for p in network.parameters())


def flatly(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)


def small_cnn() -> nn.Module:
    return flatly(
        nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, CLASSES)),
        )
    )


class LabelledConv(nn.Conv2d):
    """A convolution over an image and a constant plane a class, of which none is made."""

    def forward(self, images: torch.Tensor, one_hot: torch.Tensor) -> torch.Tensor:
        own, planes = self.weight.split([1, one_hot.shape[1]], 1)
        of_labels = one_hot @ planes.sum((2, 3)).T + self.bias
        return functional.elu(functional.conv2d(images, own) + of_labels[:, :, None, None])


class DCGANDiscriminator(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        w, elu = width, nn.ELU
        self.first = LabelledConv(1 + CLASSES, w, 5)
        self.rest = nn.Sequential(
            *(nn.Conv2d(w, 2 * w, 5), elu(), nn.Conv2d(2 * w, 4 * w, 5), elu()),
            *(nn.Conv2d(4 * w, 8 * w, 4, 2, 1), elu(), nn.Conv2d(8 * w, 16 * w, 4, 2, 1), elu()),
            *(nn.Flatten(), nn.Linear(16 * w * 4 * 4, 1)),
        )

    def forward(self, images: torch.Tensor, one_hot: torch.Tensor) -> torch.Tensor:
        return self.rest(self.first(images, one_hot))


class Joined(nn.Module):
    """A network that is fed latents, or an image, and labels as one vector."""

    def __init__(self, layers: nn.Module, as_planes: bool = False):
        super().__init__()
        self.layers, self.as_planes = layers, as_planes

    def forward(self, first: torch.Tensor, one_hot: torch.Tensor) -> torch.Tensor:
        both = torch.cat([first.flatten(1), one_hot], 1)
        return self.layers(both[:, :, None, None] if self.as_planes else both)


def dcgan(width: int, latents: int) -> tuple[nn.Module, nn.Module]:
    def hidden(layer: nn.Module, channels: int) -> tuple[nn.Module, ...]:
        return layer, nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.ELU()

    w, up = width, nn.ConvTranspose2d
    layers = nn.Sequential(
        *hidden(up(latents + CLASSES, 16 * w, 4), 16 * w),
        *hidden(up(16 * w, 8 * w, 4, 2, 1), 8 * w),
        *hidden(up(8 * w, 4 * w, 4, 2, 1), 4 * w),
        *hidden(up(4 * w, 2 * w, 4, 2, 1), 2 * w),
        *hidden(nn.Conv2d(2 * w, w, 3), w),
        *(nn.Conv2d(w, 1, 3), nn.Sigmoid()),
    )
    return flatly(Joined(layers, as_planes=True)), flatly(DCGANDiscriminator(w))


def mlp(width: int, latents: int) -> tuple[nn.Module, nn.Module]:
    units = 4 * width
    image = nn.Unflatten(1, (1, 28, 28))
    generator = (nn.Linear(latents + CLASSES, units), nn.ReLU(), nn.Linear(units, 784))
    discriminator = nn.Linear(784 + CLASSES, units), nn.ReLU(), nn.Linear(units, 1)
    networks = nn.Sequential(*generator, nn.Sigmoid(), image), nn.Sequential(*discriminator)
    return Joined(networks[0]), Joined(networks[1])


class Denoiser(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        sides = [(2, width), *4 * [(width, width)], (width, 2)]
        self.hidden = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after, eps=1e-3, momentum=0.01),
                nn.ELU(),
            )
            for before, after in sides
        )
        self.last = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        first, *blocks, narrow = self.hidden
        x = first(both)
        for block in blocks:
            x = block(x) + x
        return self.last(narrow(x) + both).sigmoid()
