"""Reproduce Cohen et al. (2021): sharpness rises to 2 / rate, the edge of stability, and stays."""

# %% Options, and images of MNIST at 14 x 14 pixels
import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

import landscape
from landscape import data, viz
from landscape.claims.sharpest import sharpest
from landscape.networks import activations
from landscape.viz.flat.lines import LINE_COLOURS, drawing

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
width, steps, every, images = (8, 20, 10, 50) if given.quick else (200, 400, 50, 1000)
digits = data.load("mnist5k", standardise="unit")
some = slice(None, None, len(digits.inputs) // images)
inputs = digits.inputs[some].reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5))
pair = (inputs - inputs.mean()) / inputs.std(), digits.targets[some]
rates = {"relu": 0.5, "elu": 0.5, "tanh": 0.5, "hardtanh": 0.5, "softplus": 0.07}


# %% Two measures: autograd's Hessian, which contains no kinks, and gradients a step apart
def both(problem, theta, length):
    ends = landscape.hessian_eigenpairs(problem, theta=theta, top=1, bottom=0, tolerance=1e-3)
    near, _ = sharpest(
        lambda thetas: np.stack([landscape.gradient(problem, one) for one in thetas]),
        theta[None], ends.vectors, scales=np.array([length]),
    )  # fmt: skip
    return ends.values[0], near[0]


def told(values):
    return f"{np.median(values):.2f} ({values.min():.2f} to {values.max():.2f})"


# %% Train, and measure at every record
runs, measured = {}, {}
for name, rate in rates.items():
    torch.manual_seed(0)  # torch's own initialisation, as in the paper
    hidden = [activations.make(name), nn.Linear(width, width), activations.make(name)]
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, width), *hidden, nn.Linear(width, 10))
    problem = landscape.Problem(model, "mse", pair)
    config = landscape.TrainingConfig(
        steps=steps, record_every=every, record_pairs=False, learning_rates={"gd": rate}
    )
    runs[name] = run = landscape.train(problem, optimizer="gd", config=config)
    lengths = run.step_lengths[np.minimum(run.steps, steps - 1)]
    measured[name] = [both(problem, *one) for one in zip(run.thetas, lengths, strict=True)]

# %% The table: medians and ranges of the second half of the run, as multiples of 2 / rate
labels = [activations.get(name).label for name in rates]
print("| | theirs | " + " | ".join(labels) + " |\n|---|---|" + "---|" * len(rates))
shares = {name: np.array(measured[name]) * rate / 2 for name, rate in rates.items()}
late = {name: share[len(share) // 2 :] for name, share in shares.items()}
rows = {
    "rate (2 / rate)": ("several rates", [f"{rate:g} ({2 / rate:.3g})" for rate in rates.values()]),
    "sharpness at the start": ("rises where below 1", [f"{s[0, 0]:.2f}" for s in shares.values()]),
    "sharpness late": ("at or just above 1", [told(s[:, 0]) for s in late.values()]),
    "late, from gradients a step apart": ("not measured", [told(s[:, 1]) for s in late.values()]),
}
for row, (theirs, ours) in rows.items():
    print(f"| {row} | {theirs} | " + " | ".join(ours) + " |")

# %% Both against the step: lines by autograd, circles by gradients a step apart; the edge is 1
with drawing(None):
    figure = Figure(figsize=(6.5, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.axhline(1, color="0.5", linewidth=0.8, linestyle=":")
    for colour, label, (name, run) in zip(LINE_COLOURS, labels, runs.items(), strict=False):
        line, circles = shares[name].T
        left.plot(run.steps, line, color=colour, linewidth=1.2, label=label)
        left.plot(run.steps, circles, "o", color=colour, markersize=4, fillstyle="none")
        right.plot(run.step_losses, color=colour, linewidth=0.8)
    left.set(xlabel="step", ylabel="sharpness / (2 / rate)", ylim=(0, None))
    left.legend(frameon=False, loc="lower right", ncols=2)
    right.set(xlabel="step", ylabel="training loss", yscale="log", ylim=(0.01, 1))
print("wrote", viz.save(figure, given.out / "edge-of-stability.pdf"))
