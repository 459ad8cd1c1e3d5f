"""The change of slope along real steps of optimizers: predicted from their start, and the truth.

python -P -m benchmarks.steps [--quick] [--network NAME] [--depth D] [--examples N] [--steps T]

Truth, autograd's curvature and its integral are computed by plain torch in float64; only the
prediction is the package's.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parameters_to_vector, vector_to_parameters

import landscape
from landscape import data
from landscape.kinks import predicted_slope_change
from landscape.networks import build
from landscape.records.segment import Segment

DEPTHS = (2, 4, 8)
OPTIMIZERS = ("gd", "momentum", "Adam")
# Learning rates of gradient descent by depth, of momentum (0.9) and of Adam.
RATES = {
    "MLP": ((0.3, 0.1, 0.05), 0.2, 0.002),
    "CNN, BatchNorm": ((0.3, 0.2, 0.1), 0.2, 0.002),
    "ResNet, BatchNorm": ((0.1, 0.05, 0.05), 0.2, 0.002),
    "transformer": ((0.1, 0.05, 0.03), 0.2, 0.001),
}
MIDPOINTS = 16
MEASURED = 16


class Block(nn.Module):
    """Attention of two heads and a ReLU MLP, each behind a LayerNorm and beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [N, T, width] to the same."""
        parts = self.mixed(self.before(tokens)).chunk(3, dim=-1)
        queries, keys, values = (p.unflatten(-1, (2, -1)).transpose(1, 2) for p in parts)
        seen = functional.scaled_dot_product_attention(queries, keys, values)
        tokens = tokens + self.out(seen.transpose(1, 2).flatten(2))
        return tokens + self.down(torch.relu(self.up(self.between(tokens))))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """The eight rows of a digit are its tokens; blocks, their mean, a linear layer."""

    def __init__(self, depth: int, width: int = 16) -> None:
        super().__init__()
        self.embedded = nn.Linear(8, width)
        self.places = nn.Parameter(0.3 * torch.randn(8, width))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.output = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [N, 1, 8, 8] to outputs [N, 10]."""
        tokens = self.embedded(images.flatten(0, 1)) + self.places
        return self.output(self.blocks(tokens).mean(dim=1))  # type: ignore[no-any-return]


def network(name: str, depth: int) -> nn.Module:
    """Make a network with ``depth`` layers of ReLU (blocks of a transformer), in float64."""
    shape: dict[str, Any] = {"input_shape": (1, 8, 8), "outputs": 10, "activation": "relu",
                             "dtype": torch.float64}  # fmt: skip
    if name == "MLP":
        return build("mlp", hidden=(32,) * depth, **shape)
    if name == "CNN, BatchNorm":
        return build("cnn", channels=(6, 8), convolutions=depth // 2, hidden=(),
                     batch_norm=True, **shape)  # fmt: skip
    if name == "ResNet, BatchNorm":
        whole = build("resnet", depth=8, width=4, **shape)
        whole.blocks = whole.blocks[: {2: 1, 4: 2, 8: 3}[depth]]  # type: ignore[index]
        width = 4 * {2: 1, 4: 2, 8: 4}[depth]
        whole.output = build("mlp", hidden=(), **{**shape, "input_shape": (width,)})
        return whole
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Transformer(depth).double()


@dataclass(frozen=True)
class Truth:
    """A loss of the parameters and its derivatives, by plain torch.

    Attributes:
        model: used as it is in training.
        pair: images and labels.
    """

    model: nn.Module
    pair: tuple[Tensor, Tensor]

    def gradient(self, theta: Tensor, *, twice: bool = False) -> tuple[Tensor, list[nn.Parameter]]:
        """Return the gradient at ``theta``, [P], and the parameters it was taken by."""
        vector_to_parameters(theta, self.model.parameters())
        weights = list(self.model.parameters())
        loss = functional.cross_entropy(self.model(self.pair[0]), self.pair[1])
        found = torch.autograd.grad(loss, weights, create_graph=twice)
        return torch.cat([g.reshape(-1) for g in found]), weights

    def curvature(self, theta: Tensor, step: Tensor) -> float:
        """Return d'Hd as autograd sees it."""
        slopes, weights = self.gradient(theta, twice=True)
        found = torch.autograd.grad(slopes @ step, weights)
        return float(torch.cat([g.reshape(-1) for g in found]) @ step)

    def changes(self, theta: Tensor, step: Tensor) -> tuple[float, float, float, float]:
        """Return the slope at the start, its change, autograd's there, and autograd's integral."""
        first, last = (self.gradient(t)[0] for t in (theta, theta + step))
        places = (np.arange(MIDPOINTS) + 0.5) / MIDPOINTS
        inside = [self.curvature(theta + t * step, step) for t in places]
        change = float((last - first) @ step)
        return float(first @ step), change, self.curvature(theta, step), float(np.mean(inside))


