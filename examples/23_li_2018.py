"""Reproduce Li et al. (2018), figures 8 and 9: the share of a path in PCA and random planes."""

# %% Options, digits and three networks
import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape import data, viz
from landscape.networks import build
from landscape.viz.flat.lines import LINE_COLOURS, drawing

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
depth, seeds, epochs = (8, (0,), 4) if given.quick else (20, (0, 1, 2), 30)
small = {"channels": (16, 32), "convolutions": 2, "batch_norm": True}
networks = {
    "VGG-like": ("cnn", small),
    f"ResNet-{depth}": ("resnet", {"depth": depth, "width": 8}),
    f"ResNet-{depth}, no skips": ("resnet", {"depth": depth, "width": 8, "skip": False}),
}
digits = data.load("digits", standardise="features")
per_epoch = -(-len(digits.inputs) // 128)
config = landscape.TrainingConfig(
    steps=epochs * per_epoch, record_every=per_epoch, record_pairs=False, batch_size=128,
    schedule="step",
    weight_decay=5e-4, learning_rates={"momentum": 0.1},
)  # fmt: skip


# %% The share of the path's variance that lies in a plane, and that of a matched random walk
def share_in(plane, thetas):
    rows = thetas - thetas.mean(axis=0)
    basis = np.linalg.qr(plane.directions.T)[0]
    return np.square(rows @ basis).sum() / np.square(rows).sum()


shares, paths = {}, {}
for name, (kind, options) in networks.items():
    shares[name] = []
    for seed in seeds:
        model = build(kind, input_shape=(1, 8, 8), seed=seed, **options)
        problem = landscape.Problem(model, "cross_entropy", digits)
        run = landscape.train(problem, optimizer="momentum", config=config, seed=seed)
        pca = landscape.pca_plane(run)
        others = [landscape.random_plane(model, seed=k) for k in range(2 if given.quick else 10)]
        in_random = np.mean([share_in(plane, run.thetas) for plane in others])
        walk = sum(pca.settings["random_walk_variance"])
        shares[name].append((share_in(pca, run.thetas), walk, in_random))
        paths.setdefault(name, (run.thetas - run.solution, pca, others[0]))

# %% The table: the paper has VGG-9 on CIFAR-10, we have small networks on 1,797 digits
print("| variance in | theirs | " + " | ".join(shares) + " |")
print("|---|---|" + "---|" * len(shares))
theirs = "40 to 90 %", "not given", "hardly any"
for row, said in enumerate(theirs):
    kind = ("first two principal components", "matched random walk", "random plane")[row]
    cells = [np.multiply(100, [one[row] for one in many]) for many in shares.values()]
    told = [f"{cell.mean():.2g} % ({cell.min():.2g} to {cell.max():.2g})" for cell in cells]
    print(f"| {kind} | {said} | " + " | ".join(told) + " |")

# %% The paths of the first seed, 0 at their solutions, and the shares of all seeds
with drawing(None):
    figure = Figure(figsize=(6.5, 2.6), layout="constrained")
    panels = figure.subplots(1, 3)
    for number, (name, (rows, *planes)) in enumerate(paths.items()):
        colour = LINE_COLOURS[number]
        for panel, plane in zip(panels, planes, strict=False):
            units = plane.directions / np.linalg.norm(plane.directions, axis=1, keepdims=True)
            panel.plot(*units @ rows.T, ".-", color=colour, markersize=3, linewidth=0.8, label=name)
        for row, values in enumerate(np.transpose(shares[name])):
            places = np.full(len(values), row + 0.2 * (number - 1))
            panels[2].plot(values, places, "o", color=colour, markersize=4, fillstyle="none")
    panels[0].set(xlabel="first component", ylabel="second component")
    panels[1].set(xlabel="random direction, same scale", ylabel="another",
                  xlim=panels[0].get_xlim(), ylim=panels[0].get_ylim())  # fmt: skip
    panels[2].set(xlabel="share of the variance", xscale="log", xlim=(1e-5, 2), ylim=(2.5, -0.5))
    panels[2].set_yticks(range(3), ["PCA", "random\nwalk", "random\nplane"])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
print("wrote", viz.save(figure, given.out / "path-in-planes.pdf"))
