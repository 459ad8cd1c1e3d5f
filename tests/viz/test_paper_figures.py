"""Figures for papers: text and lines lie where the rendered picture has what they belong to."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_surface
from papers import QUICK, bowl_and_roof, by_hand, descent, framed

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.viewport import View
from landscape.viz.paper.page import LABEL, Page


def tool(name: str, *arguments: str | Path) -> str:
    """Call one of poppler's programs."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} of poppler-utils is not installed")
    done = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def pair() -> list[Surface]:
    return bowl_and_roof()


@pytest.fixture
def path() -> Projection:
    return descent()


@pytest.fixture
def panels(pair: list[Surface], path: Projection) -> list[Panel]:
    return [Panel(pair[0], paths=(path,), title="bowl"), Panel(pair[1], title="roof")]


@pytest.fixture
def drawn(panels: list[Panel], rendering: None) -> Any:
    return viz.figure(panels, viz.Look(style=QUICK), dpi=100)


def three_d(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.images]


def texts(axes: Any) -> dict[str, np.ndarray]:
    return {t.get_text(): np.array(t.get_position()) for t in axes.texts}


def test_ticks_stand_where_an_independent_projection_puts_them(
    drawn: Any, pair: list[Surface]
) -> None:
    frame = Frame.around(pair, HeightScale.of(pair, paths=[]), QUICK)
    for axes in three_d(drawn):
        width = axes.get_xlim()[1]
        view = View.of(frame, QUICK.over(["random"]), width=width, room=0.045)
        starts = [line.get_xydata()[0] for line in axes.lines if len(line.get_xydata()) == 2]
        starts += [line.get_xydata()[1] for line in axes.lines if len(line.get_xydata()) == 2]
        x0, x1, y0 = float(frame.x(-1.5)), float(frame.x(1.5)), float(frame.y(-1.0))
        assert (x0, x1, y0) == pytest.approx((-1.0, 1.0, -2 / 3))
        wanted = [(a * 2 / 3, y0, frame.floor) for a in (-1.0, 0.0, 1.0)]
        wanted += [(x1, b * 2 / 3, frame.floor) for b in (-1.0, 0.0, 1.0)]
        wanted += [(x0, y0, float(frame.z(h))) for h in (-1.0, 0.0)]
        for place in by_hand(np.array(wanted), view, frame):
            assert min(np.linalg.norm(np.array(starts) - place, axis=1)) < 1e-9


def test_the_leftmost_corner_bears_the_loss_axis(drawn: Any) -> None:
    for axes in three_d(drawn):
        found = texts(axes)
        assert found["loss"][0] == pytest.approx(0.045)
        assert found["0.1"][0] < 0.045


