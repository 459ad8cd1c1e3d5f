"""Axes of planes bear as many numbers as have room, in one unit."""

from __future__ import annotations

import numpy as np
import pytest
from figures import clashes
from making import make_surface

from landscape import Grid, viz
from landscape.viz.flat.ticks import extent, fitting, power_of_axes
from landscape.viz.geometry.numbers import tick_labels


@pytest.mark.parametrize("span", [1.0, 250.0, 0.02, 0.004, 4e-4, 3e-6])
@pytest.mark.parametrize(("count", "width"), [(1, 3.25), (2, 3.25), (4, 3.25), (4, 5.5), (4, 6.75)])
def test_labels_of_contours_do_not_meet(count: int, width: float, span: float) -> None:
    grid = Grid.square(9, span=span)
    a, b = (axis / span for axis in np.meshgrid(*grid.axes, indexing="ij"))
    surface = make_surface(1e-4 + a**2 + 3 * b**2, grid)
    figure = viz.contour([surface] * count, width=width, caption=False)
    assert clashes(figure) == []
    for axes in figure.axes[:count]:
        assert len(axes.get_xticks()) >= 2
    unit = {250.0: "α", 1.0: "α", 0.02: "α", 0.004: "α  [10⁻³]", 4e-4: "α  [10⁻⁴]",
            3e-6: "α  [10⁻⁶]"}[span]  # fmt: skip
    assert figure.axes[count - 1].get_xlabel() == unit


def test_panels_of_different_windows_have_one_unit() -> None:
    surfaces = []
    for span in (0.5, 1e-4):
        grid = Grid.square(5, span=span)
        a = np.meshgrid(*grid.axes, indexing="ij")[0] / span
        surfaces.append(make_surface(1 + a**2, grid))
    with pytest.warns(UserWarning, match="different windows"):
        figure = viz.contour(surfaces, caption=False)
    wide, narrow = figure.axes[:2]
    assert (wide.get_xlabel(), narrow.get_xlabel()) == ("α", "α")
    shown = [float(t.get_text().replace("−", "-")) for t in narrow.get_xticklabels()]
    np.testing.assert_allclose(shown, narrow.get_xticks(), atol=1e-12)
    assert max(shown) == 1e-4


@pytest.mark.parametrize("room", [0.3, 0.6, 1.0, 3.0])
def test_as_many_numbers_as_have_room(room: float) -> None:
    ends = (-0.35, 1.2)
    places = fitting(ends, 0, room, 7.0)
    assert 1 <= len(places) <= 7
    widths = [extent(text, 7.0)[0] for text in tick_labels(places, 0)]
    gaps = np.diff(places) * room / (ends[1] - ends[0]) - (np.array(widths)[1:] + widths[:-1]) / 2
    assert np.all(gaps > 0.05)
    assert len(fitting(ends, 0, 2 * room, 7.0)) >= len(places)


def test_places_far_from_0_are_told_apart() -> None:
    ends = (0.999999, 1.000001)
    assert power_of_axes(ends) == 0
    texts = tick_labels(fitting(ends, 0, 4.0, 7.0), 0)
    assert len(set(texts)) == len(texts) > 1
