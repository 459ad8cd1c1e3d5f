"""The film from whole surfaces down to one step: what each of its windows shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from close_ups import WIDTHS, close_up, series

from landscape import viz
from landscape.records.close_up import CloseUp
from landscape.viz.closeups.clay import log_heights
from landscape.viz.films.zoom import _seen, _words

SMALL: dict[str, Any] = {"size": (184, 122), "fps": 5, "seconds": 1.0}
ROW = series("relu", 0.003)


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> list[list[np.ndarray]]:
    """The frames of each film, instead of files."""
    kept: list[list[np.ndarray]] = []

    def keep(frames: Any, _file: Path, **_: Any) -> None:
        kept.append(list(frames))

    monkeypatch.setattr("landscape.viz.films.zoom.write_video", keep)
    return kept


@pytest.mark.usefixtures("rendering")
def test_it_moves_from_frame_to_frame_and_shows_both_networks(
    films: list[list[np.ndarray]],
) -> None:
    viz.animate_zoom([ROW, series("gelu")], "a.mp4", **SMALL)
    frames = np.array(films[0], dtype=int)
    assert np.all(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)) > 1)
    # Walls of either colour, on their own side of the picture.
    left, right = frames[:, :, :92], frames[:, :, 92:]
    assert np.all(warm(left) > 300)
    assert np.all(warm(right) < 30)
    assert np.all(warm(right[..., ::-1]) > 300)
    assert np.all(warm(left[..., ::-1]) < 30)


def warm(frames: np.ndarray) -> np.ndarray:
    """Count pixels that are clearly redder than blue."""
    return np.asarray((frames[..., 0] - frames[..., 2] > 50).sum(axis=(1, 2)))


@pytest.mark.usefixtures("rendering")
def test_a_single_window_is_an_orbit_on_one_scale(films: list[list[np.ndarray]]) -> None:
    pair = [[close_up("relu", WIDTHS[-1], 0.003)], [close_up("gelu", WIDTHS[-1])]]
    viz.animate_zoom(pair, "a.mp4", turn=360.0, removing="quadratic", **SMALL)
    frames = np.array(films[0], dtype=int)
    assert np.all(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)) > 1)
    # A whole turn: the step from the last frame to the first is as large as the others.
    steps = np.abs(frames - np.roll(frames, 1, axis=0)).mean(axis=(1, 2, 3))
    assert steps.min() > steps.max() / 2
    # The smooth network is a flat slab, lower than the kinked one.
    seen = (np.abs(frames - 255).max(axis=-1) > 8)[:, 20:100]
    assert seen[..., 100:].any(axis=2).sum() < seen[..., :84].any(axis=2).sum()


def test_a_window_comes_from_the_narrowest_close_up_that_holds_it() -> None:
    marked = [replace(one, surface=replace(one.surface, examples=n)) for n, one in enumerate(ROW)]
    for width, expected in ((2.0, 0), (0.21, 0), (0.2, 1), (0.05, 1), (0.02, 2)):
        seen = _seen(marked, width, "tilt")
        assert seen.examples == expected
        assert np.ptp(seen.coordinates, axis=0) == pytest.approx([width, width])


def test_heights_turn_from_logarithmic_to_what_is_left_without_a_jump() -> None:
    def shape(width: float) -> np.ndarray:
        losses = _seen(ROW, width, "tilt").losses
        return np.asarray((losses - losses.min()) / np.ptp(losses))

    logs = log_heights(ROW[0].surface).losses
    np.testing.assert_allclose(shape(2.0), (logs - logs.min()) / np.ptp(logs), atol=1e-12)
    left = ROW[1].without("tilt").losses
    np.testing.assert_allclose(shape(0.2), (left - left.min()) / np.ptp(left), atol=1e-12)
    # Just above the second close-up the shares are its own, nearly.
    above, below = _seen(ROW, 0.2001, "tilt"), _seen(ROW, 0.2, "tilt")
    assert above.losses.max() == pytest.approx(1, abs=1e-3)
    unit = np.ptp(below.losses)
    spread = [np.abs(s.gradients).max() * w for s, w in ((above, 1.0), (below, 1 / unit))]
    assert spread[0] == pytest.approx(spread[1], rel=0.05)


@pytest.mark.parametrize("removing", ["nothing", "tilt", "quadratic"])
def test_what_is_removed_below_full_scale_is_chosen(removing: Any) -> None:
    seen = _seen(ROW, 0.02, removing)
    np.testing.assert_allclose(seen.losses, ROW[2].without(removing).losses, atol=1e-15)


def test_a_frame_says_how_close_it_is() -> None:
    assert _words(ROW[-1], 2.0) == "whole surface, 100 steps wide"
    assert _words(ROW[-1], 0.05) == "40 × closer, 2.5 steps wide"
    assert _words(ROW[-1], 0.02) == "100 × closer, one step wide"
    unknown = CloseUp(surface=ROW[-1].surface)
    assert _words(unknown, 0.02) == "whole surface"


def test_what_makes_no_film_is_refused(tmp_path: Path) -> None:
    for rows, more, message in (
        ([], {}, "needs at least one, got none"),
        ([ROW, series("gelu")[1:]], {}, "the same windows, widest first"),
        ([ROW], {"removing": "hills"}, "unknown what is removed 'hills'"),
        ([ROW], {"seconds": 0.0}, "seconds"),
    ):
        with pytest.raises(ValueError, match=message):
            viz.animate_zoom(rows, tmp_path / "a.mp4", **{**SMALL, **more})
    assert not list(tmp_path.iterdir())
