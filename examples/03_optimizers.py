"""Draw the paths of four optimizers from the same start on one surface."""

# %% Options, optimizers and data
import argparse
from dataclasses import replace
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.networks import build
from landscape.records.windows import window_around

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
optimizers = ("gd", "momentum", "nesterov", "adam")
digits = data.load("digits", standardise="features")

# %% The same weights and data with four optimizers
# Each has its own default rate: this compares paths, it does not rank optimizers.
config = landscape.TrainingConfig(steps=20 if given.quick else 300, record_every=2)
problems = {
    name: landscape.Problem(build("mlp", activation="relu", seed=0), "cross_entropy", digits)
    for name in optimizers
}
runs = {
    name: landscape.train(problem, optimizer=name, config=config)
    for name, problem in problems.items()
}

# %% The plane of the first path; the others are placed on it by least squares
# Off the plane a path has its true losses, not the surface's: its tube may run below it.
plane = landscape.pca_plane(runs["gd"])
coordinates = [landscape.project(run.thetas, plane)[0] for run in runs.values()]
grid = window_around(coordinates, (11, 11) if given.quick else (61, 61), margin=0.2)
engine = landscape.SamplingConfig(strategy="batched", chunk=8, batch_size=1024, threads=1)
panel = landscape.sample(problems["gd"], plane, paths=runs, grid=grid, engine=engine)
for path in panel.paths:
    print(f"{path.run:9} final loss {path.losses[-1]:.4f}, in the plane {path.captured:.1%}")

# %% All paths on one surface; the legend gives the share of each path in the plane
shown = tuple(replace(path, run=f"{path.run} {path.captured:.0%}") for path in panel.paths)
panel = replace(panel, paths=shown, title="Four optimizers: share of each path in the plane")
print("wrote", viz.save(viz.contour(panel), given.out / "optimizers.pdf"))
print("wrote", viz.save(viz.surface(panel), given.out / "optimizers.png"))
