"""One style governs every flat figure: its background, its ink, its font, and text that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from making import followed_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.networks.activations import profile
from landscape.viz import Style
from landscape.viz.flat.lines import LINE_COLOURS, drawing, grey, line_colours

Draw = Callable[[str], Any]


def luminance(colour: Any) -> float:
    """Return the relative luminance of WCAG."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: Any, other: Any) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def line(style: str) -> Any:
    grid = Grid((np.linspace(-1, 1, 9),))
    made = Surface(grid, {"losses": grid.axes[0] ** 2 + 1}, np.ones(9, dtype=np.uint8))
    return viz.line([Panel(made, title=title) for title in "ab"], viz.Look(style=style))


def along(style: str) -> Any:
    return viz.along_path({"relu": followed_path(5)}, style=style)


def plate(style: str) -> Any:
    records = [profile("relu", low=-2, high=2, points=41)]
    return viz.activation_plate(records, style=style)


def spread(style: str) -> Any:
    return viz.report.spread_lines(
        [1.0, 2.0], {"a": np.ones((3, 2))}, xlabel="x", ylabel="y", style=style
    )


def effects(style: str) -> Any:
    verdicts = ("supported", "contradicted", "equivalent", "undecided", None)
    every = [{"name": f"q: {one}", "estimate": 0.2, "low": 0.1, "high": None, "margin": 0.1,
              "floor": 0.05, "scale": "log", "verdict": one} for one in verdicts]  # fmt: skip
    return viz.report.effect_lines(every, style=style)


def contour(style: str) -> Any:
    grid = Grid.square(7)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return viz.contour(Panel(make_surface(1 + a**2 + b**2, grid), title="t"), viz.Look(style=style))


DRAWN: tuple[Draw, ...] = (line, along, plate, spread, effects, contour)


def texts_of(figure: Any) -> list[Any]:
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_text().strip()]


@pytest.mark.parametrize("draw", DRAWN)
def test_text_is_read_on_a_dark_background(draw: Draw) -> None:
    style = Style.named("dark")
    figure = draw("dark")
    assert contrast(figure.get_facecolor(), style.background) == pytest.approx(1.0)
    dim = {t.get_text(): contrast(t.get_color(), style.background) for t in texts_of(figure)}
    assert min(dim.values()) > 3.5, dim
    grounds = [axes.get_facecolor() for axes in figure.axes if axes.patch.get_visible()]
    assert all(luminance(ground) < 0.12 for ground in grounds)


@pytest.mark.parametrize("draw", DRAWN)
def test_slides_have_letters_without_serifs_and_paper_is_as_it_was(draw: Draw) -> None:
    assert {t.get_fontfamily()[0] for t in texts_of(draw("slides"))} == {"DejaVu Sans"}
    paper = draw("paper")
    assert {t.get_fontfamily()[0] for t in texts_of(paper)} == {"STIXGeneral"}
    assert luminance(paper.get_facecolor()) == 1.0


def test_effects_are_seen_on_their_band_in_every_style() -> None:
    for style in ("paper", "slides", "dark"):
        for axes in effects(style).axes:
            band = axes.collections[0].get_facecolor()[0]
            for line in axes.lines[1:]:
                assert contrast(line.get_color(), band) > 3.0, (style, line.get_color())
                hollow = contrast(line.get_markerfacecolor(), axes.get_facecolor()) == 1.0
                assert hollow or line.get_markerfacecolor() == line.get_color()
    every = [axes.lines[1].get_color() for axes in effects("dark").axes]
    assert not set(every) & {axes.lines[1].get_color() for axes in effects("paper").axes}


def test_hybrid_figures_are_dark_as_a_whole(rendering: None) -> None:
    grid = Grid.square(7)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    figure = viz.figure(
        Panel(make_surface(1 + a**2 + b**2, grid), title="t"), viz.Look(style="dark"), dpi=72
    )
    style = Style.named("dark")
    assert contrast(figure.get_facecolor(), style.background) == pytest.approx(1.0)
    assert min(contrast(t.get_color(), style.background) for t in texts_of(figure)) > 3.5


def test_lines_and_greys_are_seen_on_a_dark_background() -> None:
    ground = Style.named("dark").background
    with drawing("dark"):
        assert min(contrast(colour, ground) for colour in line_colours()) > 3.0
        assert contrast(grey(1.0), ground) == pytest.approx(1.0)
        assert contrast(grey(0.0), ground) > 10
    with drawing("paper"):
        assert line_colours() == LINE_COLOURS
        assert grey(0.35) == pytest.approx((0.35,) * 3)


def test_a_style_of_a_file_governs_too(tmp_path: Any) -> None:
    file = tmp_path / "my.toml"
    file.write_text('base = "dark"\nbackground = "#102030"\nink = "#f0e0d0"\n')
    figure = line(str(file))
    assert contrast(figure.get_facecolor(), "#102030") == pytest.approx(1.0)
    assert contrast(figure.axes[0].xaxis.label.get_color(), "#f0e0d0") == pytest.approx(1.0)
