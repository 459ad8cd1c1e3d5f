"""An STL is a body that can be printed: the surface, walls along its rims, a floor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.geometry.height import surface_heights
from landscape.viz.geometry.mesh import triangles
from landscape.viz.meshes.parts import Part
from landscape.viz.meshes.solid import solid
from landscape.viz.style import PAPER

trimesh: Any = pytest.importorskip("trimesh")


@pytest.fixture
def holed() -> Surface:
    """exp(alpha - beta / 2) on 5 x 9 points, without one inside and one at the corner."""
    grid = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
    alpha, beta = np.meshgrid(*grid.axes, indexing="ij")
    losses = np.exp(alpha - beta / 2)
    losses[1, 2] = losses[4, 8] = np.nan
    return make_surface(losses, grid)


def rim(surface: Surface) -> int:
    """The number of edges that belong to one triangle of a surface alone."""
    faces = triangles(surface_heights(surface, "log"))
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return int((np.unique(edges, axis=0, return_counts=True)[1] == 1).sum())


def test_the_surface_lies_on_walls_and_a_floor(holed: Surface, tmp_path: Path) -> None:
    viz.export_mesh(holed, tmp_path / "a.stl", viz.Look(height=HeightScale.of([holed])))
    mesh = trimesh.load(tmp_path / "a.stl")
    tall = 50 * 2 * PAPER.height
    np.testing.assert_allclose(mesh.extents, [50, 100, 1.06 * tall], rtol=1e-5)
    np.testing.assert_allclose(mesh.bounds[:, 2], [-0.06 * tall, tall], rtol=1e-5, atol=1e-5)
    upright = mesh.face_normals[:, 2]
    count = len(triangles(surface_heights(holed, "log")))
    assert (upright > 1e-6).sum() == (upright < -1e-6).sum() == count
    assert (np.abs(upright) < 1e-6).sum() == 2 * rim(holed)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    # What lies below each triangle: its area from above times its mean height over the floor.
    top = upright > 1e-6
    heights = mesh.triangles[top][:, :, 2].mean(axis=1) + 0.06 * tall
    assert mesh.volume == pytest.approx((mesh.area_faces * upright)[top] @ heights, rel=1e-5)
    assert (tmp_path / "a.stl").stat().st_size == 84 + 50 * len(mesh.faces)


def test_a_flat_surface_is_a_slab(tmp_path: Path) -> None:
    grid = Grid.rectangle((4, 3), (0.0, 1.0), (0.0, 1.0))
    viz.export_mesh(make_surface(np.ones(grid.shape), grid), tmp_path / "a.stl")
    mesh = trimesh.load(tmp_path / "a.stl")
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.extents, [100, 100, 2], rtol=1e-5)


def test_lines_are_no_solid() -> None:
    with pytest.raises(ValueError, match="a solid is made of triangles, 'path' has none"):
        solid(Part("path", np.zeros((2, 3)), np.zeros((2, 3))))
