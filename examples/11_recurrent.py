"""Compare an LSTM with a plain recurrent network: both add two marked numbers among many."""

# %% Options, and sequences of (number, marker); the target is the sum of the two marked ones
import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

import landscape
from landscape import viz

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
examples, length = (32, 6) if given.quick else (512, 20)
torch.manual_seed(0)
numbers = torch.rand(examples, length)
marked = torch.rand(examples, length).argsort(dim=1) < 2
sequences = torch.stack([numbers, marked.float()], dim=2)
sums = (numbers * marked).sum(dim=1, keepdim=True)


# %% Any module can be measured
class Reader(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cell = kind(2, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, sequence: Tensor) -> Tensor:
        return self.head(self.cell(sequence)[0][:, -1])


# %% Your own loop, then the surface of each with the same seed and grid
surfaces = {}
for kind in (nn.LSTM, nn.RNN):
    torch.manual_seed(1)
    model = Reader(kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(10 if given.quick else 400):
        loss = nn.functional.mse_loss(model(sequences), sums)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    plane = landscape.random_plane(model, seed=0)
    grid = landscape.Grid.square(7 if given.quick else 41, 1.5)
    problem = landscape.Problem(model, "mse", (sequences, sums))
    surface = landscape.sample(problem, plane, grid=grid)
    print(f"{kind.__name__}: loss {loss.item():.3g}, up to {surface.losses.max():.3g} around")
    surfaces[kind.__name__] = surface

# %% One scale, one camera
picture = viz.compare([viz.Panel(surface, title=name) for name, surface in surfaces.items()])
print("wrote", viz.save(picture, given.out / "recurrent.png"))
