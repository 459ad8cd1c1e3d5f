"""Networks with weights of their own, and their states as they are saved."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from training.recording.loops import network


def trained(seed: int | np.int64 = 3) -> nn.Sequential:
    """A network with weights and statistics of its own."""
    model = network()
    generator = torch.Generator().manual_seed(int(seed))
    with torch.no_grad():
        for values in (*model.parameters(), model[1].running_mean):
            values.copy_(torch.randn(values.shape, generator=generator))
    return model


def same(one: nn.Module, other: nn.Module) -> bool:
    state = other.state_dict()
    return all(torch.equal(v, state[n]) for n, v in one.state_dict().items())


def prefixed(model: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + n: v for n, v in model.state_dict().items()}
