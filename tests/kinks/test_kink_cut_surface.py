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
    slopes,
    whole_plane,
)
from torch import nn

from landscape import Grid, Problem
from landscape.kinks import kink_cut, kink_cut_surface, kink_map
from landscape.kinks.cutting import Triangles, cut
from landscape.kinks.plane_probe import PlaneProbe
from landscape.records.kink_cut_surface import KinkCutSurface
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
    own = surface.minus(surface.polynomial())
    again = own.minus(-np.array(polynomial)).polynomial()
    np.testing.assert_allclose(again, polynomial, atol=1e-5)
    assert np.ptp(own.losses) < np.ptp(surface.losses) / 5
    with pytest.raises(ValueError, match="6 finite coefficients"):
        surface.minus([1.0, 2.0])


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_a_polynomial_of_a_lower_degree_is_fitted_too(degree: int) -> None:
    a = np.linspace(-1, 1, 41)
    places = np.stack(np.meshgrid(a, a, indexing="ij"), axis=-1).reshape(-1, 2)
    i, j = np.arange(40)[:, None] * 41, np.arange(40)
    one = np.stack([i + j, i + j + 41, i + j + 1], axis=-1)
    other = np.stack([i + j + 41, i + j + 42, i + j + 1], axis=-1)
    faces = np.concatenate([one, other]).reshape(-1, 3)
    surface = KinkCutSurface(places, places[:, 0] ** 3, np.zeros_like(places), faces, 0, 0, 0, 1)
    # The best line through alpha^3 on [-1, 1] has slope 3/5; a quadratic adds nothing.
    expected = np.array([0, 0.6 if degree else 0, 0, 0, 0, 0])
    np.testing.assert_allclose(surface.polynomial(degree), expected, atol=2e-3)


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


# -- what is cut ----------------------------------------------------------------------------------


@cache
def straight_curves() -> tuple[tuple[Any, ...], KinkMap, Any, Any, Any]:
    """A piecewise linear loss, its map, and of each curve: ends, jump and jump times length."""
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    plane = first_layer_plane(model)
    work = Problem(model, linear_loss, data), plane
    found = kink_map(*work, grid=Grid.rectangle((9, 11), (-0.4, 0.3), (-0.2, 0.5)))
    curves: dict[tuple[int, int], list[int]] = {}
    for number, name in enumerate(zip(found.example, found.unit, strict=True)):
        curves.setdefault(name, []).append(number)
    start, end = found.segments[:, :2], found.segments[:, 2:]
    along = (end - start) / found.lengths[:, None]
    normal, middle = along[:, ::-1] * [-1, 1], (start + end) / 2
    one, other = (
        slopes(model, linear_loss, data, plane, middle + s * 1e-9 * normal) for s in (-1, 1)
    )
    jumps = np.linalg.norm(other - one, axis=1)
    lines = np.array([found.segments[rows[0]] for rows in curves.values()])
    largest = np.array([jumps[rows].max() for rows in curves.values()])
    totals = np.array([(jumps * found.lengths)[rows].sum() for rows in curves.values()])
    return work, found, lines, largest, totals


def is_cut(surface: KinkCutSurface, line: Any) -> bool:
    """Whether no triangle has corners on both sides of a line."""
    way = line[2:] - line[:2]
    off = surface.coordinates - line[:2]
    corners = ((way[0] * off[:, 1] - way[1] * off[:, 0]) / np.hypot(*way))[surface.triangles]
    return not ((corners.min(axis=1) < -1e-9) & (corners.max(axis=1) > 1e-9)).any()


@pytest.mark.parametrize("bound", [{"limit": 3}, {"limit": 1}, {"least": 0.5}, {"vertices": 170}])
def test_the_strongest_curves_are_cut_and_their_share_is_given(bound: dict[str, Any]) -> None:
    work, found, lines, largest, totals = straight_curves()
    surface = kink_cut_surface(*work, found, **bound)
    cut = np.array([is_cut(surface, line) for line in lines])
    assert 0 < surface.curves == cut.sum() < found.curves == len(lines)
    assert surface.uncut == found.curves - surface.curves
    assert largest[cut].min() > largest[~cut].max()
    assert surface.cut_share == pytest.approx(totals[cut].sum() / totals.sum(), rel=1e-6)
    if "limit" in bound:
        assert surface.curves == bound["limit"]
    if "least" in bound:
        assert surface.curves == (largest >= 0.5 * largest.max()).sum()


