"""One style for 3D pictures and flat figures: named, from a file, and the widths of venues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from landscape import Panel, Surface, viz
from landscape.viz import Style, width_of
from landscape.viz.style import DARK, PAPER, STYLES
from landscape.viz.venues import VENUES


def luminance(colour: str) -> float:
    """Return the relative luminance of the WCAG, 0 for black to 1 for white."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of the WCAG, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", STYLES)
def test_text_is_readable_on_every_background(name: str) -> None:
    style = Style.named(name)
    # 7 is the strictest level of the WCAG.
    assert contrast(style.ink, style.background) > 7
    assert contrast(style.missing, style.ink) > 3


def test_a_file_changes_a_named_style(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "dark"\nfont_size = 20\ndpi = 96\npath_colours = ["#ffffff", "red"]\n'
        "isolines = false\n",
        encoding="utf-8",
    )
    style = Style.from_toml(path)
    assert style.background == DARK.background
    assert (style.font_size, style.dpi, style.isolines) == (20.0, 96, False)
    assert style.path_colours == ("#ffffff", "red")
    assert Style.of(str(path)) == style
    assert Style.of("dark") is DARK
    assert Style.of(None) is PAPER


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 3", "unknown key of .* 'colour'; known: base, panel_width"),
        ('base = "neon"', "unknown style 'neon'; known: paper, slides, dark, testing"),
        ('dpi = "many"', "dpi must be a whole number, got 'many'"),
        ("dpi = true", "dpi must be a whole number, got True"),
        ('ink = "#12"', "ink must hold colours"),
        ('path_colours = ["#000000", "nocolour"]', "path_colours must hold colours"),
        ("path_colours = []", "at least one colour"),
        ('colour_map = "nothing"', "must be a colour map of matplotlib"),
        ('font = "mono"', "unknown font 'mono'; known: serif, sans"),
        ("elevation = 90.0", "between 0 and 90"),
        ("dpi = 0", "dpi must be > 0, got 0"),
        ("height = nan", "height must be > 0, got nan"),
        ("isoline_width = -1", "isoline_width must be >= 0, got -1"),
        ("small_width = -2", "small_width must be >= 0, got -2"),
        ("ambient = 1.5", "ambient must be from 0 to 1, got 1.5"),
        ("= 3", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Style.from_toml(path)


def test_a_flat_figure_has_the_background_and_ink_of_its_style(oblong: Surface) -> None:
    from matplotlib.colors import to_hex

    figure = viz.contour(Panel(oblong, title="x"), viz.Look(style="dark"))
    assert to_hex(figure.get_facecolor()) == DARK.background
    assert to_hex(figure.axes[0].title.get_color()) == DARK.ink
    assert to_hex(figure.axes[0].xaxis.label.get_color()) == DARK.ink
    assert {to_hex(text.get_color()) for text in figure.texts} == {DARK.ink}
    plain = viz.contour(oblong)
    assert to_hex(plain.get_facecolor()) == "#ffffff"
    assert to_hex(plain.axes[0].title.get_color()) == "#000000"


def test_a_saved_dark_figure_is_dark(oblong: Surface, tmp_path: Path) -> None:
    from PIL import Image

    path = viz.save(viz.contour(oblong, viz.Look(style="dark")), tmp_path / "x.png")
    corner = np.asarray(Image.open(path).convert("RGB"))[2, 2]
    assert "#" + "".join(f"{v:02x}" for v in corner) == DARK.background


@pytest.mark.usefixtures("rendering")
def test_a_3d_picture_has_the_background_of_its_style(oblong: Surface) -> None:
    from dataclasses import replace

    style = replace(DARK, panel_width=2.0, panel_height=1.5, dpi=100, anti_aliasing=False)
    plotter = viz.surface(Panel(oblong, title="x"), viz.Look(style=style))
    image = np.asarray(plotter.screenshot(return_img=True))
    plotter.close()
    assert "#" + "".join(f"{v:02x}" for v in image[2, 2]) == DARK.background


def test_panels_of_a_comparison_are_smaller_where_the_style_says_so() -> None:
    small = PAPER.of_many()
    assert (small.panel_width, small.panel_height) == (PAPER.small_width, PAPER.small_height)
    assert small.of_many() == small
    assert Style().of_many() == Style()


def test_every_venue_has_widths_a_page_can_hold() -> None:
    assert width_of("icml", columns=2) == 6.75
    assert width_of("NeurIPS") == 5.5
    for name, venue in VENUES.items():
        assert 2.0 < width_of(name) < 7.5
        if venue.double is not None:
            assert 2 * venue.single < width_of(name, columns=2) < 8.0


@pytest.mark.parametrize(
    ("venue", "columns", "message"),
    [
        ("chi", 1, "unknown venue 'chi'; known: neurips, icml"),
        ("jmlr", 2, "JMLR has one column, 6 in wide"),
        ("icml", 3, "columns must be 1 or 2, got 3"),
    ],
)
def test_a_width_that_is_not_there_is_said(venue: str, columns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        width_of(venue, columns=columns)
