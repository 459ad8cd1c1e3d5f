"""Use a loss of (model, batch) that differentiates the output: a physics-informed network."""

# %% Options, and the points for the equation and its initial and boundary values
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
torch.manual_seed(0)
turn = torch.linspace(0, 2 * torch.pi, 33)[:, None]
batch = {
    "inside": torch.rand(50 if given.quick else 400, 2) * torch.tensor([2 * torch.pi, 1.0]),
    "start": torch.hstack([turn, torch.zeros_like(turn)]),
    "left": torch.hstack([torch.zeros_like(turn), turn / (2 * torch.pi)]),
    "right": torch.hstack([torch.full_like(turn, 2 * torch.pi), turn / (2 * torch.pi)]),
}


# %% u_t + c u_x = 0, u(x, 0) = sin x, periodic; faster waves are known to be harder to fit
# Krishnapriyan et al. (2021), Characterizing possible failure modes in physics-informed networks.
def wave_loss(speed: float):
    def wave_residual(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        places = batch["inside"].requires_grad_()
        u_x, u_t = torch.autograd.grad(model(places).sum(), places, create_graph=True)[0].T
        start = model(batch["start"]) - batch["start"][:, :1].sin()
        edge = model(batch["left"]) - model(batch["right"])
        return sum(part.square().mean() for part in (u_t + speed * u_x, start, edge))

    return landscape.batch_loss(wave_residual)


# %% The same network for a slow and a fast wave
surfaces = {}
for speed in (1.0, 30.0):
    torch.manual_seed(1)
    model = nn.Sequential(*[nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh()])
    model.append(nn.Linear(32, 1))
    loss = wave_loss(speed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10 if given.quick else 1500):
        optimizer.zero_grad()
        loss(model, batch).backward()
        optimizer.step()
    plane = landscape.random_plane(model, seed=0)
    grid = landscape.Grid.square(5 if given.quick else 41)
    problem = landscape.Problem(model, loss, batch)
    surfaces[f"Wave of speed {speed:g}"] = landscape.sample(problem, plane, grid=grid)

# %% One scale, one camera
picture = viz.compare([viz.Panel(surface, title=name) for name, surface in surfaces.items()])
print("wrote", viz.save(picture, given.out / "physics.png"))
