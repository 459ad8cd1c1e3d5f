"""A surface of NaN alone is refused in every picture, with the number of its points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.browser.records import contents_of, sort_records
from landscape.viz.captions.surfaces import surface_caption

GRID = Grid.square(5)
PATH = make_path(np.array([[0.5, 0.5], [0.0, 0.0]]), np.array([2.0, 1.0]))


def of(value: float) -> Surface:
    return replace(make_surface(np.full(GRID.shape, value), GRID), plane="broken")


DRAW = {
    "solid": lambda s, folder: viz.surface(s),
    "with a path": lambda s, folder: viz.surface(Panel(s, paths=(PATH,))),
    "own scale": lambda s, folder: viz.surface(s, viz.Look(height=HeightScale("log", 0.0, 1.0))),
    "beside another": lambda s, folder: viz.compare([s, s]),
    "contours": lambda s, folder: viz.contour(Panel(s, paths=(PATH,))),
    "paper": lambda s, folder: viz.figure(s),
    "mosaic": lambda s, folder: viz.mosaic(s),
    "line": lambda s, folder: viz.line(viz.section(s)),
    "caption": lambda s, folder: surface_caption(Panel(s, paths=(PATH,))),
    "mesh": lambda s, folder: viz.export_mesh(Panel(s, paths=(PATH,)), folder / "a.glb"),
    "page": lambda s, folder: viz.to_html(Panel(s, paths=(PATH,)), folder / "a.html"),
    "notebook": lambda s, folder: viz.show(s),
}


@pytest.mark.parametrize("kind", DRAW)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_surface_of_nan_alone_is_refused(kind: str, value: float, tmp_path: Path) -> None:
    """A page was written, and a path was drawn over nothing."""
    said = "have no finite value to draw: (25|5) points NaN or infinite; sample a smaller window"
    if kind == "beside another":
        said = said.replace("(25|5)", "50")
    with pytest.raises(ValueError, match=said):
        DRAW[kind](of(value), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_surface_is_named_and_so_is_what_helps() -> None:
    with pytest.raises(ValueError, match=r"^the surfaces \(broken\) have no finite value"):
        surface_caption(of(np.nan))
    negative = of(-1.0)
    with pytest.raises(ValueError, match="25 points not positive; use a linear height"):
        surface_caption(negative)
    assert "cut out" not in surface_caption(
        negative, scale=HeightScale.of([negative], kind="linear")
    )
    waiting = replace(of(np.nan), status=np.full(GRID.shape, Status.MISSING, dtype=np.uint8))
    with pytest.raises(ValueError, match="25 points not evaluated; finish sampling"):
        surface_caption(waiting)


def notes(items: Any) -> list[list[str]]:
    told = contents_of(sort_records(items), kinked=(), runs={})
    return [panel["notes"] for panel in told.panels]


def test_a_page_says_how_many_points_are_missing() -> None:
    whole = make_surface(np.ones(GRID.shape), GRID)
    losses = np.ones(GRID.shape)
    losses[0, :3] = np.nan, np.inf, 2.0
    holed, empty = make_surface(losses, GRID), of(np.nan)
    one, other, last = notes({"a": whole, "b": holed, "c": empty})
    assert not any("points NaN" in note for note in one)
    assert other[-1] == "2 of 25 points NaN or infinite"
    assert last[-1] == "25 of 25 points NaN or infinite"
    assert "27 points cut out: NaN or infinite." in surface_caption([whole, holed, empty])