def taken(
    model: nn.Module, pair: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer, steps: int
) -> list[tuple[Tensor, Tensor]]:
    """Train on all examples at once; return start and difference of single steps, spread evenly."""
    kept = {int(t) for t in np.linspace(steps // MEASURED, steps - 1, MEASURED)}
    found = []
    for number in range(steps):
        before = parameters_to_vector(model.parameters()).detach()
        optimizer.zero_grad()
        functional.cross_entropy(model(pair[0]), pair[1]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if number in kept:
            found.append((before, parameters_to_vector(model.parameters()).detach() - before))
    return found


def optimizer_of(name: str, kind: str, depth: int) -> Callable[..., torch.optim.Optimizer]:
    """Return what makes the optimizer of a cell from parameters."""
    rates, share, adam = RATES[name]
    rate = rates[DEPTHS.index(depth)]
    return {
        "gd": lambda p: torch.optim.SGD(p, lr=rate),
        "momentum": lambda p: torch.optim.SGD(p, lr=share * rate, momentum=0.9),
        "Adam": lambda p: torch.optim.Adam(p, lr=adam),
    }[kind]


def cell(name: str, depth: int, kind: str, examples: int, steps: int) -> str:
    """Train one network, measure 16 of its steps, and return a row of the table."""
    digits = data.load("digits", standardise="features")
    images = torch.tensor(digits.inputs[:examples], dtype=torch.float64).reshape(-1, 1, 8, 8)
    pair = (images, torch.tensor(digits.targets[:examples]))
    model = network(name, depth).train()
    path = taken(model, pair, optimizer_of(name, kind, depth)(model.parameters()), steps)
    loss = float(functional.cross_entropy(model(pair[0]), pair[1]))
    problem = landscape.Problem(model, "cross_entropy", pair, batch_norm="batch")
    truth, rows, crossings = Truth(model, pair), [], []
    for start, step in path:
        said = predicted_slope_change(problem, Segment(start.numpy(), step.numpy()))
        slope, change, *autograd = truth.changes(start, step)
        found = (*autograd, said.slope_change, autograd[1] + said.kink)
        rows.append([abs(change / slope), *(abs(value / change - 1) for value in found)])
        crossings.append(said.crossings)
    return row(f"{name} | {depth} | {kind}", loss, int(np.median(crossings)), np.array(rows).T)


def row(cell: str, loss: float, crossings: int, values: NDArray[np.float64]) -> str:
    """Write a row: median (worst) of every error in per cent."""
    size, *errors = 100 * values
    told = " | ".join(f"{written(np.median(e))} ({written(e.max())})" for e in errors)
    return f"| {cell} | {loss:.2g} | {crossings:,} | {written(np.median(size))} | {told} |"


def written(share: float) -> str:
    """Write a number of per cent with two digits, or all before the point."""
    return f"{share:,.0f}" if share >= 10 else f"{share:.2g}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="gradient descent at depth 2 alone")
    parser.add_argument("--network", action="append", choices=RATES)
    parser.add_argument("--depth", action="append", type=int, choices=DEPTHS)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    sys.stdout.write(
        "| network | depth | optimizer | last loss | crossings | slope change / g.d, % "
        "| autograd at the start | its integral | predicted "
        "| integral + predicted kinks |\n" + "|---" * 10 + "|\n"
    )
    few = 1 if given.quick else len(DEPTHS)
    depths = given.depth or DEPTHS[:few]
    with sdpa_kernel(SDPBackend.MATH):
        for name, depth, kind in product(given.network or RATES, depths, OPTIMIZERS[:few]):
            sys.stdout.write(cell(name, depth, kind, given.examples, given.steps) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
