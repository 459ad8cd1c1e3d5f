"""The table of activations: how smooth each is, and where its derivative jumps."""

# %% Options
import argparse
import math
from pathlib import Path

import torch
from matplotlib.figure import Figure

from landscape import activations
from viz import save

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="nothing to shorten here")
given = parser.parse_args()

# %% What is known of each; all of it is checked numerically by the tests
for name in activations.names():
    facts = activations.get(name)
    kinks = ", ".join(f"{kink.jump:+.3g} at {kink.place:g}" for kink in facts.kinks)
    print(f"{name:12} {facts.smoothness:14} jumps of the derivative: {kinks or 'none'}")

# %% Each with its derivative, kinks marked
# The derivative is autograd's: at a kink it takes one side, which the mark shows.
names = activations.names()
columns = 5
rows = math.ceil(len(names) / columns)
figure = Figure(figsize=(7.5, 1.5 * rows), layout="constrained")
grid = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
for axes, name in zip(grid, names, strict=False):
    z = torch.linspace(-4, 4, 801, dtype=torch.float64, requires_grad=True)
    value = activations.make(name).double()(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    axes.plot(z.detach(), value.detach(), color="#1f4e79", linewidth=1.2)
    axes.plot(z.detach(), slope, color="#c0392b", linewidth=1.0)
    facts = activations.get(name)
    for kink in facts.kinks:
        axes.axvline(kink.place, color="0.6", linewidth=0.6, linestyle="--")
    axes.set_title(f"{facts.label} ({facts.smoothness})", fontsize=7)
    axes.set_ylim(-2, 4)
    axes.tick_params(labelsize=6)
for axes in grid[len(names) :]:
    axes.set_axis_off()
figure.supxlabel("z: value (blue), derivative (red), kinks (dashed)", fontsize=8)
print("wrote", save(figure, given.out / "activations.pdf"))
