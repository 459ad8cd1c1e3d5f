"""The networks and data that every engine is timed on. Needs torch and landscape.networks only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.networks import build

NAMES = ("digits", "mlp784", "cnn", "resnet20")
TITLES = {
    "digits": "MLP 64-64-64-10, 1,797 examples",
    "mlp784": "MLP 784-256-256-10, 10,000 examples",
    "cnn": "CNN with BatchNorm, 2,000 of 3 x 32 x 32",
    "resnet20": "ResNet-20, 512 of 3 x 32 x 32",
}


@dataclass(frozen=True)
class Workload:
    """A network at its initial weights, and random examples: speed does not depend on either."""

    model: nn.Module
    inputs: Tensor
    targets: Tensor


def make(name: str) -> Workload:
    """Make a workload by name; the same every time."""
    generator = torch.Generator().manual_seed(0)
    count, shape = {
        "digits": (1797, (64,)),
        "mlp784": (10_000, (784,)),
        "cnn": (2_000, (3, 32, 32)),
        "resnet20": (512, (3, 32, 32)),
    }[name]
    inputs = torch.randn(count, *shape, generator=generator)
    targets = torch.randint(0, 10, (count,), generator=generator)
    model = _model(name).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # One of the peers divides by the norm of every bias.
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.01)
    return Workload(model, inputs, targets)


def _model(name: str) -> nn.Module:
    if name == "digits":
        return build("mlp", input_shape=(64,), hidden=(64, 64))
    if name == "mlp784":
        return build("mlp", input_shape=(784,), hidden=(256, 256))
    if name == "resnet20":
        return build("resnet", depth=20)
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4096, 10),
    )  # fmt: skip
