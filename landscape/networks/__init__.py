"""Networks this package builds itself: the same initial weights for every activation."""

from landscape.networks.build import build

__all__ = ["build"]
