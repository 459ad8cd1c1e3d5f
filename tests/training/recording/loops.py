"""Small training loops that are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from landscape import TrajectoryRecorder


def network(*, width: int = 5, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Linear(width, 3)
    ).to(dtype)


def vector(model: nn.Module) -> np.ndarray:
    """Return the parameters one after another, a copy."""
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]).clone().numpy()


def steps_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, count: int, *, start: int = 0
) -> Iterator[torch.Tensor]:
    """Take steps ``start`` to ``count`` on random batches; yield the loss after each."""
    generator = torch.Generator().manual_seed(1)
    dtype = next(model.parameters()).dtype
    for step in range(count):
        inputs = torch.randn(8, 4, generator=generator).to(dtype)
        if step < start:
            continue
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), torch.arange(8) % 3)
        loss.backward()
        optimizer.step()
        yield loss


def recorded(model: nn.Module, path: Path, count: int, **options: Any) -> list[np.ndarray]:
    """Record ``count`` steps of SGD; return the weights before the first and after each."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = [vector(model)]
    with TrajectoryRecorder(model, path, **options) as recorder:
        for loss in steps_of(model, optimizer, count):
            recorder.step(loss)
            seen.append(vector(model))
    return seen
