"""Directions and planes through parameter space."""

from landscape.directions.acting import Acting, acting_weights
from landscape.directions.between import line_between, plane_through
from landscape.directions.custom import custom_plane
from landscape.directions.normalise import normalise
from landscape.directions.orthogonal import CollinearError, orthogonalised
from landscape.directions.pca import StraightPathError, pca_plane
from landscape.directions.random import random_direction, random_plane
from landscape.directions.random_walk import random_walk_variance
from landscape.directions.selection import Which, mask, select
from landscape.directions.updates import last_update, update_plane
from landscape.directions.within import line_within

__all__ = [
    "Acting",
    "CollinearError",
    "StraightPathError",
    "Which",
    "acting_weights",
    "custom_plane",
    "last_update",
    "line_between",
    "line_within",
    "mask",
    "normalise",
    "orthogonalised",
    "pca_plane",
    "plane_through",
    "random_direction",
    "random_plane",
    "random_walk_variance",
    "select",
    "update_plane",
]
