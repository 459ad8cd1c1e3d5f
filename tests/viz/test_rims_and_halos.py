"""Panels without an empty rim, halos of paths, and the usual camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz.captions.told import lead_of
from landscape.viz.scenes.common import Common
from landscape.viz.style import TESTING

BACK = "#ff00ff"


def bowl(width: float = 1.0, depth: float = 1.0, **settings: Any) -> Surface:
    grid = Grid.rectangle((9, 9), (-width, width), (-depth, depth))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return replace(make_surface(1.0 + a**2 + b**2, grid), settings=settings)


def pixels(drawn: Any) -> np.ndarray:
    image = np.asarray(drawn.screenshot(return_img=True))[..., :3].astype(int)
    drawn.close()
    return image


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize(("width", "depth"), [(1.0, 1.0), (3.0, 1.0), (1.0, 3.0)])
def test_a_picture_has_no_empty_rim(width: float, depth: float) -> None:
    look = viz.Look(style=replace(TESTING, panel_width=4.0, panel_height=3.0))
    image = pixels(viz.surface(Panel(bowl(width, depth), title="t"), look, caption=False))
    there = np.abs(image - 255).max(axis=2) > 8
    for axis in (0, 1):
        places = np.flatnonzero(there.any(axis=axis)) / there.shape[1 - axis]
        assert places[0] < 0.06
        assert places[-1] > 0.9


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("level", [1.0, 12345.678])
def test_labels_of_colour_bars_are_never_cut(level: float) -> None:
    narrow = bowl()
    narrow = replace(narrow, fields={"losses": level + 1e-3 * narrow.losses})
    for look in (viz.Look(height="linear", style=TESTING), viz.Look(style=TESTING)):
        image = pixels(viz.surface(narrow, look, caption=False))
        assert (image[:, -3:] == 255).all()


@pytest.mark.usefixtures("rendering")
def test_a_path_has_a_rim_in_the_colour_of_the_background() -> None:
    style = replace(TESTING, panel_width=4.0, panel_height=3.0, background=BACK, isolines=False)
    places = np.linspace([-0.8, 0.1], [0.6, 0.1], 15)
    path = make_path(places, 1.0 + (places**2).sum(axis=1))
    plain, drawn = (
        np.abs(pixels(viz.surface(Panel(bowl(), paths=paths), viz.Look(style=style),
                                  caption=False)) - [255, 0, 255]).max(axis=2) < 40
        for paths in ((), (path,))
    )  # fmt: skip
    # Where the surface was.
    assert (drawn & ~plain).sum() > 100


@pytest.mark.parametrize(
    ("kinds", "wanted"), [(["random"], 50.0), (["pca"], 40.0), (["random", "pca"], 40.0)]
)
def test_random_planes_are_seen_from_higher(kinds: list[str], wanted: float) -> None:
    panels = [Panel(bowl(kind=kind)) for kind in kinds]
    usual = Common.of(panels, viz.Look(), TESTING)
    assert usual.style.elevation == wanted
    mine = replace(TESTING, elevation=33.0)
    assert Common.of(panels, viz.Look(), mine).style.elevation == 33.0


@pytest.mark.parametrize("draw", [viz.contour, viz.surface])
@pytest.mark.usefixtures("rendering")
def test_one_sentence_of_the_caption_is_drawn(draw: Callable[..., Any]) -> None:
    picture = draw(bowl(kind="random", normalisation="filter", seed=3))
    told = viz.caption_of(picture)
    texts = [text.get_text() for text in getattr(picture, "texts", [])] or [
        actor.GetInput() for renderer in picture.renderers
        for actor in renderer.actors.values() if hasattr(actor, "GetInput")
    ]  # fmt: skip
    words = [" ".join(text.split()) for text in texts]
    lead = "Random plane, filter-normalised directions (seed 3)."
    assert lead in words
    assert told.startswith(f"{lead} 9 x 9 points")
    assert not any("9 x 9" in text for text in words)


def test_warnings_are_drawn_too() -> None:
    text = "Random plane, after Li et al. (2018). 5 points. Compare with care: windows. Method: X."
    assert lead_of(text) == "Random plane, after Li et al. (2018). Compare with care: windows."
    assert lead_of("") == ""
