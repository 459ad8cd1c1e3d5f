"""The step numbers of a study, recomputed by plain torch: no code of the package takes part.

    landscape demo --out demo
    python -P -m benchmarks.plain_steps demo/study.h5

Reads parameter vectors of multilayer perceptrons from the file with h5py, makes the network and the
data (scikit-learn's digits, standardised) anew, and recomputes what the study holds about single
steps: what the gradient promises, the change of slope, autograd's curvature at the start and its
integral, what kinks take back, and the change with the activation swapped. Prints the largest
deviations, then the table of the README. Last, the share that autograd misses along the mean of
three steps, in which steps back and forth cancel.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

Act = Callable[[Tensor], Tensor]
POINTS = 32


def smelu(width: float) -> Act:
    """Return SmeLU of a half-width."""

    def act(z: Tensor) -> Tensor:
        middle = (z + width) ** 2 / (4 * width)
        return torch.where(z <= -width, 0.0, torch.where(z >= width, z, middle))

    return act


ACTIVATIONS: dict[str, Act] = {
    "relu": torch.relu, "leaky_relu": functional.leaky_relu, "elu": functional.elu,
    "gelu": functional.gelu, "silu": functional.silu, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "smelu_0.1": smelu(0.1),
}  # fmt: skip


def digits() -> tuple[Tensor, Tensor]:
    """Return the standardised digits and their classes."""
    x, y = load_digits(return_X_y=True)
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return torch.from_numpy(x), torch.from_numpy(y)


class Net:
    """A multilayer perceptron with one vector of parameters, float64."""

    def __init__(self, sizes: list[int], act: Act, examples: tuple[Tensor, Tensor]) -> None:
        self.sizes, self.act, (self.x, self.y) = sizes, act, examples

    def loss(self, theta: Tensor) -> Tensor:
        """Return the mean loss."""
        start, h, last = 0, self.x, len(self.sizes) - 2
        for layer, (inner, outer) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            weight = theta[start : start + inner * outer].view(outer, inner)
            bias = theta[start + inner * outer : start + inner * outer + outer]
            start += inner * outer + outer
            z = h @ weight.T + bias
            h = z if layer == last else self.act(z)
        return functional.cross_entropy(h, self.y)

    def gradient(self, theta: Tensor) -> Tensor:
        """Return the gradient [P]."""
        leaf = theta.clone().requires_grad_()
        return torch.autograd.grad(self.loss(leaf), leaf)[0]

    def curvature(self, theta: Tensor, d: Tensor) -> float:
        """Return d'Hd by autograd."""
        leaf = theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(leaf), leaf, create_graph=True)
        return float(torch.autograd.grad(gradient @ d, leaf)[0] @ d)

    def integrals(self, theta: Tensor, d: Tensor) -> tuple[float, float]:
        """Return the integrals of d'Hd and of (1 - t) d'Hd over the step, by midpoints."""
        middles = (np.arange(POINTS) + 0.5) / POINTS
        curvatures = np.array([self.curvature(theta + float(t) * d, d) for t in middles])
        return float(curvatures.mean()), float(((1 - middles) * curvatures).mean())


def recomputed(net: Net, theta: Tensor, after: Tensor) -> dict[str, float]:
    """Measure one step of a network."""
    d = after - theta
    here, there = net.gradient(theta), net.gradient(after)
    smooth, bent = net.integrals(theta, d)
    promised = float(here @ d)
    return {
        "promised": promised,
        "slope_change": float((there - here) @ d),
        "smooth": smooth,
        "start": net.curvature(theta, d),
        "taken_back": float(net.loss(after) - net.loss(theta)) - promised - bent,
    }


def sizes_of(run: Any) -> list[int]:
    """Return the widths of a perceptron, input to output, from its layout."""
    shapes = [slot["shape"] for slot in json.loads(_text(run["layout"]))]
    weights = [shape for shape in shapes if len(shape) == 2]
    return [weights[0][1], *(shape[0] for shape in weights)]


def _text(node: Any) -> str:
    value = node[()] if isinstance(node, h5py.Dataset) else node
    return value.decode() if isinstance(value, bytes) else str(value)