def test_all_panels_share_one_norm_with_the_colour_bar(drawn: Any, pair: list[Surface]) -> None:
    meshes = [c for axes in drawn.axes for c in axes.collections if hasattr(c, "get_coordinates")]
    limits = {(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes}
    assert len(meshes) == 3
    ((low, high),) = limits
    assert (low, high) == pytest.approx(
        (-2.0, np.log10(max(float(s.losses.max()) for s in pair))), abs=1e-12
    )


def test_the_surface_lies_over_the_floor_and_under_ticks_and_ends_of_paths(drawn: Any) -> None:
    axes = three_d(drawn)[0]
    (image,) = axes.images
    rim = next(line for line in axes.lines if len(line.get_xydata()) == 5)
    assert rim.get_zorder() < image.get_zorder()
    assert all(c.get_zorder() < image.get_zorder() for c in axes.collections)
    assert all(t.get_zorder() > image.get_zorder() for t in axes.texts)
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert (
        sorted(mark.get_zorder() > image.get_zorder() for mark in marks) == [False] * 2 + [True] * 2
    )


@pytest.mark.parametrize(
    ("width", "count", "span"),
    [(3.25, 1, 1.0), (3.25, 2, 1.0), (5.5, 2, 1.0), (5.5, 2, 0.02), (5.5, 2, 250.0), (5.5, 3, 1.0),
     (6.75, 4, 1.0)],
)  # fmt: skip
def test_no_text_lies_over_another_or_outside(
    width: float, count: int, span: float, rendering: None
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    grid = Grid.square(11, span=span)
    a, b = np.meshgrid(*grid.axes, indexing="ij") / np.float64(span)
    panel = Panel(make_surface(0.003 + a**2 + 20 * b**2, grid), title="LeakyReLU (kinked)")
    figure = viz.figure([panel] * count, viz.Look(style=QUICK), width=width, dpi=100)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    shown = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in shown]
    boxes = [(text, box) for text, box in boxes if box.width > 0]
    assert len(boxes) > 15 * count
    for text, box in boxes:
        assert box.x0 > -0.5, text
        assert box.y0 > -0.5, text
        assert box.x1 < figure.bbox.x1 + 0.5, text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        overlap = [min(first.x1, second.x1) - max(first.x0, second.x0),
                   min(first.y1, second.y1) - max(first.y0, second.y0)]  # fmt: skip
        # Boxes have room above and below the letters: 2 pixels of 100 in an inch may meet.
        assert min(overlap) < 2.0, (one, other, overlap)


@pytest.mark.parametrize(
    ("style", "rendered"), [(QUICK, 7), (QUICK.of_clay(), 2)], ids=["paper", "clay"]
)
def test_a_pdf_has_embedded_fonts_real_text_and_pictures_of_600_ppi(
    style: viz.Style, rendered: int, panels: list[Panel], rendering: None, tmp_path: Path
) -> None:
    figure = viz.figure(panels, viz.Look(style=style))
    file = viz.save(figure, tmp_path / "x.pdf")
    assert file.stat().st_size < 2_000_000
    fonts = tool("pdffonts", file).splitlines()[2:]
    assert fonts
    for font in fonts:
        assert "TrueType" in font
        assert font.split()[-5:-2] == ["yes", "yes", "yes"], font
    pictures = [row.split() for row in tool("pdfimages", "-list", file).splitlines()[2:]]
    assert len(pictures) >= rendered
    assert {(row[12], row[13]) for row in pictures} == {("600", "600")}
    assert not any(row[8] == "jpeg" for row in pictures)
    text = tool("pdftotext", file, "-")
    assert {"α", "β", "loss", "a bowl", "a roof", "0.1", "−1"} <= set(text.split("\n"))
    assert "Lossoscope" in tool("pdfinfo", file)


def test_an_svg_keeps_text_and_a_png_its_resolution(drawn: Any, tmp_path: Path) -> None:
    from PIL import Image

    svg = viz.save(drawn, tmp_path / "x.svg").read_text(encoding="utf-8")
    assert svg.count("data:image/png;base64") >= 5
    assert re.search(r"<text[^>]*>bowl</text>", svg)
    drawn.set_dpi(400)
    png = viz.save(drawn, tmp_path / "x.png")
    with Image.open(png) as picture:
        assert picture.size[0] == 2200


def test_paths_are_named_once_in_a_line_below(
    pair: list[Surface], path: Projection, rendering: None
) -> None:
    other = replace(path, run="relu-adam-seed0")
    both = [Panel(surface, paths=(path, other)) for surface in pair]
    figure = viz.figure(both, viz.Look(style=QUICK), dpi=80)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["gd", "adam"]
    assert all(axes.get_legend() is None for axes in figure.axes)


def test_without_contours_there_are_none_and_the_page_is_shorter(
    pair: list[Surface], rendering: None
) -> None:
    tall = viz.figure(pair[:1], viz.Look(style=QUICK), width=3.25, dpi=80)
    short = viz.figure(pair[:1], viz.Look(style=QUICK), width=3.25, dpi=80, contours=False)
    assert len(short.axes) == len(tall.axes) - 1
    assert short.get_figheight() < tall.get_figheight() - 1.0
    assert short.get_figwidth() == 3.25


def test_a_caption_is_drawn_below_on_request_and_told_without(
    pair: list[Surface], panels: list[Panel], rendering: None
) -> None:
    figure = viz.figure(panels, viz.Look(style=QUICK), caption=True, dpi=80)
    told = viz.caption_of(figure)
    assert "Height: log loss" in told
    assert told.endswith("Below: the same as contours.")
    assert "contours" not in viz.caption_of(viz.figure(pair, contours=False, dpi=30))
    first = told.partition(" 31 x 21 points")[0]
    assert first in [" ".join(t.get_text().split()) for t in figure.texts]


def test_a_panel_without_a_cell_stays_empty_beside_others(
    pair: list[Surface], path: Projection, rendering: None
) -> None:
    """A run that diverged ended the whole figure, and rendering was blamed."""
    lost = make_surface(np.full(pair[0].grid.shape, np.nan), pair[0].grid)
    figure = viz.figure([pair[0], lost], viz.Look(style=QUICK), dpi=60, contours=False)
    first, second = (axes for axes in figure.axes if not axes.get_ylabel())
    assert (len(first.images), len(second.images)) == (1, 0)
    # Its path is seen all the same.
    figure = viz.figure(
        [pair[0], Panel(lost, paths=(path,))], viz.Look(style=QUICK), dpi=60, contours=False
    )
    assert [len(axes.images) for axes in figure.axes if not axes.get_ylabel()] == [1, 1]
    assert "651 points cut out: NaN or infinite." in viz.caption_of(figure)


def test_mistakes_are_told(pair: list[Surface], path: Projection) -> None:
    with pytest.raises(ValueError, match="1 to 12 surfaces, got 0"):
        viz.figure([])
    with pytest.raises(ValueError, match="unknown shading"):
        viz.figure(pair, viz.Look(shading="smooth"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="too small to read; give fewer columns"):
        viz.figure(pair * 2, width=3.25, columns=4)
    empty = Surface(pair[0].grid, {"losses": np.full(pair[0].grid.shape, np.nan)},
                    np.full(pair[0].grid.shape, Status.EVALUATED))  # fmt: skip
    with pytest.raises(ValueError, match="no finite value"):
        viz.figure(empty)


def test_different_windows_are_told(pair: list[Surface]) -> None:
    wide = make_surface(pair[0].losses, Grid.rectangle((31, 21), (-2, 2), (-1, 1)))
    with (
        pytest.warns(UserWarning, match="different windows"),
        pytest.raises(ValueError, match="too small"),
    ):
        viz.figure([pair[0], wide], width=1.6, columns=2)


def test_panels_that_do_not_compare_are_told(pair: list[Surface]) -> None:
    other = replace(pair[1], settings={**pair[1].settings, "kind": "pca"})
    with (
        pytest.warns(UserWarning, match="their planes are of different kinds"),
        pytest.raises(ValueError, match="too small"),
    ):
        viz.figure([pair[0], other], width=1.6, columns=2)


def test_panels_of_a_page_do_not_meet(pair: list[Surface]) -> None:
    from matplotlib import rc_context

    frame = framed(pair)
    with rc_context({"font.size": LABEL}):
        page = Page.of(frame, QUICK, 4, width=5.5)
    assert (page.rows, page.columns) == (2, 2)
    figure = page.start(100)
    boxes = [place(figure, number).get_position() for number in range(4)
             for place in (page.panel, page.contour)]  # fmt: skip
    boxes.append(page.bar(figure).get_position())
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1 for box in boxes)
