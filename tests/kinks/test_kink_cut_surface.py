"""Surfaces cut along their creases."""

from __future__ import annotations

import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from plane_networks import (
    Product,
    axes_plane,
    examples,
    first_layer_plane,
    linear_loss,
    mlp,
    whole_plane,
)

from landscape import Grid, Problem
from landscape.kinks import kink_cut, kink_cut_surface, kink_map
from landscape.kinks.cutting import Triangles, cut
from landscape.kinks.plane_probe import PlaneProbe
from landscape.records.kink_map import KinkMap


def test_cuts_keep_the_area_and_put_every_triangle_on_one_side() -> None:
    mesh = Triangles.of_grid(Grid.rectangle((4, 6), (-1.0, 1.0), (0.0, 3.0)), 3)
    lines = np.array(
        [[1.0, 0.3, -0.4], [-0.2, 1.0, -1.0], [1.0, 1.0, -1.0]]
    )  # the last through nodes
    for number, (a, b, c) in enumerate(lines):
        values = mesh.points @ [a, b] + c
        mesh, _ = cut(mesh, number, values, lambda low, high, z: z[:, 0] / (z[:, 0] - z[:, 1]),
                      lambda p, a=a, b=b, c=c: p @ [a, b] + c)  # fmt: skip
    p = mesh.points[mesh.faces]
    one, other = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    signed = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    assert signed.min() > 0
    assert signed.sum() == pytest.approx(6.0, rel=1e-12)
    values = p.mean(axis=1) @ lines[:, :2].T + lines[:, 2]
    np.testing.assert_array_equal(np.sign(values), mesh.sides)
    corners = p @ lines[:, :2].T + lines[:, 2]
    assert np.all(corners * mesh.sides[:, None] > -1e-9)
    # No vertex lies inside an edge: every edge has two triangles, or lies on the rim.
    edges = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], axis=2), axis=2)
    distinct, count = np.unique(edges.reshape(-1, 2), axis=0, return_counts=True)
    rim = mesh.points[distinct[count == 1]]
    on_rim = (np.abs(rim[..., 0]) == 1).all(axis=1) | np.isin(rim[..., 1], (0, 3)).all(axis=1)
    assert on_rim.all()


# -- creases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(3, 5, 1), (3, 5, 4, 1)])
def test_a_cut_mesh_is_a_piecewise_linear_loss_exactly(widths: tuple[int, ...]) -> None:
    model, data = mlp(*widths), examples(5, 3, 1)
    plane = first_layer_plane(model)
    grid = Grid.rectangle((9, 11), (-0.4, 0.3), (-0.2, 0.5))
    work = Problem(model, linear_loss, data), plane
    found = kink_map(*work, grid=grid)
    surface = kink_cut_surface(*work, found, least=0.0)
    assert surface.curves == found.curves > 5
    assert surface.doubtful == 0
    faces = surface.triangles
    p, z, slope = surface.coordinates[faces], surface.losses[faces], surface.gradients[faces]
    # All corners of a triangle agree on the gradient, and it is the slope of the triangle.
    np.testing.assert_allclose(slope, np.repeat(slope[:, :1], 3, axis=1), atol=1e-9)
    for k in (1, 2):
        rise = ((p[:, k] - p[:, 0]) * slope[:, 0]).sum(axis=1)
        np.testing.assert_allclose(z[:, k] - z[:, 0], rise, atol=1e-8)
    chosen = np.random.default_rng(0).choice(len(faces), 40, replace=False)
    evaluator = Problem(model, linear_loss, data).evaluator(dtype=torch.float64)
    true = evaluator(plane.points(p[chosen].mean(axis=1)))["losses"]
    np.testing.assert_allclose(z[chosen].mean(axis=1), true, atol=1e-9)
    # A place on a crease is there once for each side.
    distinct = np.unique(surface.coordinates.round(12), axis=0)
    assert len(distinct) < len(surface.coordinates)


def test_corners_on_a_curved_crease_have_the_gradient_of_their_own_side() -> None:
    # max(alpha beta - 1.5, 0) for alpha > 0; the edges are chords of the hyperbola.
    model, data = Product(), (torch.tensor([[1.0]]), torch.tensor([[1.0]]))
    work = Problem(model, linear_loss, data), axes_plane(model, [0.0, 0.0])
    grid = Grid.rectangle((5, 6), (0.3, 3.0), (0.1, 4.0))
    surface = kink_cut_surface(*work, kink_map(*work, grid=grid))
    corners = surface.coordinates[surface.triangles]
    middle = corners.mean(axis=1)
    above = middle[:, 0] * middle[:, 1] > 1.5
    clear = np.abs(middle.prod(axis=1) - 1.5) > 0.1
    expected = np.where(above[:, None, None], corners[..., ::-1], 0.0)
    found = surface.gradients[surface.triangles]
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-4)
    assert clear.sum() > 40
    # The curve enters and leaves one edge of this coarse grid: two corners are told as doubtful.
    assert surface.doubtful == 2


