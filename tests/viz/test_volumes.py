"""Volumes are drawn as slices, each with the values of its gamma."""

from __future__ import annotations

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface, viz


def block(count: int) -> Surface:
    grid = Grid((np.linspace(-1, 1, 4), np.linspace(-1, 1, 5), np.linspace(-1, 1, count)))
    a, b, c = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(10.0 + a + 2 * b + 3 * c, grid)


@pytest.mark.parametrize(("count", "shown"), [(3, 3), (17, 9)])
def test_slices_show_the_losses_at_their_gamma(count: int, shown: int) -> None:
    figure = viz.volume(block(count), viz.Look(height="linear"))
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert len(panels) == shown
    for axes in panels:
        gamma = float(axes.get_title().removeprefix("γ = ").replace("−", "-"))
        drawn = np.ma.getdata(axes.collections[0].get_array())
        # The mean of a and b over the window is 0.
        assert drawn.mean() == pytest.approx(10.0 + 3 * gamma)
    assert {panels[0].get_title(), panels[-1].get_title()} == {"γ = −1", "γ = 1"}
    told = viz.caption_of(figure)
    assert told.startswith(f"Slices of a volume of 4 x 5 x {count} points at {shown} of its {count}"
                           " values of γ: random plane")  # fmt: skip
    assert "own weights" in told


def test_the_centre_is_marked_in_its_slice_alone() -> None:
    figure = viz.volume(block(3), viz.Look(height="linear"))
    marks = {axes.get_title(): len(axes.lines) for axes in figure.axes if axes.get_title()}
    assert marks["γ = 0"] > marks["γ = 1"] == marks["γ = −1"] == 0


def test_a_plane_is_no_volume() -> None:
    plane = make_surface(np.ones((3, 3)), Grid.square(3))
    with pytest.raises(ValueError, match="3 axes, got a surface with 2; take viz"):
        viz.volume(plane)
