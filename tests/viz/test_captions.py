"""Captions say what a reader must know, of pictures in 3D and of flat figures alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Plane, Surface, viz
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status
from landscape.viz.captions.surfaces import surface_caption


def caption_of(figure: Any) -> str:
    """Return the caption of a flat figure, in one line."""
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def test_a_flat_figure_has_its_caption_below(oblong: Surface, tmp_path: Path) -> None:
    coordinates = np.array([[-0.5, 1.5], [0.2, 9.0], [0.0, 0.0]])
    path = make_path(coordinates, np.ones(3))
    figure = viz.contour(Panel(oblong, paths=(path,)))
    text = viz.caption_of(figure)
    assert text == surface_caption(Panel(oblong, paths=(path,)), shading="")
    # One sentence is drawn.
    assert caption_of(figure) == text.partition(" 5 x 9 points")[0]
    assert text.startswith("Random plane, filter-normalised directions (seed 3), cross entropy")
    assert "Colours and isolines: log loss." in text
    assert "Path with 100.0% of its squared displacement in the plane, 0.0% off it; a bead" in text
    assert "1 of its points lies outside the window." in text
    assert not {"shaded", "Height", "true losses"} & set(text.replace(":", " ").split())
    viz.save(figure, tmp_path / "x.pdf")
    below = min(axes.get_tightbbox().y0 for axes in figure.axes)
    (words,) = figure.texts
    assert 0 < words.get_window_extent().y0 < words.get_window_extent().y1 <= below


def test_the_caption_of_a_flat_figure_can_be_left_out(oblong: Surface) -> None:
    plain, whole = viz.contour(oblong, caption=False), viz.contour(oblong)
    assert plain.texts == []
    assert plain.get_size_inches()[1] < whole.get_size_inches()[1]


def test_a_flat_figure_says_what_is_cut_out_and_takes_its_planes_settings() -> None:
    grid = Grid.square(5)
    losses = np.full(grid.shape, 2.0)
    losses[1, 2] = np.nan
    surface = Surface(grid, {"losses": losses}, np.ones(grid.shape, dtype=np.uint8))
    settings = {"seed": 7, "normalisation": "layer"}
    plane = Plane(np.zeros(2), np.array([1.0, 0]), np.array([0, 1.0]),
                  Layout((Slot("theta", (2,)),)), "random", settings)  # fmt: skip
    text = viz.caption_of(viz.contour([Panel(surface, plane)], viz.Look(height="linear")))
    assert "Random plane, layer-normalised directions (seed 7)" in text
    assert "Colours and isolines: loss." in text
    assert "1 point cut out: NaN or infinite." in text


@pytest.mark.parametrize("decades", [None, 0.0043])
def test_the_error_of_a_resampled_log_height_is_given_in_decades(decades: float | None) -> None:
    grid = Grid.square(5)
    status = np.full(grid.shape, Status.INTERPOLATED, dtype=np.uint8)
    made: dict[str, Any] = {"nodes": [3, 3], "estimated_error": 2e-4}
    if decades is not None:
        made["estimated_decades"] = decades
    surface = Surface(grid, {"losses": np.ones(grid.shape)}, status, settings={"resampled": made})
    also = "" if decades is None else " and 0.004 decades"
    assert f"estimated error 0.0002 of the range{also}." in surface_caption(surface)


@pytest.mark.parametrize(("count", "words"), [(1, "1 point cut out"), (2, "2 points cut out")])
def test_one_point_is_one_point(count: int, words: str) -> None:
    grid = Grid.square(5)
    losses = np.ones(grid.shape)
    losses[0, :count] = np.nan
    assert f"{words}: NaN or infinite." in surface_caption(make_surface(losses, grid))


def test_the_statistics_of_batch_norm_and_the_third_solution_are_told(oblong: Surface) -> None:
    def told(*policies: str, **settings: Any) -> str:
        own = {**oblong.settings, **settings}
        return surface_caption(
            [replace(oblong, settings={**own, "batch_norm": p}) for p in policies]
        )

    assert "BatchNorm" not in told("frozen")
    assert "found anew at every point" in told("recalibrated")
    assert "those of the first solution everywhere" in told("frozen", batch_statistics="differ")
    assert "first solution everywhere" not in told("batch", batch_statistics="differ")
    mixed = told("frozen", "batch")
    assert "BatchNorm uses different statistics (batch, frozen)" in mixed
    first, second = mixed.split("Panel 2: ")
    assert "statistics of each batch" in second
    assert "BatchNorm" not in first
    through = told("frozen", kind="through", points=[[0, 0], [1, 0], [0.5, -0.75]])
    assert "the solutions A at (0, 0), B at (1, 0) and C at (0.5, −0.75)." in through


def test_what_solutions_of_a_plane_do_not_share_is_told(oblong: Surface) -> None:
    def told(**settings: Any) -> str:
        return surface_caption(replace(oblong, settings={**oblong.settings, **settings}))

    weights = "Solutions given as weights alone are evaluated in the first one's network."
    assert weights in told(kind="through", networks="unknown")
    assert weights not in told(kind="through", networks="same")
    assert weights not in told(kind="through")
    said = "The solutions were trained with other data and another loss; one loss"
    assert said in told(kind="through", trained_apart=["data", "loss"])
    assert "trained with another loss; one loss" in told(kind="between", trained_apart=["loss"])
