"""Record three optimizers in your own loop, and draw their paths in the plane of the solutions."""

# %% Options, data and optimizers
import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

import landscape
from landscape import data, viz
from landscape.records.windows import window_around

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
digits = data.load("digits", standardise="features")
inputs = torch.tensor(digits.inputs, dtype=torch.float32).flatten(1)
targets = torch.tensor(digits.targets)
rates = {"SGD": 0.1, "Adam": 3e-3, "RMSprop": 1e-3}

# %% Your own loop with one more line around it and one inside
runs, folder = {}, given.out / "recordings"
shutil.rmtree(folder, ignore_errors=True)  # a recording is not overwritten
for name, rate in rates.items():
    torch.manual_seed(0)  # the same start and the same batches for all
    model = nn.Sequential(nn.Linear(64, 32), nn.ELU(), nn.Linear(32, 10))
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=rate)
    with landscape.TrajectoryRecorder(model, folder / name, every=2) as recorder:
        for _ in range(20 if given.quick else 300):
            some = torch.randint(len(inputs), (128,))
            loss = nn.functional.cross_entropy(model(inputs[some]), targets[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorder.step(loss)
    problem = landscape.Problem(model, "cross_entropy", (inputs, targets))
    runs[name] = landscape.evaluate_losses(problem, recorder.trajectory())

# %% The plane through the three solutions; each path is placed on it by least squares
plane = landscape.plane_through(*runs.values(), orthogonal=True)
points = (11, 11) if given.quick else (61, 61)
coordinates = [landscape.project(run.thetas, plane)[0] for run in runs.values()]
grid = window_around(coordinates, points, margin=0.5)
panel = landscape.sample(problem, plane, paths=runs, grid=grid)
for path in panel.paths:
    print(f"{path.run:8} final loss {path.losses[-1]:.4f}, in the plane {path.captured:.1%}")

# %% All paths on one surface, at their true losses, which differ from the surface off the plane
picture = viz.surface(replace(panel, title="The plane of three solutions"))
print("wrote", viz.save(picture, given.out / "three-optimizers.png"))
