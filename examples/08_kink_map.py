"""Map the kinks of a ReLU network's loss in a window, and cut the surface along them."""

# %% Options, and a network trained on the digits
import argparse
from dataclasses import replace
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.kinks import kink_map
from landscape.kinks.zooming import close_up
from landscape.networks import build
from landscape.networks.parameters import assign

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
digits = data.load("digits", standardise="features")
if given.quick:
    digits = (digits.inputs[:100], digits.targets[:100])
model = build("mlp", activation="relu", hidden=(32, 32), seed=0)
config = landscape.TrainingConfig(steps=20 if given.quick else 300)
problem = landscape.Problem(model, "cross_entropy", digits)
run = landscape.train(problem, optimizer="gd", config=config)
assign(model, run.thetas[-1])
plane = landscape.random_plane(model, seed=0)

# %% Every kink in a window of the size of an optimizer step
# Kink lines of the first layer are straight; those of the second bend where they meet these.
small = landscape.Grid.square(9 if given.quick else 33, 0.002)
kinks = kink_map(problem, plane, grid=small)
print(f"{kinks.curves} curves, largest jump of the gradient {kinks.weights.max():.2g}")
surface = landscape.sample(problem, plane, grid=small)
look = viz.Look(height="linear", shading="differences")
figure = viz.kink_contour(viz.Panel(surface, title="Kink curves"), kinks, look)
print("wrote", viz.save(figure, given.out / "kink-curves.png"))
picture = viz.kink_surface(surface, kinks, look)
print("wrote", viz.save(picture, given.out / "kink-curves-3d.png"))

# %% The surface cut along the kinks, without its quadratic
# The residual is nearly all creases: each edge has two normals.
grid = landscape.Grid.square(5 if given.quick else 41, 0.002)
closeup = close_up(problem, plane, grid)
closeup = replace(closeup, title="ReLU", activation="relu")
print("wrote", viz.save(viz.microscope([closeup], width=4.0), given.out / "creases.png"))

# %% A wide window holds too many curves to draw: this is their density
wide = landscape.Grid.square(9 if given.quick else 41, 0.25)
many = kink_map(problem, plane, grid=wide, limit=20_000)
surface = landscape.sample(problem, plane, grid=wide)
figure = viz.kink_contour(viz.Panel(surface, title="Kink density"), many, most=500)
print("wrote", viz.save(figure, given.out / "kink-density.png"))
