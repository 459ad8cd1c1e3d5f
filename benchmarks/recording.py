"""What recording costs a training loop: time per step with and without, in turns.

``python -m benchmarks.recording`` prints one table. Every round runs the same steps without a
recorder and with each of its settings, in an order that rotates; a ratio is that of the medians
over the rounds, and the range that of the rounds' own ratios.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

import landscape
from landscape.networks import build

BATCH = 64
SETTINGS: dict[str, dict[str, Any] | None] = {
    "without": None,
    "every 10": {"every": 10},
    "every 10, lengths": {"every": 10, "step_lengths": True},
    "every 10, fsync": {"every": 10, "fsync": True},
    "every step": {"every": 1},
}


def mlp() -> tuple[nn.Module, tuple[int, ...]]:
    """An MLP on 8 x 8 images."""
    return build("mlp", input_shape=(64,), hidden=(256, 256)), (64,)


def cnn() -> tuple[nn.Module, tuple[int, ...]]:
    """A small convolutional network with BatchNorm on 3 x 32 x 32 images."""
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 64, 10),
    )  # fmt: skip
    return model, (3, 32, 32)


def seconds_per_step(
    make: Callable[[], tuple[nn.Module, tuple[int, ...]]],
    steps: int,
    options: dict[str, Any] | None,
    folder: Path,
) -> float:
    """Train for a while and return the time of a step, opening and closing the recorder aside."""
    torch.manual_seed(0)
    model, shape = make()
    inputs, targets = torch.randn(BATCH, *shape), torch.arange(BATCH) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    recorder = (
        landscape.TrajectoryRecorder(model, folder, optimizer=optimizer, **options)
        if options is not None
        else None
    )
    with recorder or nullcontext():
        for step in range(-5, steps):
            if step == 0:
                start = time.perf_counter()
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            if recorder is not None:
                recorder.step(loss)
        return (time.perf_counter() - start) / steps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each run, about")
    parser.add_argument("--folder", type=Path, help="where the recordings go; default: temporary")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, one thread, torch {torch.__version__}, batches of {BATCH}, "
          f"{options.rounds} rounds")  # fmt: skip
    for name, make in (("MLP 64-256-256-10", mlp), ("CNN, 2 convolutions", cnn)):
        table(name, make, options)


def table(name: str, make: Any, options: argparse.Namespace) -> None:
    """Measure one network and print its part of the table."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        once = seconds_per_step(make, 20, None, Path(folder))
        steps = max(20, round(options.seconds / once / 10) * 10)
        times: dict[str, list[float]] = {setting: [] for setting in SETTINGS}
        for turn in range(options.rounds):
            names = list(SETTINGS)
            for setting in names[turn % len(names) :] + names[: turn % len(names)]:
                place = Path(folder) / f"{turn}-{setting}"
                times[setting].append(seconds_per_step(make, steps, SETTINGS[setting], place))
        path = landscape.read_recording(Path(folder) / "0-every 10")
        size = sum(f.stat().st_size for f in (Path(folder) / "0-every 10").iterdir())
        bare = times["without"]
        print(f"\n{name}: {path.layout.size:,} parameters, {size / len(path.steps):,.0f} bytes per "
              f"record (weights {path.thetas[0].nbytes:,}), {steps} steps a run")  # fmt: skip
        for setting, found in times.items():
            ratios = [a / b for a, b in zip(found, bare, strict=True)]
            ratio = statistics.median(found) / statistics.median(bare)
            print(f"  {setting:18} {statistics.median(found) * 1e3:8.3f} ms per step   "
                  f"x {ratio:.3f}  ({min(ratios):.3f} to {max(ratios):.3f})")  # fmt: skip


if __name__ == "__main__":
    main()
