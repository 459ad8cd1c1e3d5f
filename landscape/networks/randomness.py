"""Random draws that depend on a key alone, never on what was drawn before."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def keyed_generator(*key: object) -> torch.Generator:
    """Return a generator on the CPU seeded by ``key``; the global generator is not touched.

    The seed is the first 8 bytes of the SHA-256 of the key's parts joined by slashes.
    """
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def keyed_normal(shape: tuple[int, ...], *key: object) -> Tensor:
    """Draw standard normals of ``shape`` in float64 from the generator of ``key``."""
    return torch.randn(shape, generator=keyed_generator(*key), dtype=torch.float64)
