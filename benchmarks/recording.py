"""What recording costs a training loop: time per step with and without, in turns.

``python -m benchmarks.recording`` prints one table. Five loops of the same network, one without a
recorder and one for each of its settings, take ten steps each in turns, in an order that rotates,
so that whatever else the machine does meets all of them. Ratios are those of the medians over the
turns, of wall time and of processor time.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import landscape
from landscape.networks import build

BATCH = 64
BLOCK = 10
Network = tuple[nn.Module, tuple[int, ...]]
SETTINGS: dict[str, dict[str, Any] | None] = {
    "without": None,
    "every 10": {"every": 10},
    "every 10, lengths": {"every": 10, "step_lengths": True},
    "every 10, fsync": {"every": 10, "fsync": True},
    "every step": {"every": 1},
}


def mlp() -> Network:
    """An MLP on 8 x 8 images."""
    return build("mlp", input_shape=(64,), hidden=(256, 256)), (64,)


def cnn() -> Network:
    """A small convolutional network with BatchNorm on 3 x 32 x 32 images."""
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 64, 10),
    )  # fmt: skip
    return model, (3, 32, 32)


class Loop:
    """A training loop that is run ten steps at a time."""

    def __init__(self, make: Callable[[], Network], folder: Path, setting: str) -> None:
        torch.manual_seed(0)
        self.model, shape = make()
        self.inputs, self.targets = torch.randn(BATCH, *shape), torch.arange(BATCH) % 10
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        options = SETTINGS[setting]
        self.recorder = None
        if options is not None:
            self.recorder = landscape.TrajectoryRecorder(
                self.model, folder / setting, optimizer=self.optimizer, **options
            ).__enter__()
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def run(self) -> None:
        """Take ten steps and note the time of one."""
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(BLOCK):
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(self.inputs), self.targets)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            if self.recorder is not None:
                self.recorder.step(loss)
        self.wall.append((time.perf_counter() - wall) / BLOCK)
        self.cpu.append((time.process_time() - cpu) / BLOCK)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each network, about")
    parser.add_argument("--folder", type=Path, help="where the recordings go; default: temporary")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, one thread, torch {torch.__version__}, batches of {BATCH}")
    for name, make in (("MLP 64-256-256-10", mlp), ("CNN, 2 convolutions", cnn)):
        table(name, make, options)


def table(name: str, make: Callable[[], Network], options: argparse.Namespace) -> None:
    """Measure one network and print its part of the table."""
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        loops = {setting: Loop(make, folder, setting) for setting in SETTINGS}
        order = list(loops.values())
        end = time.perf_counter() + options.seconds
        while time.perf_counter() < end:
            for loop in order:
                loop.run()
            order.append(order.pop(0))
        for loop in order:
            if loop.recorder is not None:
                loop.recorder.__exit__(None, None, None)
        path = landscape.read_recording(folder / "every 10")
        size = sum(f.stat().st_size for f in (folder / "every 10").iterdir())
    bare = loops["without"]
    print(f"\n{name}: {path.layout.size:,} parameters, {size / len(path.steps):,.0f} bytes per "
          f"record (weights {path.thetas[0].nbytes:,}), {len(bare.wall)} turns")  # fmt: skip
    for setting, loop in loops.items():
        wall, cpu = (statistics.median(t) for t in (loop.wall, loop.cpu))
        ratios = wall / statistics.median(bare.wall), cpu / statistics.median(bare.cpu)
        print(f"  {setting:18} {wall * 1e3:8.3f} ms per step  x {ratios[0]:.3f}"
              f"     processor {cpu * 1e3:8.3f} ms  x {ratios[1]:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
