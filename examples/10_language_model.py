"""Draw the surface of a small transformer, and measure the kinks along a gradient step."""

# %% Options, and text that comes with Python: a chapter of its language reference
import argparse
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import Tensor, nn

import landscape
from landscape import viz

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
length, width, depth = (12, 8, 1) if given.quick else (32, 32, 2)
text = topics["assignment"][: 600 if given.quick else None]
letters = sorted(set(text))
lines = torch.tensor([letters.index(letter) for letter in text]).unfold(0, length + 1, length)
inputs, targets = lines[:, :-1], lines[:, 1:]


# %% A network of your own: token ids [N, T] -> logits [N, T, letters]
class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(len(letters), width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, len(letters))

    def forward(self, ids: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        hidden = self.letters(ids) + self.places.weight
        return self.head(self.layers(hidden, mask=mask, is_causal=True))


torch.manual_seed(0)
model = Transformer()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(10 if given.quick else 300):
    some = torch.randint(len(inputs), (32,))
    loss = nn.functional.cross_entropy(model(inputs[some]).movedim(-1, 1), targets[some])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% The surface
plane, grid = landscape.random_plane(model, seed=0), landscape.Grid.square(5 if given.quick else 31)
surface = landscape.sample(landscape.Problem(model, data=(inputs, targets)), plane, grid=grid)
picture = viz.surface(viz.Panel(surface, title="Transformer"))
print("wrote", viz.save(picture, given.out / "language-model.png"))

# %% The part of the slope change along a gradient step that comes from the kinks of its ReLUs
few = landscape.Problem(model, data=(inputs[:8], targets[:8]))
budget = landscape.slope_budget(few, landscape.gradient_segment(few, rate=0.1))
print(f"{budget.crossings} crossings; autograd's curvature is off by {budget.off_by:.2%}")
print("wrote", viz.save(viz.layer_budgets([budget]), given.out / "language-model-kinks.pdf"))
