"""A line in the explorer's picture: its ends lie on the surface, its curve in the corner."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from exploring import Analytic, Walk, bowl, stored

from landscape import Grid, Surface
from landscape.viz import HeightScale, Style
from landscape.viz.explorer.desktop import Controls
from landscape.viz.explorer.line import letters_of, line_attributes, within
from landscape.viz.explorer.live_scene import LiveLook, Scene
from landscape.viz.explorer.moment import Moment
from landscape.viz.geometry.frame import Frame

A, B = (-0.5, -0.5), (0.5, 0.75)


@pytest.fixture
def walk() -> Iterator[Walk]:
    walk = Walk(Analytic(surface=stored(bowl, 21)))
    walk.explorer.open("bowl")
    walk.settle()
    yield walk
    walk.explorer.close()


@pytest.fixture
def scene(rendering: None) -> Iterator[Scene]:
    scene = Scene(size=(360, 240))
    yield scene
    scene.close()


def point_at(scene: Scene, alpha: float, beta: float) -> None:
    """Put the pointer over a point of the bowl."""
    frame, renderer = scene.frame, scene.plotter.renderers[0]
    assert frame is not None
    place = np.array([[alpha, beta]])
    renderer.SetWorldPoint(*frame.points(place, bowl(place))[0], 1.0)
    renderer.WorldToDisplay()
    x, y, _ = renderer.GetDisplayPoint()
    scene.plotter.iren.interactor.SetEventPosition(round(x), round(y))


def frame_of(surface: Surface) -> Frame:
    return Frame.around([surface], HeightScale.of([surface]), Style.of("testing"))


def test_what_lies_outside_the_window_is_cut_off() -> None:
    frame = frame_of(stored())
    np.testing.assert_allclose(within((A, B), frame), [A, B])
    np.testing.assert_allclose(within(((-3, 0), (3, 0)), frame), [(-1, 0), (1, 0)])
    np.testing.assert_allclose(within(((0, 0), (4, 2)), frame), [(0, 0), (1, 0.5)])
    assert within(((-3, 2), (3, 2)), frame) is None
    assert within(((-3, 0), (0, 3)), frame) is None
    assert within(((2, 2), (3, 3)), frame) is None


def test_ends_are_not_called_as_the_solutions_of_the_plane() -> None:
    plain = stored()
    through = replace(plain, settings={"kind": "through", "points": [[0, 0], [1, 0], [0, 1]]})
    assert (letters_of(plain), letters_of(None), letters_of(through)) == (
        ("A", "B"), ("A", "B"), ("P", "Q"),
    )  # fmt: skip


def test_the_page_gets_what_is_sampled_and_nothing_else(walk: Walk) -> None:
    assert line_attributes(Moment())["line_there"] is False
    walk.explorer.draw_line(A, B)
    moment = walk.settle()
    assert moment.line is not None
    status = np.array(moment.line.status)
    status[5:] = 0
    part = Surface(moment.line.grid, moment.line.fields, status)
    attributes = line_attributes(replace(moment, line=part))

    def numbers(name: str) -> Any:
        return np.frombuffer(base64.b64decode(attributes[name]), dtype="<f8")

    assert (numbers("line_losses") == moment.line.losses[:5]).all()
    assert (numbers("line_shares") == moment.line.alphas[:5]).all()
    assert (attributes["line_accuracies"], attributes["line_there"]) == ("", True)
    assert json.loads(attributes["line_ends"]) == [list(A), list(B)]


def seen(scene: Scene) -> Any:
    scene.plotter.render_window.Render()
    return scene.plotter.screenshot(return_img=True)


def more_actors(scene: Scene, moment: Moment) -> int:
    """Return how many actors the line adds to the picture of a moment."""
    counts = []
    for shown in (replace(moment, ends=(), line=None), moment, moment):
        scene.draw(shown, LiveLook())
        counts.append(len(scene.plotter.renderers[0].actors))
    assert counts[1] == counts[2]
    return counts[1] - counts[0]


def test_the_line_lies_on_the_surface_and_goes_with_it(walk: Walk, scene: Scene) -> None:
    scene.draw(walk.moment, LiveLook())
    plain = seen(scene)
    walk.explorer.draw_line(A, B)
    # The line and its rim, a ball and its rim and a letter for each end.
    assert more_actors(scene, walk.settle()) == 2 + 2 * 3
    assert (seen(scene) != plain).any()
    # Of an end outside the window only the line is seen.
    walk.explorer.zoom((0.0, 1.0), (0.0, 1.0))
    assert more_actors(scene, walk.settle()) == 2 + 3
    walk.explorer.zoom((-1.0, -0.8), (0.0, 1.0))
    assert more_actors(scene, walk.settle()) == 0


def test_a_plane_that_is_not_there_yet_is_drawn_without_the_line(walk: Walk, scene: Scene) -> None:
    walk.explorer.draw_line(A, B)
    moment = walk.settle()
    other = Analytic(name="other", surface=stored())
    coming = replace(moment, going=other, preview=stored())
    assert more_actors(scene, coming) == 0
    attributes = line_attributes(coming)
    assert (attributes["line_ends"], attributes["line_there"]) == ("[]", False)
    assert attributes["line_losses"] == ""


def charted(scene: Scene, losses: np.ndarray, height: Literal["log", "linear"]) -> Any:
    """Return the chart of losses along a line; None if there is none."""
    grid = Grid.line(len(losses), (0.0, 1.0))
    status = np.ones(len(losses), dtype=np.uint8)
    scene.chart(Surface(grid, {"losses": losses}, status), LiveLook(height=height))
    props = scene._corner.GetViewProps()
    return props.GetItemAsObject(0).GetScene().GetItem(0) if props.GetNumberOfItems() else None


def test_a_curve_has_gaps_where_losses_have_no_height(scene: Scene) -> None:
    """Across what is not finite the curve in the window ran straight on."""
    losses = np.array([1.0, 2.0, np.nan, np.inf, 0.0, 3.0])
    for height, there in (("log", [0, 1, 5]), ("linear", [0, 1, 4, 5])):
        table = charted(scene, losses, height).GetPlot(0).GetInput()  # type: ignore[arg-type]
        values = [table.GetValue(row, 1).ToDouble() for row in range(6)]
        assert np.flatnonzero(np.isfinite(values)).tolist() == there
    assert charted(scene, np.full(6, np.nan), "log") is None


def test_labels_at_a_curve_are_few_and_losses(scene: Scene) -> None:
    """Over many decades they stood upon each other, in a narrow range they would be the same."""
    from vtkmodules.vtkChartsCore import vtkAxis

    narrow = 2.3 + np.linspace(0, 4e-6, 21)
    for losses, height in ((10.0 ** np.linspace(0, -12, 21), "log"), (narrow, "linear"),
                           (narrow, "log")):  # fmt: skip
        axis = charted(scene, losses, height).GetAxis(vtkAxis.LEFT)  # type: ignore[arg-type]
        names, places = axis.GetTickLabels(), axis.GetTickPositions()
        told = np.array([float(names.GetValue(k)) for k in range(names.GetNumberOfValues())])
        assert 2 <= len(set(told)) == len(told) <= 5
        exact = np.array([places.GetValue(k) for k in range(len(told))])
        tolerance = 0.05 * np.ptp(exact)
        heights = np.log10(told) if height == "log" else told
        np.testing.assert_allclose(heights, exact, rtol=0, atol=tolerance)


def test_keys_choose_the_ends_and_draw_the_curve(walk: Walk, scene: Scene) -> None:
    controls = Controls(walk.explorer, scene)
    controls.draw()
    corner = seen(scene)[:60, :90]
    keys = controls.keys()
    for alpha, beta in (A, B):
        point_at(scene, alpha, beta)
        keys["a"]()
    moment = walk.settle()
    # One pixel of a small window is 0.02 of the plane.
    np.testing.assert_allclose(moment.ends, (A, B), atol=0.05)
    assert moment.line is not None
    for _ in range(2):
        controls.draw()
        drawn = seen(scene)[:60, :90]
        assert (drawn != corner).mean() > 0.01
    keys["o"]()
    assert walk.settle().note == "kept as kept1"
    keys["e"]()
    controls.draw()
    assert (walk.moment.ends, walk.moment.line) == ((), None)
    scene.write("", "")
    assert (seen(scene)[:60, :90] == corner).all()
    scene.plotter.iren.interactor.SetEventPosition(0, 0)
    keys["a"]()
    assert walk.moment.ends == ()


def test_a_place_of_the_picture_is_a_point_whatever_its_size(walk: Walk, scene: Scene) -> None:
    scene.draw(walk.moment, LiveLook())
    point_at(scene, *A)
    width, height = scene.plotter.window_size
    x, y = scene.plotter.iren.interactor.GetEventPosition()
    for size in ((width, height), (3 * width // 5, 3 * height // 5)):
        scene.plotter.window_size = size
        np.testing.assert_allclose(scene.at(x / width, 1 - y / height), A, atol=0.05)
        assert scene.at(0.001, 0.001) is None
        assert scene.at(float("nan"), 0.5) is None
