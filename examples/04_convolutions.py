"""Resample the surface of a convolutional network on 1,000 MNIST digits from few evaluations."""

# %% Options
import argparse
import sys
from pathlib import Path

import numpy as np

import landscape
from landscape import data, viz
from landscape.networks import build

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
try:
    mnist = data.load("mnist5k", standardise="unit")
except ImportError as error:
    sys.exit(str(error))

# %% A subset of 1,000 digits, on which the network is trained and the surface sampled
count = 100 if given.quick else 1000
chosen = np.random.default_rng(0).choice(len(mnist.inputs), size=count, replace=False)
examples = mnist.inputs[chosen], mnist.targets[chosen]

# %% Train; BatchNorm collects running statistics, which sampling does not change
model = build("cnn", activation="relu", input_shape=(1, 28, 28), channels=(8, 16), batch_norm=True)
config = landscape.TrainingConfig(steps=3 if given.quick else 100, batch_size=100)
problem = landscape.Problem(model, "cross_entropy", examples)
run = landscape.train(problem, optimizer="adam", config=config)
print(f"loss {run.losses[0]:.3f} -> {run.losses[-1]:.4f} over {count} examples")

# %% Evaluate at Chebyshev points and interpolate the rest
# If the loss is not smooth enough, every point is evaluated instead. The span is half the usual:
# further out this loss is a hundred times larger, and the valley would be a flat spot.
plane = landscape.random_plane(model, seed=0)
grid = landscape.Grid.square(27 if given.quick else 101, span=0.5)
result = landscape.resample(problem, plane, grid=grid)
print(result.surface.settings.get("resampled", "every point was evaluated"))

# %% The caption gives the number of interpolated points and their error
figure = viz.contour(result.surface)
print("wrote", viz.save(figure, given.out / "convolutions.pdf"))
plotter = viz.surface(viz.Panel(result.surface, title="CNN with BatchNorm, ReLU"))
print("wrote", viz.save(plotter, given.out / "convolutions.png"))
