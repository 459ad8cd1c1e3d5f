"""Arrays come back from the text of a page, and a page holds what it was given as data."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import told_by, unpacked
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from landscape import Grid, Panel, Projection, Surface, remove_quadratic, viz
from landscape.records.surface import Status
from landscape.viz.browser.html import page_of
from landscape.viz.browser.packing import Blob
from landscape.viz.browser.records import _kept
from landscape.viz.geometry.window import visible
from landscape.viz.style import BASES, Style


@given(arrays(np.float32, array_shapes(max_dims=2, max_side=7),
              elements=st.floats(width=32, allow_nan=True)))  # fmt: skip
def test_losses_come_back_bit_by_bit(values: np.ndarray) -> None:
    blob = Blob()
    blob.add([1.5, np.nan, np.inf], "f8")
    told = blob.add(values, "f4")
    np.testing.assert_array_equal(unpacked(blob.text(), told), values.astype(np.float64))


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 1e6, 1e30])
def test_gradients_keep_three_digits_at_any_size(size: float, rng: np.random.Generator) -> None:
    values = size * rng.standard_normal((40, 30))
    blob = Blob()
    found = unpacked(blob.text(), told) if (told := blob.add(values, "f2")) else None
    np.testing.assert_allclose(found, values, rtol=2**-11, atol=size * 1e-7)


def test_holes_stay_holes_in_half_precision() -> None:
    blob = Blob()
    told = blob.add([np.nan, np.inf, -np.inf, 0.0], "f2")
    np.testing.assert_array_equal(unpacked(blob.text(), told), [np.nan, np.inf, -np.inf, 0.0])


def test_the_same_arrays_give_the_same_text() -> None:
    texts = []
    for _ in range(2):
        blob = Blob()
        blob.add(np.arange(7.0), "f8")
        texts.append(blob.text())
    assert texts[0] == texts[1]


def test_unknown_types_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown type 'f16'; known: f8, f4, f2, u1, i4"):
        Blob().add([1.0], "f16")


def test_markup_in_names_stays_text() -> None:
    evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"
    grid = Grid.square(5)
    surface = Surface(grid, {"losses": np.ones(grid.shape), evil: np.ones(grid.shape)},
                      np.ones(grid.shape, np.uint8), plane=evil, run=evil,
                      settings={"kind": evil, "examples": 3})  # fmt: skip
    page = page_of({evil: Panel(surface, title=evil)}, title=evil, source=evil)
    assert "alert(1)</script>" not in page
    assert "<img" not in page
    told = told_by(page)
    assert told["panels"][0]["title"] == told["panels"][0]["run"] == told["source"] == evil
    assert evil in told["panels"][0]["levels"][0]["fields"]


def test_no_script_may_run_but_the_viewer(records: dict[str, Any]) -> None:
    page = page_of(records)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]


def test_two_large_panels_stay_below_two_megabytes(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """Noise of float32 in the losses and gradients is what does not compress."""
    items = {}
    for name in ("one", "other"):
        grid = Grid.square(201)
        a, b = np.meshgrid(*grid.axes, indexing="ij")
        rough = 1e-7 * rng.standard_normal(grid.shape)
        losses = np.exp(a * np.sin(3 * b)) + 0.3 * np.abs(a + 0.2 * b) + rough
        fields = {
            "losses": losses, "accuracies": np.round(1797 / (1 + losses)) / 1797,
            "gradient_alpha": np.gradient(losses, grid.axes[0], axis=0),
            "gradient_beta": np.gradient(losses, grid.axes[1], axis=1),
        }  # fmt: skip
        status = np.full(grid.shape, Status.EVALUATED, np.uint8)
        items[name] = Surface(grid, fields, status, run=name)
    assert viz.to_html(items, tmp_path / "large.html").stat().st_size < 2e6


def test_a_grid_too_fine_for_a_browser_is_thinned() -> None:
    grid = Grid.rectangle((601, 3), (-1, 1), (0, 1))
    losses = np.broadcast_to(grid.axes[0][:, None], grid.shape).copy()
    surface = Surface(grid, {"losses": losses}, np.ones(grid.shape, np.uint8))
    level = told_by(page_of(surface))["panels"][0]["levels"][0]
    assert level["fields"]["losses"]["shape"] == [301, 3]
    assert level["points"] == [601, 3]


@pytest.mark.parametrize("values", [[1e40, 1.0, 3.0], [1.0, 1e-42, 2.0], [1.0, np.inf, np.nan]])
def test_losses_of_diverged_networks_stay_what_they_are(values: list[float]) -> None:
    """Single precision would make 1e40 infinite, and 1e-42 nearly 0: points that are cut out."""
    losses = np.tile(values, (3, 1)).T
    surface = Surface(Grid.square(3), {"losses": losses}, np.ones((3, 3), np.uint8))
    page = page_of(surface)
    level = told_by(page)["panels"][0]["levels"][0]
    place = level["fields"]["losses"]
    assert place["type"] == ("f4" if np.inf in values else "f8")
    (text,) = re.findall(rf'id="lossoscope-blob-{level["blob"]}">([^<]*)<', page)
    np.testing.assert_array_equal(unpacked(text, place), losses)


@pytest.mark.parametrize("points", [303, 400, 901])
def test_a_thinned_grid_keeps_its_ends_and_the_solution_and_says_so(points: int) -> None:
    """Every n-th point would leave out the last ones, and of 303 the one in the middle."""
    grid = Grid.rectangle((points, 3), (-1.0, 1.5), (-1.0, 1.0))
    axis = grid.axes[0]
    kept = _kept(axis)
    assert len(kept) == 301
    assert np.all(np.diff(kept) > 0)
    assert (kept[0], kept[-1]) == (0, points - 1)
    assert np.argmin(np.abs(axis)) in kept
    losses = np.broadcast_to(axis[:, None] ** 2, grid.shape).copy()
    surface = Surface(grid, {"losses": losses}, np.ones(grid.shape, np.uint8))
    panel = told_by(page_of(surface))["panels"][0]
    assert f"301 x 3 of {points} x 3 points shown" in panel["notes"]
    small = Surface(Grid.square(5), {"losses": np.ones((5, 5))}, np.ones((5, 5), np.uint8))
    assert not any("shown" in note for note in told_by(page_of(small))["panels"][0]["notes"])


@pytest.mark.parametrize("points", [302, 600, 601, 901])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 150, -4, -3, -2, -1])
def test_a_thinned_axis_keeps_the_solution_wherever_it_lies(points: int, place: int) -> None:
    """Between an end and the point that is shown beside it, it was left out."""
    axis = np.arange(points, dtype=float)
    axis -= axis[place]
    kept = _kept(axis)
    assert 0.0 in axis[kept]
    assert len(kept) == 301
    assert np.all(np.diff(kept) > 0)
    assert (kept[0], kept[-1]) == (0, points - 1)


def test_windows_of_the_microscope_follow_the_surface_of_their_run(records: dict[str, Any]) -> None:
    whole = records["relu-gd-seed0.random"].surface
    windows = {}
    for width in (0.01, 0.1):
        grid = Grid.square(9, width)
        a, b = np.meshgrid(*grid.axes, indexing="ij")
        window = Surface(grid, {"losses": a**2 + np.abs(a + b)}, np.ones(grid.shape, np.uint8),
                         run=whole.run, settings={"kind": "random"})  # fmt: skip
        windows[f"w{width}"] = remove_quadratic(window)
    told = told_by(page_of({"relu": whole, **windows}))
    levels = told["panels"][0]["levels"]
    assert [level["quantity"] for level in levels] == ["loss", "residual", "residual"]
    assert levels[1]["width"] == pytest.approx(0.2)
    alone = told_by(page_of(windows))
    assert len(alone["panels"]) == 1
    assert len(alone["panels"][0]["levels"]) == 2


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, "at least one Panel, Surface or Residual"),
        (["x"], TypeError, "got str"),
        (Surface(Grid.line(3), {"losses": np.ones(3)}, np.ones(3, np.uint8)), ValueError,
         "leave lines out"),
    ],
)  # fmt: skip
def test_what_is_no_surface_is_refused(items: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        page_of(items)


def test_unknown_surfaces_to_show_are_refused(records: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no surface tanh to show; known: relu-gd-seed0\.random"):
        page_of(records, show=["tanh"])


def beside_the_plane(path: Projection, share: float) -> Projection:
    """A path of whose squared displacement this share lies in the plane."""
    inside = np.linalg.norm(path.coordinates, axis=1)
    off = inside * np.sqrt(1 / share - 1)
    return replace(path, off_plane_distances=off, distances=np.hypot(inside, off))


def path_of(page: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    (path,) = told_by(page)["paths"]
    (text,) = re.findall(rf'id="lossoscope-blob-{path["blob"]}">([^<]*)<', page)
    names = ("steps", "alphas", "betas", "losses", "plane_losses", "off_plane")
    return path, {name: unpacked(text, path[name]) for name in names}


@pytest.mark.parametrize("share", [0.0004, 0.01, 0.049, 0.051, 0.5])
def test_the_page_draws_no_path_on_a_plane_it_does_not_lie_in(
    records: dict[str, Any], share: float
) -> None:
    """Of a path that hardly lies in the plane every picture marks the end and says why."""
    surface = records["relu-gd-seed0.random"].surface
    own = beside_the_plane(records["relu-gd-seed0.random"].paths[0], share)
    own = replace(own, coordinates=np.append(own.coordinates[:-1], [[0.25, 0.5]], axis=0))
    told, arrays = path_of(page_of(Panel(surface, paths=(own,))))
    assert told["title"] == own.run
    assert told["shown"] == visible(own)
    if visible(own):
        np.testing.assert_array_equal(arrays["alphas"], own.coordinates[:, 0])
        return
    assert {name: values.tolist() for name, values in arrays.items()} == {
        "steps": [own.steps[-1]], "alphas": [0.25], "betas": [0.5], "losses": [own.losses[-1]],
        "plane_losses": [own.plane_losses[-1]], "off_plane": [own.off_plane_distances[-1]],
    }  # fmt: skip


def test_names_and_paths_have_the_colours_of_other_pictures(records: dict[str, Any]) -> None:
    told = told_by(page_of({**records, "own": records["relu-gd-seed0.random"].surface}))
    assert [panel["colour"] for panel in told["panels"][:2]] == [BASES["relu"], BASES["gelu"]]
    for theme, style in (("light", "paper"), ("dark", "dark")):
        assert tuple(told["path_colours"][theme]) == Style.named(style).path_colours
    assert told_by(page_of(replace(records["relu-gd-seed0.random"].surface, run="mine")))["panels"][
        0]["colour"] == ""  # fmt: skip
