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

# %% The surface at full scale, the window, the scaling of its residual, the noise of minibatches
engine = landscape.SamplingConfig(strategy="batched", chunk=8, batch_size=1024, threads=1)
views = [landscape.Grid.square(21 if given.quick else 51), step.grid(21 if given.quick else 151)]
widths, points = np.geomspace(4e-5, 0.4, 3 if given.quick else 9), 4 if given.quick else 7
centres = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2))
closeups, scalings = [], []
for one, (key, problem) in zip(facts, problems.items(), strict=True):
    of = {"plane": planes[key], "engine": engine}
    whole, window = (landscape.sample(problem, grid=grid, **of) for grid in views)
    losses = landscape.loss_on_plane(problem, **of)
    minibatches = [landscape.loss_on_plane(replace(problem, data=part), **of) for part in parts]
    noise = landscape.minibatch_noise(minibatches, step.width)
    residual = landscape.remove_quadratic(window)
    closeups.append(viz.Closeup((residual,), one.label, whole, noise))
    scalings.append(landscape.residual_scaling(losses, centres, widths, points=points))

# %% Full scale above, one step below; the caption gives the size of the residual
wide = viz.StepFacts(step.run, step.step_length, batch_size=64)
figure = viz.microscope(closeups, step=wide)
print("wrote", viz.save(figure, given.out / "microscope.png", caption=True))
picture = viz.microscope_3d(closeups, step=wide)
print("wrote", viz.save(picture, given.out / "microscope-3d.png"))

# %% The residual against the width of the window, for kinked and smooth activations
look = {"kinked": [bool(one.kinks) for one in facts], "step": step.width, "fitted": (4e-4, 0.02)}
lines = viz.residual_scaling(scalings, titles=[one.label for one in facts], **look)
print("wrote", viz.save(lines, given.out / "residual-scaling.pdf"))