def compared(file: Any, run: str, examples: tuple[Tensor, Tensor]) -> dict[str, Any]:
    """Recompute the steps of a run; return sums over its last third, and deviations."""
    name = run.split("-")[0]
    group = file[f"runs/{run}"]
    thetas, steps = group["thetas"], group["steps"][()]
    (stored,) = [a for key, a in file["analyses/along_path"].items() if key.split(".")[0] == run]
    net = Net(sizes_of(group), ACTIVATIONS[name], examples)
    last = stored["steps"][()][-max(len(stored["steps"]) // 3, 1) :]
    at = [int(np.flatnonzero(steps == step)[0]) for step in last]
    pairs = [tuple(torch.from_numpy(thetas[k].astype(np.float64)) for k in (i, i + 1)) for i in at]
    found = [recomputed(net, *pair) for pair in pairs]
    apart = {}
    for key in found[0]:
        values = np.array([one[key] for one in found])
        own = stored[key][()][-len(last) :]
        scale = np.abs([one["promised"] for one in found])
        apart[key] = float(np.max(np.abs(values - own) / scale))
    total = {key: sum(one[key] for one in found) for key in found[0]}
    promise = sum(abs(one["promised"]) for one in found)
    changed = [one for one in found if abs(one["slope_change"]) > 0.01 * abs(one["promised"])]
    whole = sum(one["slope_change"] for one in changed)
    missed = sum(one["slope_change"] - one["smooth"] for one in changed)
    return {
        "run": run, "steps": (int(last[0]), int(last[-1])), "apart": apart,
        "change": total["slope_change"] / promise,
        "kinks": (total["slope_change"] - total["smooth"]) / promise,
        "missed": missed / whole if changed else math.nan,
        "taken_back": total["taken_back"] / promise,
        "swapped": swapped(net, pairs, promise) if name == "relu" else math.nan,
        "averaged": averaged(net, thetas, steps, at),
    }  # fmt: skip


def swapped(net: Net, pairs: list[Any], promise: float) -> float:
    """Return the change of slope along the same steps with SmeLU(0.1), over the promise."""
    other = Net(net.sizes, ACTIVATIONS["smelu_0.1"], (net.x, net.y))
    changes = [float((other.gradient(b) - other.gradient(a)) @ (b - a)) for a, b in pairs]
    return sum(changes) / promise


def averaged(net: Net, thetas: Any, steps: Any, at: list[int]) -> float:
    """Return the share that autograd misses along means of three steps."""
    change = smooth = 0.0
    for i in at:
        later = np.flatnonzero(steps == steps[i] + 3)
        if len(later):
            first, end = (torch.from_numpy(thetas[k].astype(np.float64)) for k in (i, later[0]))
            d = (end - first) / 3
            change += float((net.gradient(end) - net.gradient(end - d)) @ d)
            smooth += net.integrals(end - d, d)[0]
    return 1 - smooth / change if change else math.nan


def main(path: str) -> None:
    """Recompute the steps of every run that was followed."""
    torch.set_num_threads(1)
    examples = digits()
    with h5py.File(path) as file:
        runs = sorted({key.split(".")[0] for key in file["analyses/along_path"]})
        found = [compared(file, run, examples) for run in runs if run.split("-")[0] in ACTIVATIONS]
    print("largest deviation from the study, as a share of |g.d|:")
    for one in found:
        print(f"  {one['run']}: " + ", ".join(f"{k} {v:.1e}" for k, v in one["apart"].items()))
    print("\n| run | steps | slope change | in kinks | autograd misses | kinks take back | swapped "
          "| misses of means of 3 |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for one in found:
        cells = (one[k] for k in ("change", "kinks", "missed", "taken_back", "swapped", "averaged"))
        told = " | ".join("-" if math.isnan(v) else f"{v:.2%}" for v in cells)
        print(f"| {one['run']} | {one['steps'][0]} to {one['steps'][1]} | {told} |")


if __name__ == "__main__":
    main(sys.argv[1])
