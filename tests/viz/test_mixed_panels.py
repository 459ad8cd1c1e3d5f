"""Captions of panels of different kinds say of each what it is, and nothing false of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from landscape import Surface, viz
from landscape.viz.captions.plane_words import panels
from landscape.viz.captions.surfaces import surface_caption


def kinds(oblong: Surface, **own: Any) -> Surface:
    base = {k: v for k, v in oblong.settings.items() if k not in ("seed", "normalisation")}
    return replace(oblong, settings={**base, **own})


@pytest.fixture
def pca(oblong: Surface) -> Surface:
    return kinds(oblong, kind="pca", explained_variance=[0.9, 0.05], direction_length=4.0)


@pytest.fixture
def random(oblong: Surface) -> Surface:
    return replace(oblong, settings={**oblong.settings, "hessian": {"top": 12.5, "bottom": -0.5}})


def test_each_panel_has_its_plane_its_variance_and_its_eigenvalues(
    random: Surface, pca: Surface
) -> None:
    text = surface_caption([random, pca])
    first, _, rest = text.partition("Panel 2: ")
    assert first.startswith("Panel 1: random plane, filter-normalised directions (seed 3)")
    assert "Hessian eigenvalues at the centre: top 12.5, bottom −0.5." in first
    assert "panels)" not in first
    assert "variance" not in first
    assert rest.startswith("plane of the path's first two principal components (95.0% of its")
    assert "directions as long as the way from start to solution (4)" in rest
    assert "Hessian" not in rest
    assert "seed" not in rest.partition(".")[0]


def test_alike_panels_are_told_together_with_ranges(random: Surface, pca: Surface) -> None:
    other = replace(random, settings={**random.settings, "seed": 9, "hessian": {"top": 20.0}})
    more = kinds(pca, kind="pca", explained_variance=[0.7, 0.1], direction_length=6.0)
    text = surface_caption([random, pca, other, more])
    assert "Panels 1 and 3: random plane, filter-normalised directions (seeds 3, 9)" in text
    assert "top 12.5 to 20, bottom −0.5." in text
    assert "Panels 2 and 4: plane of the path's" in text
    assert "(80.0% to 95.0% of its variance)" in text
    assert "(4 to 6)" in text


def test_another_loss_or_number_of_examples_is_told_of_its_panel(random: Surface) -> None:
    other = replace(random, settings={**random.settings, "loss": "mse", "examples": 10})
    text = surface_caption([random, other])
    assert "cross entropy over 1,797 examples" in text.partition("Panel 2")[0]
    assert "mse over 10 examples" in text.partition("Panel 2")[2]


def test_grids_are_told_of_each_panel_where_they_differ(random: Surface, pca: Surface) -> None:
    from landscape import Grid

    small = replace(pca, grid=Grid.rectangle((5, 9), (-3.0, 1.0), (-2.0, 2.0)))
    text = surface_caption([random, small])
    assert "5 x 9 points, α −1 to 1, β −2 to 2" in text.partition("Panel 2")[0]
    assert "5 x 9 points, α −3 to 1, β −2 to 2" in text.partition("Panel 2")[2]
    assert surface_caption([random, pca]).count("5 x 9 points") == 1


def test_panels_of_one_kind_are_not_numbered(random: Surface) -> None:
    assert "Panel" not in surface_caption([random, random])
    assert panels([0, 1, 3]) == "Panels 1, 2 and 4"


def test_the_caption_of_a_figure_tells_its_panels_apart(
    random: Surface, pca: Surface, rendering: None
) -> None:
    with pytest.warns(UserWarning, match="of different kinds"):
        figure = viz.figure([random, pca], viz.Look(style="testing"), dpi=72)
    words = viz.caption_of(figure)
    assert "Panel 2: plane of the path's" in words
