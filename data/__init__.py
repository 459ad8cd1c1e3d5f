"""Data sets by name, in fixed order, with a digest. Knows nothing of networks."""

from data.batch import Batch
from data.catalogue import describe, load, names

__all__ = ["Batch", "describe", "load", "names"]
