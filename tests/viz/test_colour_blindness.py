"""Colours stay apart, and maps stay ordered, for people who see two kinds of colour only."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from landscape.viz import Style
from landscape.viz.flat.lines import drawing, line_colours
from landscape.viz.style import BASES, CLAY, DARK, OTHER_BASE, PAPER, SLIDES, STYLES

# Machado, Oliveira and Fernandes (2009), table 1: linear RGB, severity 1.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868],
                            [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968],
                              [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779],
                            [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
# Distance in CIE Lab; about 2.3 can just be told from each other side by side.
APART = 19.0
# Lines are further apart on paper than spots on a surface, and every second one is dark.
LINES_APART = 17.5


def seen(colours: np.ndarray, sight: str) -> np.ndarray:
    """Return CIE Lab (D65) of sRGB colours [n, 3] as someone sees them."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SIGHT[sight].T, 0, 1)
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def test_lab_of_known_colours() -> None:
    found = seen(np.array([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]), "usual")
    wanted = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]
    np.testing.assert_allclose(found, wanted, atol=0.02)
    # Red and green of equal lightness, which only some people can tell apart.
    pair = np.array([to_rgb("#c04040"), to_rgb("#5f7d2a")])
    usual, without = (
        np.linalg.norm(np.diff(seen(pair, s), axis=0)) for s in ("usual", "protanopia")
    )
    assert without < 0.5 * usual


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("style", [PAPER, DARK, PAPER.of_clay()], ids=["paper", "dark", "clay"])
def test_eight_paths_are_told_apart(style: Style, sight: str) -> None:
    colours = np.array([to_rgb(colour) for colour in style.path_colours])
    assert len(colours) >= 8
    lab = seen(colours, sight)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(len(lab), 1)]
    assert apart.min() > APART


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("style", [PAPER, SLIDES, DARK], ids=["paper", "slides", "dark"])
def test_paths_stand_out_from_the_floor(style: Style, sight: str) -> None:
    every = [*style.path_colours, style.background]
    lab = seen(np.array([to_rgb(colour) for colour in every]), sight)
    assert np.linalg.norm(lab[:-1] - lab[-1], axis=1).min() > APART


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("ground", [PAPER.background, DARK.background])
def test_paths_stand_out_from_clay_in_light_and_shade(ground: str, sight: str) -> None:
    paths = seen(np.array([to_rgb(c) for c in PAPER.of_clay().path_colours]), sight)
    behind = seen(np.array([to_rgb(c) for c in (CLAY, "#aaa49c", "#5f6068", ground)]), sight)
    assert np.linalg.norm(paths[:, None] - behind, axis=2).min() > APART


@pytest.mark.parametrize("ground", ["paper", "dark"])
def test_lines_have_a_contrast_of_3_to_the_background_and_to_the_next(ground: str) -> None:
    with drawing(ground):
        every = [Style.named(ground).background, *line_colours()]
    linear = np.array([to_rgb(colour) for colour in every])
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05
    ratios = np.exp(np.abs(np.log(light[:, None] / light)))
    assert len(every) == 9
    assert ratios[0, 1:].min() >= 3.0
    assert np.diagonal(ratios[1:, 1:], 1).min() >= 3.0


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("ground", ["paper", "dark"])
def test_eight_lines_are_told_apart(ground: str, sight: str) -> None:
    with drawing(ground):
        lab = seen(np.array([to_rgb(colour) for colour in line_colours()]), sight)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(len(lab), 1)]
    assert apart.min() > LINES_APART


@pytest.mark.parametrize("sight", SIGHT)
def test_bases_of_activations_are_told_apart(sight: str) -> None:
    colours = [*BASES.values(), OTHER_BASE, CLAY, PAPER.background]
    lab = seen(np.array([to_rgb(colour) for colour in colours]), sight)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(len(lab) - 1, 1)]
    assert apart.min() > APART
    assert np.linalg.norm(lab[:-2] - lab[-1], axis=1).min() > APART


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", sorted({Style.named(n).colour_map for n in STYLES}))
def test_maps_of_losses_grow_lighter_all_the_way(name: str, sight: str) -> None:
    lightness = seen(matplotlib.colormaps[name](np.linspace(0, 1, 64))[:, :3], sight)[:, 0]
    assert np.all(np.diff(lightness) > 0)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", sorted({Style.named(n).diverging_map for n in STYLES}))
def test_diverging_maps_darken_from_the_middle_and_their_ends_differ(name: str, sight: str) -> None:
    lab = seen(matplotlib.colormaps[name](np.linspace(0, 1, 65))[:, :3], sight)
    # Within rounding of the map's own table.
    assert np.all(np.diff(lab[:33, 0]) > -0.5)
    assert np.all(np.diff(lab[32:, 0]) < 0.5)
    assert np.linalg.norm(lab[8] - lab[-9]) > APART


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("style", STYLES)
def test_hatching_of_what_is_missing_stands_out(style: str, sight: str) -> None:
    look = Style.named(style)
    lab = seen(np.array([to_rgb(look.ink), to_rgb(look.missing)]), sight)
    assert np.linalg.norm(lab[0] - lab[1]) > APART
