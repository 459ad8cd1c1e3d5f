"""One published way to evaluate, as a child process that is told when to run and for how long.

``python -m benchmarks.peers ENGINE WORKLOAD DIRECTIONS``: reads seconds from its input, one number
a line, and answers with a line of JSON each time. The first line it writes holds the losses on a
3 x 3 grid, or null where the engine draws its own directions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import workloads

Directions = tuple[dict[str, Tensor], dict[str, Tensor]]
GRID = (-0.5, 0.0, 0.5)


def loader_loop(work: workloads.Workload, directions: Directions) -> Callable[..., list[float]]:
    """Evaluate as the published method does: new weights, then a DataLoader with batches of 128."""
    loader = DataLoader(TensorDataset(work.inputs, work.targets), batch_size=128)
    start = {name: p.detach().clone() for name, p in work.model.named_parameters()}

    def run(points: list[tuple[float, float]]) -> list[float]:
        losses = []
        for alpha, beta in points:
            with torch.no_grad():
                for name, parameter in work.model.named_parameters():
                    changes = alpha * directions[0][name] + beta * directions[1][name]
                    parameter.copy_(start[name] + changes)
                total = right = 0.0
                for inputs, targets in loader:
                    output = work.model(inputs)
                    total += nn.functional.cross_entropy(output, targets).item() * len(inputs)
                    right += (output.argmax(1) == targets).sum().item()
            losses.append(total / len(work.inputs))
        return losses

    return run


def landscape_3d(work: workloads.Workload, directions: Directions) -> Callable[..., list[float]]:
    """Evaluate with loss-landscape-3d."""
    from loss_landscape_3d import LossLandscapeCalculator

    loader = DataLoader(TensorDataset(work.inputs, work.targets), batch_size=128)
    calculator = LossLandscapeCalculator(work.model, loader, nn.CrossEntropyLoss())
    centre = {name: v.detach().clone() for name, v in work.model.state_dict().items()}

    def run(points: list[tuple[float, float]]) -> list[float]:
        losses = []
        for alpha, beta in points:
            grid = calculator.calculate([alpha], [beta], *directions, centre)
            losses.append(float(grid[0, 0]))
        return losses

    return run


def landscapes(work: workloads.Workload, _directions: Directions) -> Callable[..., list[float]]:
    """Evaluate with loss-landscapes, which draws its own directions."""
    import loss_landscapes
    import loss_landscapes.metrics

    metric = loss_landscapes.metrics.Loss(nn.CrossEntropyLoss(), work.inputs, work.targets)

    def run(points: list[tuple[float, float]]) -> list[float]:
        steps = round(len(points) ** 0.5)
        plane = loss_landscapes.random_plane(
            work.model, metric, distance=1, steps=steps, normalization="filter", deepcopy_model=True
        )
        return [float(value) for value in plane.ravel()]

    return run


ENGINES = {
    "DataLoader loop": loader_loop,
    "loss-landscapes": landscapes,
    "loss-landscape-3d": landscape_3d,
}


def main() -> None:
    """Answer until the input ends."""
    engine, name, path = sys.argv[1:]
    directions = torch.load(path, weights_only=True)
    run = ENGINES[engine](workloads.make(name), directions)
    nine = [(alpha, beta) for alpha in GRID for beta in GRID]
    start = time.perf_counter()
    losses = run(nine)
    rate = 9 / (time.perf_counter() - start)
    print(json.dumps(None if engine == "loss-landscapes" else losses), flush=True)
    for line in sys.stdin:
        seconds = float(line)
        # Whole squares, since one engine takes no others; at most a second or so each.
        side = max(3, min(30, int(rate**0.5)))
        points = [(0.01 * i, 0.01 * j) for i in range(side) for j in range(side)]
        start, done = time.perf_counter(), 0
        while not done or time.perf_counter() - start < seconds:
            done += len(run(points))
        print(json.dumps([done, time.perf_counter() - start]), flush=True)


if __name__ == "__main__":
    main()
