"""Four optimizers from the same start, on one surface."""

# %% Options
import argparse
from pathlib import Path

import data
import landscape
import viz
from landscape.networks import build
from landscape.study.windows import window_around

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given = parser.parse_args()
optimizers = ("gd", "momentum", "nesterov", "adam")
digits = data.load("digits", standardise="features")

# %% Same weights, same data, another way down
config = landscape.TrainingConfig(steps=20 if given.quick else 300, record_every=2)
runs, models = {}, {}
for name in optimizers:
    models[name] = build("mlp", activation="relu", seed=0)
    runs[name] = landscape.train(
        models[name], "cross_entropy", digits, optimizer=name, config=config
    )

# %% The plane of the first path; the others are placed on it by least squares
# How much of each path lies in that plane is printed, and stands in the caption.
plane = landscape.pca_plane(runs["gd"])
coordinates = [landscape.project(run.thetas, plane)[0] for run in runs.values()]
grid = window_around(coordinates, (11, 11) if given.quick else (61, 61), margin=0.2)
work = models["gd"], "cross_entropy", digits, plane
evaluator = landscape.plane_evaluator(*work)
paths = [
    landscape.place(evaluator, plane, run, run=name, plane_id="gd") for name, run in runs.items()
]
for path in paths:
    print(f"{path.run:9} final loss {path.losses[-1]:.4f}, in the plane {path.captured:.1%}")

# %% All on one surface
surface = landscape.sample(*work, grid=grid)
print("wrote", viz.save(viz.contour(surface, paths=[paths]), given.out / "optimizers.pdf"))
print("wrote", viz.save(viz.surface(surface, path=paths), given.out / "optimizers.png"))
