"""Networks this package builds itself; parameters as one vector; activations by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.networks.building import build

__all__ = ["build"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that specifications and facts of activations need no torch.
    if name == "build":
        from landscape.networks.building import build

        return build
    raise AttributeError(f"module 'landscape.networks' has no attribute {name!r}")
