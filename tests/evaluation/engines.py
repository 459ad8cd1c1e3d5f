"""Engines with everything fixed, and examples for them."""

from __future__ import annotations

from typing import Any

import torch

from landscape import SamplingConfig


def fixed(strategy: str, **options: Any) -> SamplingConfig:
    return SamplingConfig(
        strategy=strategy, **{"chunk": 3, "batch_size": 16, "threads": 1, **options}
    )


def vectors() -> Any:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(37, 4, generator=generator), torch.arange(37) % 3
