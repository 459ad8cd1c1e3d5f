"""Blocks of clay: where their points are, how they are lit, and what a camera sees of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from close_ups import close_up
from plane_networks import examples, first_layer_plane, linear_loss, mlp, slopes, whole_plane
from torch import nn

from landscape import Grid, Problem
from landscape.kinks import kink_cut_surface, kink_map
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.viz.closeups.blocks import DEPTH, RISE, Block, View, mark, render, walk

BOWL = close_up("relu", 0.2, 0.3).surface


def slopes_of(block: Block, surface: KinkCutSurface) -> np.ndarray:
    """The gradients that the normals of a block stand on, [M, 2]."""
    rise = np.ptp(block.points[:, 2]) / np.ptp(surface.losses)
    unit = 2 / np.ptp(np.array(surface.window), axis=1)
    return np.asarray(-block.normals[:, :2] / block.normals[:, 2:] * unit / rise)


def test_a_block_is_a_square_on_its_lowest_place() -> None:
    block = Block.of(BOWL)
    assert block.points.min(axis=0) == pytest.approx([-1, -1, 0])
    assert block.points.max(axis=0) == pytest.approx([1, 1, RISE])
    np.testing.assert_allclose(np.linalg.norm(block.normals, axis=1), 1, rtol=1e-12)
    half = Block.of(BOWL, largest=2 * np.ptp(BOWL.losses))
    np.testing.assert_allclose(half.points[:, 2], block.points[:, 2] / 2, atol=1e-15)
    flat = Block.of(replace(BOWL, losses=np.ones(len(BOWL.losses))))
    assert np.ptp(flat.points[:, 2]) == 0


def test_normals_stand_on_the_faces_of_the_block() -> None:
    """Of a plane every triangle has one normal, whatever the scales of the axes."""
    a, b = BOWL.coordinates.T
    tilted = replace(BOWL, coordinates=np.stack([a, 3 * b], axis=1), losses=5 * a - 2 * 3 * b,
                     gradients=np.tile([5.0, -2.0], (len(a), 1)))  # fmt: skip
    block = Block.of(tilted)
    p, q, r = np.moveaxis(block.points[block.triangles], 1, 0)
    faces = np.cross(q - p, r - p)
    faces *= np.sign(faces[:, 2:]) / np.linalg.norm(faces, axis=1, keepdims=True)
    np.testing.assert_allclose(block.normals[block.triangles[:, 0]], faces, atol=1e-9)


# -- creases --------------------------------------------------------------------------------------


def test_normals_jump_across_a_crease_by_the_jump_of_the_gradient() -> None:
    """On a piecewise linear loss, against autograd in the middle of each triangle."""
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    plane = first_layer_plane(model)
    work = Problem(model, linear_loss, data), plane
    found = kink_map(*work, grid=Grid.rectangle((7, 7), (-0.4, 0.3), (-0.2, 0.5)))
    surface = kink_cut_surface(*work, found, least=0.0)
    block = Block.of(surface)
    middles = surface.coordinates[surface.triangles].mean(axis=1)
    true = slopes(model, linear_loss, data, plane, middles)
    drawn = slopes_of(block, surface)[block.triangles]
    # Of all pairs of corners at one place: the jump of the drawn slopes is autograd's.
    places = surface.coordinates.round(12)[surface.triangles].reshape(-1, 2)
    spot = np.unique(places, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(spot, kind="stable")
    one, other = order[:-1], order[1:]
    beside = spot[one] == spot[other]
    one, other = one[beside], other[beside]
    flat, exact = drawn.reshape(-1, 2), np.repeat(true, 3, axis=0)
    jumps = exact[other] - exact[one]
    np.testing.assert_allclose(flat[other] - flat[one], jumps, atol=1e-9)
    crossed = np.abs(jumps).max(axis=1) > 1e-6
    assert 50 < crossed.sum() < len(jumps) / 2
    # What is seen: there the normals differ, everywhere else they are equal.
    seen = block.normals[block.triangles].reshape(-1, 3)
    turned = np.abs(seen[other] - seen[one]).max(axis=1)
    assert turned[crossed].min() > 1e-8
    assert turned[~crossed].max() < 1e-9


def test_the_normals_of_a_smooth_loss_do_not_jump() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Linear(5, 1)).double()
    data, plane = examples(5, 3, 1), whole_plane(model)
    work = Problem(model, linear_loss, data), plane
    surface = kink_cut_surface(*work, kink_map(*work, grid=Grid.square(7, 0.3)))
    block = Block.of(surface)
    # Every place is there once, with autograd's gradient: no normal has another beside it.
    assert len(np.unique(surface.coordinates, axis=0)) == len(block.points) == 49
    true = slopes(model, linear_loss, data, plane, surface.coordinates)
    np.testing.assert_allclose(slopes_of(block, surface), true, atol=1e-5)


# -- walls and cameras ----------------------------------------------------------------------------


def test_walls_reach_from_the_rims_down_to_one_floor() -> None:
    block = Block.of(BOWL)
    area = 0.0
    for points, faces in block.walls():
        top, bottom = np.split(points, 2)
        np.testing.assert_allclose(bottom, np.column_stack([top[:, :2], np.full(len(top), -DEPTH)]))
        assert (top[:, :2].min(), top[:, :2].max()) == (-1, 1)
        corners = points[faces]
        wide = np.linalg.norm((corners[:, 1] - corners[:, 0])[:, :2], axis=1)
        tall = (corners[:, 0] - corners[:, 3])[:, 2] + (corners[:, 1] - corners[:, 2])[:, 2]
        area += (wide * tall / 2).sum()
    # By the integral of the height along the four sides, which is exact between their points.
    expected = 0.0
    for rim in block.rims:
        steps = np.abs(np.diff(rim[:, :2], axis=0)).sum(axis=1)
        assert steps.sum() == pytest.approx(2)
        expected += ((rim[1:, 2] + rim[:-1, 2]) / 2 * steps).sum() + 2 * DEPTH
    assert area == pytest.approx(expected)


def test_the_next_window_lies_on_the_surface() -> None:
    tilted = replace(BOWL, losses=BOWL.coordinates @ [5.0, -2.0])
    block = Block.of(tilted)
    line = block.square(0.3)
    assert np.abs(line[:, :2]).max(axis=1) == pytest.approx(0.3)
    rise = RISE / np.ptp(tilted.losses)
    height = (line[:, :2] * 0.1 @ [5.0, -2.0] - tilted.losses.min()) * rise
    np.testing.assert_allclose(line[:, 2], height, atol=1e-12)
    np.testing.assert_allclose(line[0], line[-1])
    # One that could not be seen is drawn larger.
    assert np.abs(mark(block, 0.001)[0][:, :2]).max() == 0.05


def test_steps_lie_on_the_surface_from_place_to_place() -> None:
    places = np.array([[-0.09, 0.02], [0.0, -0.04], [0.05, 0.09]])
    tilted = replace(BOWL, losses=BOWL.coordinates @ [5.0, -2.0])
    closeup = replace(close_up("relu", 0.2), surface=tilted, path=places)
    lines = walk(Block.of(tilted), closeup)
    lines, dots = lines[:2], lines[2:]
    np.testing.assert_allclose([dot[0, :2] / 10 for dot, _ in dots], places, atol=1e-12)
    rise = RISE / np.ptp(tilted.losses)
    for (line, _), start, end in zip(lines, places[:-1], places[1:], strict=True):
        np.testing.assert_allclose(line[[0, -1], :2] / 10, [start, end], atol=1e-12)
        heights = (line[:, :2] / 10 @ [5.0, -2.0] - tilted.losses.min()) * rise
        np.testing.assert_allclose(line[:, 2], heights, atol=1e-12)
    assert walk(Block.of(tilted), close_up("relu", 0.2)) == []


def test_a_view_holds_the_block_and_its_floor() -> None:
    high, low = Block.of(BOWL), Block.of(BOWL, largest=10 * np.ptp(BOWL.losses))
    view = View.around([high, low])
    left, right, bottom, top = view.extent
    floor = np.array([[x, y, -DEPTH] for x in (-1.0, 1.0) for y in (-1.0, 1.0)])
    flat = view.flat(np.concatenate([floor, high.points, low.points]))
    assert flat.min(axis=0) == pytest.approx([left + 0.02, bottom + 0.02])
    assert flat.max(axis=0) == pytest.approx([right - 0.02, top - 0.02])
    wide = replace(view, extent=(-9.0, 0.0, 0.0, 1.0)).as_wide_as([view])
    assert wide.extent == (left, right, 0.0, 1.0)
    # Up is up, and what is nearer to the camera is lower.
    assert view.flat(np.array([[0, 0, 1.0]]))[0, 1] > 0
    a, e = np.radians([view.azimuth, view.elevation])
    assert view.flat(np.array([[np.cos(a), np.sin(a), 0]]))[0] == pytest.approx([0, -np.sin(e)])


@pytest.mark.parametrize("azimuth", [-58.0, 0.0, 45.0, 200.0])
def test_a_view_all_around_keeps_its_scale_and_cuts_nothing(azimuth: float) -> None:
    view = View.all_around(azimuth, 1.5)
    assert view.extent == View.all_around(10.0, 1.5).extent
    assert view.aspect == pytest.approx(1.5)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-DEPTH, RISE)], float)
    flat = view.flat(corners)
    left, right, bottom, top = view.extent
    assert left < flat[:, 0].min() < flat[:, 0].max() < right
    assert bottom < flat[:, 1].min() < flat[:, 1].max() < top


@pytest.mark.usefixtures("rendering")
def test_light_alone_shows_the_crease() -> None:
    """One colour for all of the top; where the slope jumps, so does the brightness."""
    view = View(-90.0, 80.0, (-1.2, 1.2, -1.2, 1.2))
    brightness = {}
    for bend in (0.0, 0.3):
        image = render(Block.of(close_up("relu", 0.2, bend).surface), "#b84a00", view, pixels=240)
        assert image.shape == (240, 240, 3)
        row = image[120, 30:210].astype(float).mean(axis=1)
        brightness[bend] = np.abs(row[4:] - row[:-4])
    middle = slice(83, 93)
    assert brightness[0.3][middle].max() > 3 * np.delete(brightness[0.3], range(83, 93)).max()
    assert brightness[0.0].max() < brightness[0.3][middle].max() / 3


@pytest.mark.usefixtures("rendering")
def test_walls_have_the_networks_colour_and_the_rest_the_background() -> None:
    view = View.around([Block.of(BOWL)])
    image = render(Block.of(BOWL), "#0000ff", view, pixels=200, background="#102030")
    np.testing.assert_array_equal(image[0, 0], [0x10, 0x20, 0x30])
    blue = (image[..., 2] > 100) & (image[..., :2].max(axis=-1) < 20)
    assert blue.mean() > 0.15


def test_rounding_is_drawn_flat() -> None:
    """A plane without its tilt leaves rounding, which is no relief."""
    bowl = close_up("gelu", 0.02).surface
    a, b = bowl.coordinates.T
    slope = np.tile([0.3, -0.2], (len(a), 1))
    plane = replace(bowl, losses=0.7 + 0.3 * a - 0.2 * b, gradients=slope)
    left = plane.minus(plane.polynomial(1))
    assert 0 < np.ptp(left.losses) < 1e-14
    assert np.ptp(Block.of(left).points[:, 2]) < 0.05
    assert np.ptp(Block.of(bowl.minus(bowl.polynomial(1))).points[:, 2]) == pytest.approx(RISE)
