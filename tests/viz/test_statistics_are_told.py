"""Every picture names the statistics that normalise, and of which loss a Hessian is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from close_ups import close_up
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.records.close_up import CloseUp
from landscape.viz import section
from landscape.viz.browser.html import page_of
from landscape.viz.browser.records import contents_of, sort_records
from landscape.viz.captions.normalising import in_short, statistics_used
from landscape.viz.captions.surfaces import surface_caption

FROZEN = "BatchNorm uses the network's own running statistics at every point."
WITH = {"normalising_layers": 3, "batch_norm": "frozen"}


def surface_with(**settings: Any) -> Surface:
    grid = Grid.square(5)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    made = make_surface(1 + a**2 + b**2 + 0.1 * a**3, grid)
    return replace(made, settings={**made.settings, **settings})


def page_notes(surface: Surface, *paths: Any) -> str:
    told = contents_of(sort_records(Panel(surface, paths=paths)), kinked=(), runs={})
    return "; ".join(told.panels[0]["notes"])


def closer(surface: Surface, width: float = 2.0) -> CloseUp:
    closeup = close_up("relu", width)
    return replace(closeup, surface=replace(closeup.surface, settings=surface.settings))


PICTURES = {
    "solid": lambda s: surface_caption(s),
    "contours": lambda s: surface_caption(s, shading=""),
    "figure": lambda s: viz.caption_of(viz.figure(s, dpi=30)),
    "mosaic": lambda s: viz.caption_of(viz.mosaic(s, dpi=30)),
    "line": lambda s: viz.caption_of(viz.line(section(s))),
    "drawn contours": lambda s: viz.caption_of(viz.contour(s)),
    "page": lambda s: page_notes(s) + ".",
    "microscope": lambda s: viz.caption_of(viz.microscope([closer(s)], dpi=30)),
    "zoom": lambda s: viz.caption_of(viz.zoom([[closer(s)]], dpi=30)),
    "page of close-ups": lambda s: page_of([], zoom=[[closer(s), closer(s, 0.2)]]),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_frozen_statistics_are_named_in_every_picture(picture: str) -> None:
    """Only statistics that were not frozen were."""
    words = PICTURES[picture](surface_with(**WITH))
    assert words.count(FROZEN) == 1
    assert "BatchNorm" not in PICTURES[picture](surface_with(batch_norm="frozen"))
    batch = PICTURES[picture](surface_with(**{**WITH, "batch_norm": "batch"}))
    assert batch.count("BatchNorm uses the statistics of each batch.") == 1


def test_films_name_the_statistics_in_their_corner() -> None:
    assert in_short({**WITH, "batch_norm": "recalibrated"}) == [
        "BatchNorm: recalibrated statistics"
    ]
    assert in_short({"batch_norm": "frozen"}) == []


def test_panels_with_and_without_batch_norm_are_told_apart() -> None:
    """Nothing was said where the panels differed."""
    plain = surface_with(batch_norm="frozen")
    words = surface_caption([surface_with(**WITH), plain, surface_with(**WITH)])
    assert f"Panels 1 and 3: {FROZEN}" in words
    assert words.count("BatchNorm") == 1
    both = surface_caption([surface_with(**WITH), surface_with(**WITH)])
    assert both.count("BatchNorm") == 1
    assert "Panel" not in both


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({**WITH, "batch_statistics": "differ"}, True),
        ({"batch_statistics": "differ"}, True),
        ({**WITH, "batch_statistics": "unknown"}, True),
        ({"batch_statistics": "unknown"}, False),
        ({**WITH, "batch_statistics": "same"}, False),
    ],
)
def test_statistics_of_several_solutions_are_the_first_one_s(
    settings: dict[str, Any], first: bool
) -> None:
    assert ("those of the first solution" in statistics_used(settings)) == first


def test_paths_say_with_whose_statistics_their_losses_are() -> None:
    path = make_path(np.array([[0.5, 0.5], [0.2, 0.1], [0.0, 0.0]]), np.array([3.0, 2.0, 1.0]))
    other = replace(path, run="gelu-gd-seed1")
    surface = surface_with(**WITH)
    assert surface_caption(Panel(surface, paths=(path,))).count(
        "The losses of the path are with the path's own statistics of BatchNorm, as recorded."
    ) == 1  # fmt: skip
    assert "The losses of paths are with each path's own" in surface_caption(
        Panel(surface, paths=(path, other))
    )
    ended = surface_with(**WITH, end_statistics=[path.run])
    assert "as at its end." in surface_caption(Panel(ended, paths=(path,)))
    assert "as recorded." in surface_caption(Panel(ended, paths=(path, other)))
    assert "own statistics" not in surface_caption(Panel(surface_with(), paths=(path,)))
    assert "own statistics" not in surface_caption(Panel(surface, paths=(path,)), shading="")
    unknown = replace(path, losses=np.full(3, np.nan))
    assert "own statistics" not in surface_caption(Panel(surface, paths=(unknown,)))
    assert "path's own statistics" in page_notes(surface, replace(path, plane="surface"))


HESSIAN = {"top": 3.25, "bottom": -0.5, "loss": "cross_entropy", "examples": 1797}
SURFACE = {"loss": "cross_entropy", "examples": 1797, **WITH}
DIFFERENT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "Hessian eigenvalues at the centre: top 3.25"),
    ({"batch_norm": "frozen"}, {}, "Hessian eigenvalues at the centre"),
    ({"batch_norm": "frozen"}, {"batch_norm": "batch"},
     "Hessian of the loss with frozen statistics, eigenvalues at the centre: top 3.25"),
    ({"batch_norm": "batch"}, {}, "Hessian of the loss with batch statistics, eigenvalues"),
    # No layer has statistics: there is no difference.
    ({"batch_norm": "frozen"}, {"batch_norm": "batch", "normalising_layers": 0},
     "Hessian eigenvalues at the centre"),
    # An old record does not say which.
    ({}, {"batch_norm": "batch"}, "Hessian eigenvalues at the centre"),
    ({}, {"examples": 100, "subset": {"examples": 100, "seed": 0, "of": 1797}},
     "Hessian of the loss of all 1,797 examples, eigenvalues at the centre"),
    ({"examples": 50}, {}, "Hessian of the loss of 50 examples, eigenvalues"),
    ({"loss": "mse"}, {}, "Hessian of mse, eigenvalues"),
    ({"batch_norm": "frozen"},
     {"batch_norm": "recalibrated", "examples": 9, "subset": {"of": 1797}},
     "Hessian of the loss with frozen statistics of all 1,797 examples, eigenvalues"),
]  # fmt: skip


@pytest.mark.parametrize(("noted", "changes", "said"), DIFFERENT)
def test_a_hessian_of_another_loss_than_the_surface_s_says_of_which(
    noted: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    """A surface of batch statistics had the eigenvalues of the frozen loss in its caption."""
    surface = surface_with(**{**SURFACE, **changes, "hessian": {**HESSIAN, **noted}})
    for words in (surface_caption(surface), surface_caption(surface, shading="")):
        assert said in words
        assert words.count("Hessian") == 1


def test_panels_whose_hessians_are_of_different_losses_are_told_apart() -> None:
    one = surface_with(**SURFACE, hessian={**HESSIAN, "batch_norm": "frozen"})
    other = surface_with(**SURFACE, hessian={**HESSIAN, "batch_norm": "batch"})
    words = surface_caption([one, other])
    assert "Hessian eigenvalues at the centre: top 3.25, bottom −0.5 (1 of 2 panels)." in words
    assert "Hessian of the loss with batch statistics, eigenvalues" in words


def test_saved_captions_hold_them(tmp_path: Path) -> None:
    figure = viz.contour(surface_with(**WITH), caption=False)
    viz.save(figure, tmp_path / "a.png", caption=True)
    assert "running statistics" in (tmp_path / "a.md").read_text(encoding="utf-8")
