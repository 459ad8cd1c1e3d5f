"""A smaller window of a cut surface: nothing lost, nothing added, sides kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from close_ups import close_up
from hypothesis import given
from hypothesis import strategies as st
from plane_networks import examples, first_layer_plane, linear_loss, mlp

from landscape import Grid, Problem
from landscape.kinks import kink_cut_surface, kink_map
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.viz.closeups.cropping import cropped


def areas(surface: KinkCutSurface) -> np.ndarray:
    p = surface.coordinates[surface.triangles]
    first, second = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


@pytest.fixture(scope="module")
def facets() -> KinkCutSurface:
    """A piecewise linear loss, cut along all of its creases."""
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    work = Problem(model, linear_loss, data), first_layer_plane(model)
    found = kink_map(*work, grid=Grid.square(6, 0.5))
    return kink_cut_surface(*work, found, least=0.0)


@given(width=st.floats(1e-3, 0.999))
def test_a_window_is_covered_once(facets: KinkCutSurface, width: float) -> None:
    part = cropped(facets, width)
    (left, right), (low, high) = part.window
    assert (left, right, low, high) == pytest.approx(np.array([-1, 1, -1, 1]) * width / 2)
    # Counted the same way around, none twice.
    assert areas(part).min() > -1e-15
    assert areas(part).sum() == pytest.approx(width**2, rel=1e-9)


@pytest.mark.parametrize("width", [0.9, 0.31, 0.02])
def test_losses_and_slopes_of_facets_are_those_of_the_whole(
    facets: KinkCutSurface, width: float
) -> None:
    part = cropped(facets, width)
    faces = part.triangles[areas(part) > 1e-12]
    p, z, slope = part.coordinates[faces], part.losses[faces], part.gradients[faces]
    np.testing.assert_allclose(slope, np.repeat(slope[:, :1], 3, axis=1), atol=1e-9)
    for k in (1, 2):
        rise = ((p[:, k] - p[:, 0]) * slope[:, 0]).sum(axis=1)
        np.testing.assert_allclose(z[:, k] - z[:, 0], rise, atol=1e-9)
    # The mean of each triangle lies on the triangle of the whole surface around it.
    middle, height = p.mean(axis=1), z.mean(axis=1)
    whole = facets.coordinates[facets.triangles]
    for place, loss in zip(middle[::7], height[::7], strict=True):
        inside = inner(whole, place)
        corner = facets.triangles[inside][0]
        off = place - facets.coordinates[corner[0]]
        expected = facets.losses[corner[0]] + off @ facets.gradients[corner[0]]
        assert loss == pytest.approx(expected, abs=1e-9)


def inner(triangles: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return which triangles [T, 3, 2] hold a place."""
    off = triangles - place
    turns = np.stack(
        [off[:, k, 0] * off[:, k - 1, 1] - off[:, k, 1] * off[:, k - 1, 0] for k in range(3)]
    )
    return np.asarray((turns >= 0).all(axis=0) | (turns <= 0).all(axis=0))


def test_both_sides_of_a_crease_reach_the_new_rim() -> None:
    bend = 0.3
    part = cropped(close_up("relu", 0.2, bend).surface, 0.0777)
    on_crease = np.abs(part.coordinates[:, 0]) < 1e-12
    for end in (-0.0777 / 2, 0.0777 / 2):
        there = on_crease & (np.abs(part.coordinates[:, 1] - end) < 1e-12)
        slopes = part.gradients[there, 0] - 0.3 - 0.1 * part.coordinates[there, 1]
        assert sorted({round(float(s), 9) for s in slopes}) == pytest.approx([-bend, bend])


def test_a_wider_window_leaves_a_surface_as_it_is(facets: KinkCutSurface) -> None:
    assert cropped(facets, 1.0) is facets
    assert cropped(facets, 3.0) is facets
