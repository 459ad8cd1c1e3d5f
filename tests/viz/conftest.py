"""Small surfaces and paths, and a look whether 3D pictures can be rendered here."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from making import make_surface

from landscape.grid import Grid
from landscape.surface import Surface
from viz import offscreen


@functools.cache
def _works() -> bool:
    try:
        offscreen.ensure()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def rendering() -> None:
    if not _works():
        pytest.skip("VTK finds no OpenGL here")


@pytest.fixture
def oblong() -> Surface:
    """An asymmetric loss on 5 x 9 points: 1 + (alpha + 1)^2 + 10 (beta + 2)^2."""
    grid = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
    alpha, beta = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(1 + (alpha + 1) ** 2 + 10 * (beta + 2) ** 2, grid)
