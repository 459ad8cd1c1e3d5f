"""Data sets by name, in fixed order, with a digest. Knows nothing of networks."""

from .batch import Batch
from .catalogue import describe, load, names

__all__ = ["Batch", "describe", "load", "names"]
