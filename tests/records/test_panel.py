"""A panel holds a surface with what is drawn on it, and refuses anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

import landscape
from landscape import Grid, Surface, viz
from landscape.records.panel import panels_of


@pytest.fixture
def surface() -> Surface:
    grid = Grid.square(5)
    return make_surface(1 + np.add.outer(grid.axes[0] ** 2, grid.axes[1] ** 2), grid)


def test_a_surface_is_a_panel_without_paths(surface: Surface) -> None:
    panel = landscape.Panel(surface)
    assert (panel.plane, panel.paths, panel.title) == (None, (), "")
    assert panels_of(panel) == [panel]
    first, second = panels_of([surface, panel])
    assert first.surface is surface
    assert second is panel
    assert replace(panel, title="ReLU").surface is surface
    assert viz.Panel is landscape.Panel


def test_paths_are_kept_in_their_order(surface: Surface) -> None:
    paths = [make_path(np.zeros((2, 2)) + k, np.ones(2)) for k in range(2)]
    panel = landscape.Panel(surface, paths=paths)  # type: ignore[arg-type]
    assert panel.paths == tuple(paths)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surface": np.ones(3)}, "surface must be a Surface, got ndarray"),
        ({"plane": "pca"}, "plane must be a Plane or None, got str"),
        ({"paths": (None,)}, "paths must be Projections, got NoneType"),
        ({"paths": make_path(np.zeros((2, 2)), np.ones(2))}, r"got one; write \(path,\)"),
        ({"title": 3}, "title must be a text, got 3"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any], message: str, surface: Surface) -> None:
    with pytest.raises(TypeError, match=message):
        landscape.Panel(**{"surface": surface, **changes})
