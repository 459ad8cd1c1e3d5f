"""The table of activations: how smooth each is, and where its derivative jumps."""

# %% Options
import argparse
import math
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from landscape import activations
from viz import save

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="nothing to shorten here")
given, _ = parser.parse_known_args()  # a notebook has arguments of its own

# %% What is known of each; all of it is checked numerically by the tests
# A kink is a jump of the derivative; where the value itself jumps, it is called discontinuous.
for name in activations.names():
    facts = activations.get(name)
    bounds = f"[{facts.lower:.4g}, {facts.upper:.4g}]"
    kinks = ", ".join(f"{kink.jump:+.3g} at {kink.place:g}" for kink in facts.kinks)
    print(f"{name:12} {facts.smoothness:14} {bounds:16} kinks: {kinks or 'none'}")


# %% A line must not join what a jump parts
# Steps between neighbours stay below 0.05 wherever a function is continuous.
def parted(values: torch.Tensor) -> np.ndarray:
    shown = values.detach().numpy().copy()
    shown[1:][np.abs(np.diff(shown)) > 0.05] = np.nan
    return shown


# %% Each with its derivative by autograd, kinks marked
names = activations.names()
columns = 5
rows = math.ceil(len(names) / columns)
figure = Figure(figsize=(7.5, 1.5 * rows), layout="constrained")
grid = figure.subplots(rows, columns, squeeze=False).ravel()
for axes, name in zip(grid, names, strict=False):
    facts = activations.get(name)
    reach = max([3.5, *(abs(kink.place) + 1 for kink in facts.kinks)])
    z = torch.linspace(-reach, reach, 2001, dtype=torch.float64, requires_grad=True)
    value = activations.make(name).double()(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    for kink in facts.kinks:
        axes.axvline(kink.place, color="0.6", linewidth=0.6, linestyle="--")
    axes.plot(z.detach(), parted(value), color="#1f4e79", linewidth=1.2)
    axes.plot(z.detach(), parted(slope), color="#c0392b", linewidth=1.0)
    axes.set_title(f"{facts.label}: {facts.smoothness}", fontsize=6.5)
    axes.set(xlim=(-reach, reach), ylim=(-0.5 * reach, reach))
    axes.tick_params(labelsize=6)
for axes in grid[len(names) :]:
    axes.set_axis_off()
figure.supxlabel("z: value (blue), derivative (red), kinks (dashed)", fontsize=8)
print("wrote", save(figure, given.out / "activations.pdf"))
