"""Directions and planes through parameter space."""

from landscape.directions.normalise import normalise
from landscape.directions.pca import StraightPathError, pca_plane
from landscape.directions.random import random_direction, random_plane
from landscape.directions.selection import Which, mask, select

__all__ = [
    "StraightPathError",
    "Which",
    "mask",
    "normalise",
    "pca_plane",
    "random_direction",
    "random_plane",
    "select",
]
