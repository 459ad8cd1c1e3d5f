"""Titles never leave their panels: broken, smaller, at last shortened."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from landscape.surface import Surface
from viz.flat.ticks import extent
from viz.flat.titles import LEAST, fitted
from viz.scenes.text import wrapped

LONG = "network-relu-width64-run-2024_11_24.adam.seed12345@epoch100_51x51_-1_1_-1_1"


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
    figure = viz.figure([oblong, oblong, oblong], titles=[LONG] * 3, dpi=72, style=style)
    viz.save(figure, tmp_path / "x.png")
    titles = [text for text in figure.texts if text.get_text().startswith("network")]
    assert len(titles) == 3
    # As it is written; at few pixels an inch letters are wider.
    boxes = [text.get_window_extent(dpi=300) for text in titles]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))
    flat = viz.contour([oblong, oblong, oblong], titles=[LONG] * 3, style=style)
    flat.set_dpi(300)
    viz.save(flat, tmp_path / "y.png")
    boxes = [axes.title.get_window_extent(dpi=300) for axes in flat.axes[:3]]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_captions_are_never_broken_within_the_name_of_a_run() -> None:
    text = "Random plane around relu-gd-seed0, and another around leaky_relu_0.3-nesterov-seed12. "
    for width in np.linspace(2.0, 4.0, 40):
        lines = wrapped(text * 3, float(width), 7.0)
        assert " ".join(lines) == (text * 3).strip()
