"""Use the loss microscope: kinked and smooth activations in a window of one optimizer step."""

# %% Options, activations and data
import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import landscape
from landscape import data, viz
from landscape.networks import activations, build

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
facts = [activations.get(name) for name in ("relu", "smelu_0.1", "gelu", "tanh")]
digits = data.load("digits", standardise="features")
starts = range(0, 512 if given.quick else 1792, 64)
parts = [(digits.inputs[i : i + 64], digits.targets[i : i + 64]) for i in starts]

# %% Train each from the same initial weights; the same random plane, in double precision
config = landscape.TrainingConfig(steps=20 if given.quick else 300)
models = {f"{one.name}-gd-seed0": build("mlp", activation=one.name, seed=0) for one in facts}
problems = {key: landscape.Problem(model, data=digits) for key, model in models.items()}
runs = {k: landscape.train(p, optimizer="gd", config=config) for k, p in problems.items()}
planes = {key: landscape.random_plane(model.double(), seed=0) for key, model in models.items()}
step = landscape.window_of_step(runs, planes["relu-gd-seed0"])

# %% From the whole surface down to one step, cut along the kinks; the noise of minibatches
engine = landscape.SamplingConfig(strategy="batched", chunk=8, batch_size=1024, threads=1)
size = {"levels": 2, "points": 9} if given.quick else {"levels": 4, "points": 81}
rows = []
for one, (key, problem) in zip(facts, problems.items(), strict=True):
    if one.name not in ("relu", "gelu"):
        continue
    minibatches = [landscape.loss_on_plane(replace(problem, data=part), planes[key], engine=engine)
                   for part in parts]  # fmt: skip
    noise = landscape.minibatch_noise(minibatches, step.width)
    named = {"title": one.label, "activation": one.name, "run": key}
    series = landscape.close_ups(problem, planes[key], runs[key], step_width=step.width, **size,
                                 **named)  # fmt: skip
    rows.append([replace(closeup, noise=noise, batch_size=64) for closeup in series])

# %% At full scale both look alike; within one step the slope of ReLU's loss jumps at each crease
print("wrote", viz.save(viz.zoom(rows, dpi=300), given.out / "zoom.png", caption=True))
steps = [row[-1] for row in rows]
figure = viz.microscope(steps, removing=("nothing", "tilt", "quadratic"), dpi=300)
print("wrote", viz.save(figure, given.out / "microscope-steps.png"))
figure = viz.microscope(steps, dpi=300)
print("wrote", viz.save(figure, given.out / "microscope.png", caption=True))

# %% How what a quadratic leaves grows with the window
widths, points = np.geomspace(4e-5, 0.4, 3 if given.quick else 9), 4 if given.quick else 7
centres = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2))
scalings = []
for key, problem in problems.items():
    losses = landscape.loss_on_plane(problem, planes[key], engine=engine)
    scalings.append(landscape.residual_scaling(losses, centres, widths, points=points))

# %% The residual against the width of the window, for kinked and smooth activations
look = {"kinked": [bool(one.kinks) for one in facts], "step": step.width, "fitted": (4e-4, 0.02)}
lines = viz.residual_scaling(scalings, titles=[one.label for one in facts], **look)
print("wrote", viz.save(lines, given.out / "residual-scaling.pdf"))
