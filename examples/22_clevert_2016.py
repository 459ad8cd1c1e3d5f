"""Reproduce Clevert et al. (2016), figure 2: mean activations and loss of ELU, ReLU, leaky ReLU."""

# %% Options, and 5,000 images of MNIST
import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import landscape
from landscape import data, viz
from landscape.networks import activations, build
from landscape.networks.parameters import assign
from landscape.viz.flat.lines import LINE_COLOURS, drawing

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
digits = data.load("mnist5k", standardise="unit")
epochs, seeds = (2, (0,)) if given.quick else (40, (0, 1, 2))
per_epoch = -(-len(digits.inputs) // 64)
config = landscape.TrainingConfig(
    steps=epochs * per_epoch, record_every=per_epoch, record_pairs=False, batch_size=64,
    learning_rates={"sgd": 0.01},
)  # fmt: skip


# %% The mean activation of every hidden unit over the same 500 images, and the median of all units
def median_activation(model, theta):
    assign(model, theta)
    hidden, means = torch.tensor(digits.inputs[::10]), []
    for name, layer in model.named_children():
        hidden = layer(hidden)
        if name.startswith("activation"):
            means.append(hidden.mean(dim=0).detach())
    return float(torch.cat(means).median())


# %% Eight hidden layers of 128 units, batches of 64, rate 0.01, as in the paper
names = ("elu", "leaky_relu_0.1", "relu")
labels = [activations.get(name).label for name in names]
losses, medians = {name: [] for name in names}, {name: [] for name in names}
for name in names:
    for seed in seeds:
        model = build("mlp", activation=name, hidden=(128,) * 8, input_shape=(784,), seed=seed)
        problem = landscape.Problem(model, "cross_entropy", digits)
        run = landscape.train(problem, optimizer="sgd", config=config, seed=seed)
        losses[name].append(run.losses)
        medians[name].append([median_activation(model, theta) for theta in run.thetas])


# %% The table: means and ranges over the seeds
def told(values):
    return f"{np.mean(values):.2g} ({min(values):.2g} to {max(values):.2g})"


print("| | theirs | " + " | ".join(labels) + " |\n|---|---|" + "---|" * len(names))
ends = {name: [one[-1] for one in medians[name]] for name in names}
above = {name: [np.sum(one[1:] > 0.1) for one in losses[name]] for name in names}
final = {name: [one[-1] for one in losses[name]] for name in names}
rows = {
    "median unit activation, end": ("ELU nearest to 0", ends),
    "epochs with a loss above 0.1": ("ELU falls most rapidly", above),
    f"training loss, {epochs} epochs": ("not stated", final),
}
for row, (theirs, ours) in rows.items():
    print(f"| {row} | {theirs} | " + " | ".join(told(ours[name]) for name in names) + " |")

# %% Both against the epoch: lines are means over the seeds, bands their ranges
with drawing(None):
    figure = Figure(figsize=(6.5, 2.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, found in zip(panels, (medians, losses), strict=True):
        for name, label, colour in zip(names, labels, LINE_COLOURS, strict=False):
            many = np.array(found[name])
            axes.plot(many.mean(axis=0), color=colour, linewidth=1.2, label=label)
            low, high = many.min(axis=0), many.max(axis=0)
            axes.fill_between(range(epochs + 1), low, high, color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="epoch", xlim=(0, epochs))
    panels[0].set(ylabel="median unit activation", ylim=(0, None))
    panels[1].set(ylabel="training loss", yscale="log")
    panels[0].legend(frameon=False, loc="lower right")
print("wrote", viz.save(figure, given.out / "mean-activations.pdf"))
