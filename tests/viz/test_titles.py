"""Titles never leave their panels: broken, smaller, at last shortened."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from landscape import Panel, Surface, viz
from landscape.viz import Style
from landscape.viz.flat.ticks import extent
from landscape.viz.flat.titles import LEAST, fitted
from landscape.viz.scenes.text import letter_pixels, wrapped, wrapped_in_scene
from landscape.viz.style import font_file

LONG = "network-relu-width64-run-2024_11_24.adam.seed12345@epoch100_51x51_-1_1_-1_1"
CAPTION = (
    "Random plane, filter-normalised directions (seed 0) around relu-gd-seed0, cross entropy over "
    "1,797 examples. Hessian eigenvalues at the centre: top 2.57, bottom 0.0275. 31 x 31 points."
)


def test_a_short_title_stays_as_it_is() -> None:
    found = fitted(["ReLU (kinked)"], 2.0, 8.5)
    assert (found.texts, found.size, found.lines) == (("ReLU (kinked)",), 8.5, 1)


def test_a_long_id_is_broken_where_it_may_be() -> None:
    found = fitted([LONG, "x"], 2.4, 8.5)
    assert found.lines == 2
    assert found.texts[0].replace("\n", "") == LONG
    assert found.texts[1] == "x"
    assert LEAST <= found.size <= 8.5


@settings(deadline=None, max_examples=40)
@given(st.text("abcxyz-_. 019", min_size=1, max_size=120), st.floats(0.4, 4.0))
def test_no_line_is_wider_than_its_panel(title: str, width: float) -> None:
    found = fitted([title], width, 8.5)
    assert all(extent(line, found.size)[0] <= 1.002 * width for line in found.texts[0].split("\n"))
    assert found.lines <= 2
    assert LEAST <= found.size <= 8.5


def test_what_cannot_be_broken_loses_its_middle() -> None:
    title = "a" * 60 + "z" * 60
    (text,) = fitted([title], 1.0, 8.5).texts
    assert text.startswith("aa")
    assert text.endswith("zz")
    assert "…" in text


@pytest.mark.parametrize("style", ["paper", "slides"])
def test_titles_of_panels_side_by_side_do_not_overlap(
    style: str, oblong: Surface, rendering: None, tmp_path: Path
) -> None:
    figure = viz.figure([Panel(oblong, title=LONG)] * 3, viz.Look(style=style), dpi=72)
    viz.save(figure, tmp_path / "x.png")
    titles = [text for text in figure.texts if text.get_text().startswith("network")]
    assert len(titles) == 3
    # As it is written; at few pixels an inch letters are wider.
    boxes = [text.get_window_extent(dpi=300) for text in titles]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))
    flat = viz.contour([Panel(oblong, title=LONG)] * 3, viz.Look(style=style))
    flat.set_dpi(300)
    viz.save(flat, tmp_path / "y.png")
    boxes = [axes.title.get_window_extent(dpi=300) for axes in flat.axes[:3]]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_captions_are_never_broken_within_the_name_of_a_run() -> None:
    text = "Random plane around relu-gd-seed0, and another around leaky_relu_0.3-nesterov-seed12. "
    for width in np.linspace(2.0, 4.0, 40):
        lines = wrapped(text * 3, float(width), 7.0)
        assert " ".join(lines) == (text * 3).strip()


@pytest.mark.parametrize("dpi", [60, 96, 100, 150, 300])
@pytest.mark.parametrize("style", ["paper", "slides", "testing"])
def test_lines_of_3d_pictures_are_no_wider_than_there_is_room(style: str, dpi: int) -> None:
    """Letters are whole pixels large, and small ones are wider than their share of large ones."""
    chosen = replace(Style.of(style), dpi=dpi)
    font = ImageFont.truetype(font_file(font=chosen.font), letter_pixels(chosen, 0.85),
                              layout_engine=ImageFont.Layout.BASIC)  # fmt: skip
    for width in (1.9, 2.6, 5.0):
        lines = wrapped_in_scene(CAPTION, width, chosen, 0.85)
        assert " ".join(lines) == CAPTION
        assert max(map(font.getlength, lines)) <= width * dpi
        assert max(map(font.getlength, lines)) > 0.7 * width * dpi
    assert wrapped_in_scene("", 2.0, chosen, 1.0) == []


@pytest.mark.parametrize("title", ["ReLU (kinked), gradient descent", "ELU"])
def test_nothing_is_written_beyond_the_rim_of_a_small_picture(
    rendering: None, oblong: Surface, title: str
) -> None:
    plotter = viz.surface(Panel(oblong, title=title), viz.Look(style="testing"), caption=CAPTION)
    picture = plotter.screenshot(return_img=True).astype(int)
    plotter.close()
    paper = picture[-1, -1]
    for column in (picture[:, 0], picture[:, -1]):
        assert np.abs(column - paper).max() < 20
