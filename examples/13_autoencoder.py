"""Draw an autoencoder's loss along one direction of the encoder and one of the decoder."""

# %% Options, data and a network that is trained to reproduce its input
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
digits = torch.tensor(data.load("digits").inputs, dtype=torch.float32).flatten(1)
torch.manual_seed(0)
model = nn.Sequential()
model.add_module("encoder", nn.Sequential(nn.Linear(64, 48), nn.ELU(), nn.Linear(48, 8)))
model.add_module("decoder", nn.Sequential(nn.Linear(8, 48), nn.ELU(), nn.Linear(48, 64)))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(20 if given.quick else 600):
    some = torch.randint(len(digits), (128,))
    loss = nn.functional.mse_loss(model(digits[some]), digits[some])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"mean squared error of the last batch {loss.item():.4f}")

# %% A direction that moves the encoder alone, and one that moves the decoder alone
encoder = landscape.random_plane(model, which="encoder", seed=0).d_alpha
decoder = landscape.random_plane(model, which="decoder", seed=0).d_alpha
plane = landscape.custom_plane(model, [encoder, decoder])
print(landscape.describe(plane))

# %% The surface; the inputs are the targets
grid = landscape.Grid.square(9 if given.quick else 51, 1.5)
surface = landscape.sample(landscape.Problem(model, "mse", (digits, digits)), plane, grid=grid)
panel = viz.Panel(surface, title="Autoencoder: alpha moves the encoder, beta the decoder")
print("wrote", viz.save(viz.surface(panel), given.out / "autoencoder.png"))
print("wrote", viz.save(viz.contour(panel), given.out / "autoencoder.pdf"))
