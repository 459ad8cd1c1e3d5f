"""Record a training by Lightning with a callback, and draw the path on its surface."""

# %% Options and data
import argparse
import shutil
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import landscape
from landscape import data, viz
from landscape.training.recording.lightning import RecorderCallback

try:
    import lightning.pytorch as pl
except ModuleNotFoundError:
    sys.exit("this example needs Lightning: pip install 'lossoscope[lightning]'")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
digits = data.load("digits", standardise="features")
examples = list(zip(digits.inputs.astype("f4"), digits.targets, strict=True))


# %% Your own LightningModule
class Classifier(pl.LightningModule):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


# %% A callback records the weights of the inner network every few steps
torch.manual_seed(0)
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 10))
shutil.rmtree(given.out / "recording", ignore_errors=True)
recorder = RecorderCallback(given.out / "recording", every=2, module=lambda whole: whole.net)
trainer = pl.Trainer(max_steps=10 if given.quick else 300, max_epochs=-1, callbacks=[recorder],
                     accelerator="cpu", logger=False, enable_checkpointing=False)  # fmt: skip
trainer.fit(Classifier(net), torch.utils.data.DataLoader(examples, 128, shuffle=True))

# %% The plane of its path, which starts near alpha = -1, and the loss there
problem, points = landscape.Problem(net, data=digits), 9 if given.quick else 51
run = landscape.evaluate_losses(problem, recorder.trajectory())
plane = landscape.pca_plane(run, length="displacement")
paths, grid = {"A path recorded in Lightning": run}, landscape.Grid.square(points, 1.5)
panel = landscape.sample(problem, plane, paths=paths, grid=grid)
print("wrote", viz.save(viz.surface(panel), given.out / "lightning.png"))