def test_all_curves_hold_the_whole_jump() -> None:
    work, found, lines, _, _ = straight_curves()
    surface = kink_cut_surface(*work, found, least=0.0)
    assert all(is_cut(surface, line) for line in lines)
    assert (surface.cut_share, surface.uncut) == (1.0, 0)


def test_a_curve_that_is_not_cut_is_seen_in_the_gradients() -> None:
    work, found, lines, _, _ = straight_curves()
    surface = kink_cut_surface(*work, found, limit=1)
    assert sum(is_cut(surface, line) for line in lines) == 1
    # At each corner the gradient is that of a region, none is the mean of two.
    regions = kink_cut_surface(*work, found, least=0.0).gradients
    nearest = np.abs(surface.gradients[:, None] - regions).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-9


def test_where_no_map_lists_the_curves_nothing_is_cut() -> None:
    work = straight_curves()[0]
    grid = Grid.square(5, 0.1)
    for kinks in (None, kink_map(*work, grid=grid, limit=1)):
        surface = kink_cut_surface(*work, kinks, grid=grid)
        assert (surface.curves, surface.cut_share) == (0, 0.0)
        assert surface.uncut == (kinks.curves if kinks else 0)
        assert len(surface.losses) == 25
        true = slopes(work[0].model, linear_loss, examples(5, 3, 1), work[1], surface.coordinates)
        # Some corners lie beside a kink: their gradient is that of the triangle's side.
        assert np.mean(np.abs(surface.gradients - true).max(axis=1) < 1e-9) > 0.9


def test_a_smooth_loss_has_nothing_to_cut() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    work = Problem(model, linear_loss, examples(5, 3, 1)), whole_plane(model)
    surface = kink_cut_surface(*work, grid=Grid.square(5, 0.1))
    assert (surface.curves, surface.uncut, surface.cut_share) == (0, 0, 1.0)
    true = slopes(model, linear_loss, examples(5, 3, 1), work[1], surface.coordinates)
    np.testing.assert_allclose(surface.gradients, true, atol=1e-5)


def test_a_cut_refuses_another_map() -> None:
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    work = Problem(model, "mse", data), whole_plane(model)
    grid = Grid.square(5, 0.1)
    found = kink_map(*work, grid=grid)
    with pytest.raises(ValueError, match="must span the map's window"):
        kink_cut_surface(*work, found, grid=Grid.square(5, 0.2))
    with pytest.raises(ValueError, match="the map is of 5 examples, got 4"):
        kink_cut_surface(Problem(model, "mse", examples(4, 3, 1)), work[1], found)
    with pytest.raises(ValueError, match="needs a kink map or a grid, got neither"):
        kink_cut_surface(*work)
    with pytest.raises(ValueError, match="needs a grid of 2 axes, got 1"):
        kink_cut_surface(*work, grid=Grid.line(5, (-0.1, 0.1)))


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


@pytest.mark.parametrize("widths", [(3, 5, 1), (3, 5, 4, 1), (2, 12, 1)])
@pytest.mark.parametrize("points", [4, 17])
def test_the_vertices_of_a_cut_are_bounded_within_a_factor_of_two(
    widths: tuple[int, ...], points: int
) -> None:
    work, found = cut_of(*widths)
    grid = Grid.square(points, 0.5)
    whole = kink_cut_surface(*work, found, grid=grid)
    count = len(np.unique(whole.coordinates, axis=0))
    assert kink_cut_surface(*work, found, grid=grid, vertices=2 * count).curves == whole.curves
    less = kink_cut_surface(*work, found, grid=grid, vertices=count // 2)
    assert less.curves < whole.curves
    assert less.cut_share < whole.cut_share
    assert len(np.unique(less.coordinates, axis=0)) < max(count, points**2 + 1)


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


def test_a_network_with_batch_norm_notes_whose_statistics_are_used() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).eval()
    problem = Problem(model, "mse", examples(5, 3, 1))
    cut = kink_cut_surface(problem, whole_plane(model), grid=Grid.square(3, 0.1))
    assert (cut.settings["normalising_layers"], cut.settings["batch_norm"]) == (1, "frozen")
