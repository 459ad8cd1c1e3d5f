"""Draw the loss surface of your own network: a plane, a sample, a picture."""

# %% Options: where pictures go, and a quick mode
import argparse
from pathlib import Path

import torch
from torch import nn

import landscape
from landscape import data, viz

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments

# %% Any network, trained in any way
# The cells below do not depend on how the network was trained.
digits = data.load("digits", standardise="features")
inputs = torch.tensor(digits.inputs, dtype=torch.float32)
targets = torch.tensor(digits.targets)
torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ELU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(5 if given.quick else 100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()

# %% Network, loss and examples as one problem
problem = landscape.Problem(model, nn.functional.cross_entropy, (inputs, targets))

# %% Two random directions, scaled filter by filter
# Without the scaling, a network with larger weights would look flatter than it is.
plane = landscape.random_plane(model, seed=0)

# %% The loss at every point; the model is bit-identical afterwards
grid = landscape.Grid.square(11 if given.quick else 51)
surface = landscape.sample(problem, plane, grid=grid)
print(f"loss at the solution {surface.losses[grid.shape[0] // 2, grid.shape[1] // 2]:.4f}")

# %% A 3D picture and a figure for a paper
print("wrote", viz.save(viz.contour(surface), given.out / "own-contour.pdf"))
print("wrote", viz.save(viz.surface(viz.Panel(surface, title="My network")), given.out / "own.png"))
