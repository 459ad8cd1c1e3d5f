from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.paths import path_pieces
from landscape.viz.style import TESTING

pytestmark = pytest.mark.usefixtures("rendering")


def surface_renderers(plotter: Any) -> list[Any]:
    return [r for r in plotter.renderers if "surface" in r.actors]


@pytest.fixture
def pair() -> list[Surface]:
    grid = Grid.square(9)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return [make_surface(0.1 + a**2 + b**2, grid), make_surface(2 + 30 * a**2, grid)]


def test_all_panels_share_one_scale_one_range_of_colours_and_one_camera(
    pair: list[Surface],
) -> None:
    plotter = viz.compare(
        [Panel(s, title=t) for s, t in zip(pair, ["a", "b"], strict=True)], viz.Look(style=TESTING)
    )
    panels = surface_renderers(plotter)
    assert len(panels) == 2
    for renderer in panels:
        limits = renderer.actors["surface"].mapper.scalar_range
        assert limits == pytest.approx((-1.0, np.log10(32.0)))
    cameras = {(tuple(r.camera.position), tuple(r.camera.focal_point), r.camera.parallel_scale)
               for r in panels}  # fmt: skip
    assert len(cameras) == 1
    assert all(r.camera.parallel_projection for r in panels)
    tops = [r.actors["surface"].mapper.dataset.points[:, 2].max() for r in panels]
    assert tops[0] < tops[1]
    plotter.close()


def test_a_light_shines_in_its_own_panel_only(pair: list[Surface]) -> None:
    plotter = viz.compare(pair, viz.Look(style=TESTING))
    assert [len(r.lights) for r in surface_renderers(plotter)] == [2, 2]
    plotter.close()


def test_different_windows_are_told(pair: list[Surface]) -> None:
    wide = make_surface(pair[0].losses, Grid.square(9, span=2.0))
    with pytest.warns(UserWarning, match="different windows"):
        plotter = viz.compare([pair[0], wide], viz.Look(style=TESTING))
    plotter.close()


def test_a_path_goes_through_every_true_loss_without_a_spline(pair: list[Surface]) -> None:
    frame = Frame.around(pair, HeightScale.of(pair), TESTING)
    coordinates = np.array([[-0.9, 0.3], [-0.2, 0.5], [0.4, -0.1], [0.0, 0.0]])
    losses = np.array([3.0, 1.0, 0.5, 0.1])
    (piece,) = path_pieces(make_path(coordinates, losses), frame)
    np.testing.assert_allclose(piece[:, :2], coordinates * frame.unit)
    np.testing.assert_allclose(piece[:, 2], (np.log10(losses) - frame.scale.low) * frame.rise)


def test_a_path_is_cut_where_it_leaves_the_window_or_is_not_finite(pair: list[Surface]) -> None:
    frame = Frame.around(pair, HeightScale.of(pair), TESTING)
    coordinates = np.array([[0.0, 0.0], [0.5, 0.0], [1.5, 0.0], [0.5, 0.5], [0.1, 0.1], [0, 0.1]])
    losses = np.array([1.0, 1.0, 1.0, 1.0, np.nan, 1.0])
    pieces = path_pieces(make_path(coordinates, losses), frame)
    assert [len(piece) for piece in pieces] == [2, 1, 1]


def test_a_path_off_the_plane_is_not_drawn_and_the_caption_says_so(pair: list[Surface]) -> None:
    coordinates = np.array([[-0.05, 0.0], [0.02, 0.0], [0.0, 0.0]])
    path = make_path(coordinates, np.full(3, 0.1), off_plane=5.0)
    text = surface_caption(Panel(pair[0], paths=(path,)))
    assert "Path relu-gd-seed0 not drawn: 3.9e-05 of its squared displacement lies in" in text
    hidden = viz.surface(Panel(pair[0], paths=(path,)), viz.Look(style=TESTING))
    shown = viz.surface(
        Panel(pair[0], paths=(make_path(coordinates, np.full(3, 0.1)),)), viz.Look(style=TESTING)
    )
    assert len(hidden.renderers[0].actors) < len(shown.renderers[0].actors)
    hidden.close()
    shown.close()


