"""Compare a deep network with and without skip connections on one scale (Li et al. 2018)."""

# %% Options and data
import argparse
from dataclasses import replace
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.networks import build
from landscape.networks.parameters import assign

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
digits = data.load("digits", standardise="features")
images, labels = digits.inputs[:512], digits.targets[:512]

# %% Train both with the same blocks, seed and batches; only the skips differ
depth, width = (8, 4) if given.quick else (32, 8)
config = landscape.TrainingConfig(steps=8 if given.quick else 200, batch_size=64)
problems = {}
for title, skip in {"With skip connections": True, "Without": False}.items():
    model = build(
        "resnet", depth=depth, width=width, input_shape=(1, 8, 8), outputs=10, skip=skip, seed=0
    )
    problem = landscape.Problem(model, "cross_entropy", (images, labels))
    run = landscape.train(problem, optimizer="adam", config=config)
    assign(model, run.thetas[-1])
    print(f"{title:22} loss after {run.steps[-1]} steps: {run.losses[-1]:.4g}")
    problems[title] = problem

# %% The same two random directions around both, scaled filter by filter
# Random draws depend on parameter names, so the blocks of both networks move alike.
grid = landscape.Grid.square(5 if given.quick else 25)
how = {"subset": landscape.Subset(64 if given.quick else 256), "batch_norm": "batch"}
panels = []
for title, problem in problems.items():
    plane = landscape.random_plane(problem.model, seed=0)
    surface = landscape.sample(replace(problem, **how), plane, grid=grid)
    panels.append(viz.Panel(surface, title=title))

# %% One scale, one camera
picture = viz.compare(panels)
print("wrote", viz.save(picture, given.out / "skip-connections.png"))