def test_a_polynomial_is_subtracted_from_losses_and_gradients() -> None:
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    work = Problem(model, "mse", data), whole_plane(model)
    surface = kink_cut_surface(
        *work, kink_map(*work, grid=Grid.rectangle((5, 6), (0.1, 0.14), (-0.02, 0.03)))
    )
    polynomial = (1.0, -2.0, 3.0, 0.5, -0.7, 0.9)
    less = surface.minus(polynomial)
    a, b = surface.coordinates.T
    terms = np.stack([a**0, a, b, a * a, a * b, b * b])
    np.testing.assert_allclose(surface.losses - less.losses, polynomial @ terms, rtol=1e-12)
    expected = np.stack([-2 + a - 0.7 * b, 3 - 0.7 * a + 1.8 * b], axis=1)
    np.testing.assert_allclose(surface.gradients - less.gradients, expected, rtol=1e-9)
    assert less.removed == polynomial
    # The best-fitting quadratic of a quadratic is itself, far from the origin too.
    own = surface.minus(surface.quadratic())
    again = own.minus(-np.array(polynomial)).quadratic()
    np.testing.assert_allclose(again, polynomial, atol=1e-5)
    assert np.ptp(own.losses) < np.ptp(surface.losses) / 5
    with pytest.raises(ValueError, match="6 finite coefficients"):
        surface.minus([1.0, 2.0])


def test_examples_without_kinks_are_interpolated_to_rounding() -> None:
    model, data = mlp(3, 5, 4, 2), examples(40, 3, 2)
    plane = whole_plane(model)
    work = Problem(model, "mse", data), plane
    grid = Grid.rectangle((5, 6), (-2e-3, 1e-3), (0.0, 4e-3))
    surface = kink_cut_surface(*work, kink_map(*work, grid=grid), least=0.0)
    assert surface.curves > 2
    evaluator = Problem(model, "mse", data).evaluator(dtype=torch.float64)
    true = evaluator(plane.points(surface.coordinates))["losses"]
    np.testing.assert_allclose(surface.losses, true, rtol=1e-12)


def test_creases_refuse_another_map() -> None:
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    work = Problem(model, "mse", data), whole_plane(model)
    grid = Grid.square(5, 0.1)
    found = kink_map(*work, grid=grid)
    with pytest.raises(ValueError, match="must span the map's window"):
        kink_cut_surface(*work, found, grid=Grid.square(5, 0.2))
    with pytest.raises(ValueError, match="at most 1 curves are cut"):
        kink_cut_surface(*work, found, limit=1)
    with pytest.raises(ValueError, match="the map is of 5 examples, got 4"):
        kink_cut_surface(Problem(model, "mse", examples(4, 3, 1)), work[1], found)
    with pytest.raises(ValueError, match="need the segments"):
        kink_cut_surface(*work, kink_map(*work, grid=grid, limit=1))


# -- memory ---------------------------------------------------------------------------------------


@cache
def cut_of(*widths: int, points: int = 9) -> tuple[tuple[Any, ...], KinkMap]:
    model, data = mlp(*widths), examples(5, widths[0], widths[-1])
    work = Problem(model, "mse", data), whole_plane(model)
    return work, kink_map(*work, grid=Grid.square(points, 0.5))


def test_the_kinks_of_all_examples_are_never_held_for_all_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They were: a cut of 400 curves took 18.7 GB, of which a hundredth was kept."""
    work, found = cut_of(3, 5, 4, 1)
    whole = kink_cut_surface(*work, found)
    held: list[int] = []
    inner = PlaneProbe.values

    def watched(probe: PlaneProbe, points: Any, part: Any) -> Any:
        values = inner(probe, points, part)
        held.append(sum(one.size for one in values))
        return values

    monkeypatch.setattr(PlaneProbe, "values", watched)
    monkeypatch.setattr(kink_cut, "_ENTRIES", 400)
    little = kink_cut_surface(*work, found)
    assert 0 < max(held) <= 400
    for name in ("coordinates", "losses", "gradients"):
        np.testing.assert_allclose(getattr(little, name), getattr(whole, name), rtol=1e-12)
    np.testing.assert_array_equal(little.triangles, whole.triangles)


@pytest.mark.parametrize("widths", [(3, 5, 1), (3, 5, 4, 1), (2, 12, 1), (4, 6, 6, 2)])
@pytest.mark.parametrize("points", [4, 9, 17])
def test_the_vertices_of_a_cut_are_estimated_beforehand(
    widths: tuple[int, ...], points: int
) -> None:
    work, found = cut_of(*widths)
    grid = Grid.square(points, 0.5)
    chosen, _ = kink_cut._chosen(found, 1e-3)
    surface = kink_cut_surface(*work, found, grid=grid)
    true = len(np.unique(surface.coordinates, axis=0))
    assert 0.5 < kink_cut._expected(found, chosen, grid) / true < 2


@pytest.mark.parametrize("foreseen", [True, False], ids=["foreseen", "while it is cut"])
def test_a_cut_that_needs_too_much_memory_is_refused(
    foreseen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, found = cut_of(3, 5, 4, 1)
    least = (
        3 * len(kink_cut_surface(*work, found).triangles) * len(kink_cut._chosen(found, 1e-3)[0])
    )
    monkeypatch.setattr(kink_cut, "MOST_BYTES", least // 3)
    if foreseen:
        monkeypatch.setattr(kink_cut, "plane_probe", None)
    else:
        monkeypatch.setattr(kink_cut, "_expected", lambda *_: 0)
    with pytest.raises(ValueError, match=r"must take at most .* GiB of memory, got .* take a "):
        kink_cut_surface(*work, found)


def test_the_memory_that_a_cut_may_take_covers_what_it_takes() -> None:
    """The mesh and the values, by the sizes of their arrays; nothing else grows with the curves."""
    work, found = cut_of(3, 5, 4, 1)
    kink_cut_surface(*work, found)
    tracemalloc.start()
    surface = kink_cut_surface(*work, found, grid=Grid.square(33, 0.5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    curves, triangles = surface.curves, len(surface.triangles)
    # Of points, faces and corners, whatever the number of curves.
    fixed = 1000 * triangles
    assert peak < 3 * triangles * curves + 16 * triangles // 2 * curves + fixed
