"""Compare kinked and smooth activations of one network, side by side on one scale."""

# %% Options, activations and data
import argparse
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.networks import activations, build
from landscape.records.windows import window_around

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
names = ("relu", "elu", "gelu", "tanh")
digits = data.load("digits", standardise="features")

# %% Train each from the same initial weights
# Draws are keyed by seed and parameter name, so only the activation differs.
config = landscape.TrainingConfig(steps=20 if given.quick else 300)
problems = {
    name: landscape.Problem(build("mlp", activation=name, seed=0), "cross_entropy", digits)
    for name in names
}
runs = {
    name: landscape.train(problem, optimizer="gd", config=config)
    for name, problem in problems.items()
}

# %% The plane of each path, in units of its length from start to solution
# Paths of different lengths then fit one window.
planes = {name: landscape.pca_plane(run, length="displacement") for name, run in runs.items()}
points = (9, 9) if given.quick else (51, 51)
paths = [landscape.project(runs[name].thetas, planes[name])[0] for name in names]
grid = window_around(paths, points, margin=0.4)

# %% Sample, and place each path with its true losses
# A fixed engine uses the same arithmetic in all panels, without a measurement for each network.
engine = landscape.SamplingConfig(strategy="batched", chunk=8, batch_size=1024, threads=1)
panels = []
for name, problem in problems.items():
    about = activations.get(name)
    paths = {f"{about.label} ({about.smoothness})": runs[name]}  # the key becomes the panel's title
    panel = landscape.sample(problem, planes[name], paths=paths, grid=grid, engine=engine)
    panels.append(panel)
    share = panel.paths[0].captured
    print(f"{name:5} final loss {runs[name].losses[-1]:.4f}, in the plane {share:.1%}")

# %% One height scale, one range of colours, one camera
# Only then does a difference between panels show a difference between networks.
print("wrote", viz.save(viz.contour(panels), given.out / "smooth-and-kinked.pdf"))
print("wrote", viz.save(viz.compare(panels), given.out / "smooth-and-kinked.png"))
