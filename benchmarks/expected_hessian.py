"""The Hessian of a cloud against averaged differences of gradients; how far spectra scatter.

python -P -m benchmarks.expected_hessian [--quick]
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

import landscape
from landscape import data
from landscape.curvature.expected_hessian import expected_hessian_check, hessian_product
from landscape.curvature.spectrum import quadrature
from landscape.networks.parameters import flatten

EXAMPLES, RATE, ROUNDS = 400, 0.1, 9


class Block(nn.Module):
    """The rows of an image as 8 tokens through attention and a ReLU MLP, both with LayerNorm."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(8, width), nn.Linear(width, 10)
        self.layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10] of images [n, 64]."""
        tokens: Tensor = self.layer(self.embed(x.reshape(-1, 8, 8)))
        logits: Tensor = self.head(tokens.mean(dim=1))
        return logits


def mlp(depth: int = 8, width: int = 32) -> nn.Module:
    """Return an MLP with He initialisation."""
    sizes = [64, *[width] * depth, 10]
    layers: list[nn.Module] = []
    for inside, outside in pairwise(sizes):
        layer = nn.Linear(inside, outside)
        nn.init.normal_(layer.weight, std=math.sqrt(2 / inside))
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Module:
    """Return two convolutions with BatchNorm, ReLU and max pooling."""
    stages: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
    for inside, outside in ((1, 6), (6, 8)):
        stages += [nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(),
                   nn.MaxPool2d(2)]  # fmt: skip
    return nn.Sequential(*stages, nn.Flatten(), nn.Linear(32, 10))


def trained(model: nn.Module, pair: tuple[Tensor, Tensor], steps: int) -> nn.Module:
    """Train by gradient descent; returns the model in evaluation mode."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model.train()(pair[0]), pair[1]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()


def networks(pair: tuple[Tensor, Tensor]) -> Iterator[tuple[str, nn.Module]]:
    """Yield what is measured."""
    for name, make, steps in (
        ("MLP 64-8x32-10, as initialised", mlp, 0),
        ("the same after 300 steps", mlp, 300),
        ("CNN with BatchNorm and max pooling, 200 steps", cnn, 200),
        ("transformer block, 200 steps", Block, 200),
    ):
        torch.manual_seed(0)
        yield name, trained(make().double(), pair, steps)


def cost(problem: landscape.Problem, scale: float) -> float:
    """Return the processor time of a product with the scale over that of one without, in turns."""
    operators = [hessian_product(problem, scale=s) for s in (None, scale)]
    vector = np.random.default_rng(0).standard_normal(operators[0].shape[0])
    ratios = []
    for _ in range(ROUNDS + 1):
        times = []
        for operator in operators:
            start = time.process_time()
            _ = operator @ vector
            times.append(time.process_time() - start)
        ratios.append(times[1] / times[0])
    return statistics.median(ratios[1:])


def clouds(pair: tuple[Tensor, Tensor], directions: int, centres: int) -> None:
    """Print the table of errors."""
    print("| network | cloud, lengths of a step | autograd's | with scale | noise | cost |")
    print("|---|---|---|---|---|---|")
    for name, model in networks(pair):
        problem = landscape.Problem(model, "cross_entropy", pair)
        step = RATE * float(np.linalg.norm(landscape.gradient(problem)))
        for lengths in (1.0, 0.3):
            found = expected_hessian_check(
                problem, scale=lengths * step, directions=directions, centres=centres
            ).settings
            errors = (found["autograd_rms_error"], found["rms_error"], found["noise"])
            told = " | ".join(f"{100 * error:.1f} %" for error in errors)
            ratio = cost(problem, lengths * step)
            print(f"| {name} | {lengths:g} | {told} | {ratio:.2f} |", flush=True)


def given_steps(pair: tuple[Tensor, Tensor], count: int) -> None:
    """Print how far both are off along steps of gradient descent, for which neither is made."""
    print("\n| network | autograd's, median (worst) | with scale, median (worst) |\n|---|---|---|")
    for name, model in networks(pair):
        problem, theta = landscape.Problem(model, "cross_entropy", pair), flatten(model)
        errors = []
        for _ in range(count):
            slope = landscape.gradient(problem, theta)
            step = -RATE * slope
            change = (landscape.gradient(problem, theta + step) - slope) @ step
            errors.append([
                abs(step @ (hessian_product(problem, theta, scale=s) @ step) / change - 1)
                for s in (None, float(np.linalg.norm(step)))
            ])  # fmt: skip
            theta = theta + step
        both = zip(np.median(errors, axis=0), np.max(errors, axis=0), strict=True)
        told = " | ".join(f"{100 * middle:.1f} ({100 * most:.0f}) %" for middle, most in both)
        print(f"| {name} | {told} |", flush=True)


def scatter(pair: tuple[Tensor, Tensor], starts: int) -> None:
    """Print how much the second moment of a spectrum differs from start to start."""
    torch.manual_seed(0)
    model = trained(mlp(2).double(), pair, 300)
    problem = landscape.Problem(model, "cross_entropy", pair)
    operator = hessian_product(problem)
    size = len(flatten(model))
    rng = np.random.default_rng(0)
    plain = []
    for _ in range(starts):
        v = rng.standard_normal(size)
        nodes, weights, _ = quadrature(lambda v: operator @ v, v / np.linalg.norm(v), 30)
        plain.append(float(weights @ nodes**2))
    found = landscape.spectral_density(problem, steps=60, starts=starts)
    moments = found.arrays["moments"][:, 1]
    print("\n| starts | plain | eigenvalues found before |\n|---|---|---|")
    for count in (1, 4, 16):
        both = [100 * np.std(m, ddof=1) / np.mean(m) / math.sqrt(count) for m in (plain, moments)]
        print(f"| {count} | {both[0]:.2g} % | {both[1]:.2g} % |")
    print(f"\n{found.settings['found']} of {size:,} eigenvalues were found before.")


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    whole = data.load("digits", standardise="features")
    images, labels = (torch.tensor(part[:EXAMPLES]) for part in (whole.inputs, whole.targets))
    pair = (images.double().flatten(1), labels.long())
    clouds(pair, *((2, 4) if quick else (10, 60)))
    given_steps(pair, 2 if quick else 16)
    scatter(pair, 4 if quick else 24)


if __name__ == "__main__":
    main()