def test_what_was_cut_out_is_counted_in_the_caption() -> None:
    grid = Grid.square(5)
    losses = np.ones(grid.shape)
    losses[0, 0], losses[0, 1], losses[0, 2] = np.nan, np.inf, -1.0
    text = surface_caption(make_surface(losses, grid))
    assert "2 points cut out: NaN or infinite." in text
    assert "1 point cut out: not positive." in text
    assert "5 x 5 points" in text
    assert "filter-normalised directions (seed 3)" in text
    assert "1,797 examples" in text


def test_pictures_are_not_blank_and_the_same_every_time(
    pair: list[Surface], tmp_path: Path
) -> None:
    from PIL import Image

    paths = [
        viz.save(
            viz.surface(Panel(pair[0], title="x"), viz.Look(style=TESTING)), tmp_path / f"{i}.png"
        )
        for i in (1, 2)
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert np.asarray(Image.open(paths[0])).std() > 5


def test_a_blank_picture_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=[40, 30])
    plotter.set_background("white")
    with pytest.raises(RuntimeError, match="came out blank"):
        viz.save(plotter, tmp_path / "blank.png")
    assert list(tmp_path.iterdir()) == []


def test_saving_closes_the_window(pair: list[Surface], tmp_path: Path) -> None:
    plotter = viz.surface(pair[0], viz.Look(style=TESTING))
    viz.save(plotter, tmp_path / "x.png")
    assert plotter.render_window is None


def test_a_suffix_that_cannot_be_written_names_those_that_can(
    pair: list[Surface], tmp_path: Path
) -> None:
    plotter = viz.surface(pair[0], viz.Look(style=TESTING))
    with pytest.raises(ValueError, match=r"written as \.png"):
        viz.save(plotter, tmp_path / "x.pdf")
    plotter.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": "square"}, "unknown height 'square'; known: auto, log, linear, clipped"),
        ({"shading": "smooth"}, "unknown shading 'smooth'; known: flat, differences, gradient"),
        ({"style": "poster"}, "unknown style 'poster'; known: paper"),
        ({"limit": np.nan}, "limit must be a finite loss"),
        ({"height": HeightScale("log", 0.0, 1.0), "limit": 2.0}, "a scale is cut with its cut_at"),
        ({"colour": "kinks"}, "colour 'kinks' needs a reference, got none; give one kink map"),
        ({"reference": make_surface(np.ones((5, 5)), Grid.square(5))}, "'losses' has no reference"),
    ],
)
def test_a_look_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.Look(**changes)


def test_a_line_is_no_surface() -> None:
    grid = Grid.line(5)
    line = Surface(grid, {"losses": np.ones(5)}, np.full(5, Status.EVALUATED, dtype=np.uint8))
    with pytest.raises(ValueError, match="2 axes"):
        viz.surface(line, viz.Look(style=TESTING))


def test_what_was_interpolated_is_counted_in_the_caption() -> None:
    grid = Grid.square(5)
    status = np.full(grid.shape, Status.INTERPOLATED, dtype=np.uint8)
    status[2, 2] = Status.EVALUATED
    settings = {"resampled": {"nodes": [3, 3], "estimated_error": 2e-4}}
    surface = Surface(grid, {"losses": np.ones(grid.shape)}, status, settings=settings)
    wanted = "24 of 25 points interpolated from 3 x 3 Chebyshev points, estimated error 0.0002"
    assert wanted in surface_caption(surface)


def test_a_call_that_fails_closes_its_window(pair: list[Surface]) -> None:
    from pyvista.plotting import plotter as plotters

    before = set(plotters._ALL_PLOTTERS)
    with pytest.raises(ValueError, match="needs the field"):
        viz.surface(pair[0], viz.Look(shading="gradient", style=TESTING))
    opened = set(plotters._ALL_PLOTTERS) - before
    assert all(plotters._ALL_PLOTTERS[name]._closed for name in opened)
