"""The explorer's state: what is asked of the sampler, and what is shown when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from exploring import Analytic, Walk, bowl, stored

from landscape import Grid, Projection, Surface
from landscape.records.surface import Status
from landscape.viz.explorer.regions import coarse_part, first_window, rounded_window


@pytest.fixture
def place() -> Analytic:
    return Analytic(surface=stored())


@pytest.fixture
def walk(place: Analytic) -> Iterator[Walk]:
    walk = Walk(place, Analytic(name="fresh"))
    walk.explorer.open("bowl")
    walk.settle()
    yield walk
    place.go.set()
    walk.explorer.close()


def test_a_stored_surface_is_shown_as_it_is(walk: Walk, place: Analytic) -> None:
    assert walk.moment.surface is place.surface
    assert (walk.moment.doing, walk.moment.fresh, place.asked) == ("", False, [])


def test_a_window_is_sampled_at_full_resolution_and_shown(walk: Walk, place: Analytic) -> None:
    walk.explorer.zoom((0.25, 0.5), (-0.125, 0.375), points=33)
    assert walk.moment.doing == "sampling"
    assert walk.moment.surface is place.surface
    moment = walk.settle()
    (grid,) = place.asked
    wanted = Grid.over((33, 33), ((0.25, 0.5), (-0.125, 0.375)))
    assert all((a == b).all() for a, b in zip(grid.axes, wanted.axes, strict=True))
    assert moment.surface is not None
    expected = bowl(wanted.coordinates(np.arange(wanted.size))).reshape(33, 33)
    assert (moment.surface.losses == expected).all()
    assert (moment.fresh, moment.doing, moment.preview, moment.error) == (True, "", None, "")


def test_a_coarse_part_is_shown_first_with_the_points_that_are_done(
    walk: Walk, place: Analytic
) -> None:
    place.go.clear()
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5), points=41)
    moment = walk.step(lambda m: m.preview)
    assert moment.shown is moment.preview
    assert moment.preview is not None
    assert moment.preview.complete
    assert moment.preview.grid.size < 41**2
    assert (moment.done, moment.total) == (128, 41**2)
    place.go.set()
    assert walk.settle().shown is walk.moment.surface


def test_cancelling_brings_back_what_was_shown(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5), points=41)
    walk.step(lambda m: m.preview)
    walk.explorer.cancel()
    assert walk.moment.shown is place.surface
    moment = walk.settle()
    assert place.cancellations == 1
    assert (moment.surface, moment.doing, moment.note) == (place.surface, "", "cancelled")


def test_the_next_window_overtakes_the_one_being_sampled(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5), points=41)
    walk.step(lambda m: m.done)
    place.go.set()
    walk.explorer.zoom((-0.5, 0.0), (0.0, 0.5), points=5)
    moment = walk.settle()
    assert moment.surface is not None
    assert moment.surface.grid.shape == (5, 5)
    # What was overtaken is never shown.
    assert all(m.surface is None or m.surface.grid.shape != (41, 41) for m in walk.moments)


def test_a_sampler_that_fails_shows_the_error_and_keeps_the_old_scene(
    walk: Walk, place: Analytic
) -> None:
    def broken(_coordinates: Any) -> Any:
        raise RuntimeError("the network\nran out of memory")

    place.loss = broken
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    moment = walk.settle()
    assert moment.error == "the network ran out of memory"
    assert (moment.surface, moment.doing, moment.fresh) == (place.surface, "", False)
    place.loss = bowl
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    assert (walk.settle().error, walk.moment.fresh) == ("", True)


@pytest.mark.parametrize(
    ("alpha", "points", "said"),
    [
        ((0.5, 0.0), 21, "must be finite and increasing, got 0.5 to 0.0"),
        ((0.0, float("nan")), 21, "must be finite and increasing"),
        ((0.0, 1.0), 2, "3 to 301 points each way, got 2"),
        ((0.0, 1.0), 100_000, "3 to 301 points each way, got 100000"),
    ],
)
def test_impossible_windows_are_refused(
    walk: Walk, place: Analytic, alpha: tuple[float, float], points: int, said: str
) -> None:
    walk.explorer.zoom(alpha, (0.0, 1.0), points=points)
    assert said in walk.moment.error
    assert place.asked == []


def test_back_and_the_whole(walk: Walk, place: Analytic) -> None:
    for end in (0.5, 0.25):
        walk.explorer.zoom((0.0, end), (0.0, end))
        walk.settle()
    first = walk.moment.before[1]
    walk.explorer.back()
    assert walk.moment.surface is first
    assert walk.moment.fresh
    walk.explorer.back()
    assert (walk.moment.surface, walk.moment.fresh) == (place.surface, False)
    walk.explorer.back()
    assert walk.moment.surface is place.surface
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    walk.settle()
    walk.explorer.home()
    assert (walk.moment.surface, walk.moment.before) == (place.surface, ())


def test_only_new_regions_are_kept_and_once(walk: Walk, place: Analytic) -> None:
    walk.explorer.keep()
    assert "in the study already" in walk.moment.error
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    walk.explorer.keep()
    assert "wait until a region is sampled" in walk.moment.error
    moment = walk.settle()
    walk.explorer.keep()
    assert walk.settle().note == "kept as kept1"
    assert place.kept == [moment.surface]
    walk.explorer.keep()
    walk.settle()
    assert len(place.kept) == 1


def test_a_new_plane_is_sampled_at_once(walk: Walk, place: Analytic) -> None:
    walk.explorer.make(kind="random", seed=7)
    # The old surface is never shown as one of the new plane.
    moment = walk.settle()
    assert all(m.surface is place.surface for m in walk.moments if m.place is place)
    assert moment.place is not None
    assert (moment.place.name, moment.fresh, moment.before) == ("random7", True, ())
    assert moment.surface is not None
    assert moment.surface.grid.shape == (21, 21)
    assert (moment.surface.alphas[0], moment.surface.betas[-1]) == (-1.0, 1.0)


def test_a_new_plane_whose_sampler_fails_leaves_the_old_one(walk: Walk, place: Analytic) -> None:
    def broken(_coordinates: Any) -> Any:
        raise ValueError("no data")

    atlas: Any = walk.explorer.atlas
    atlas.places["fresh"].loss = broken
    walk.explorer.open("fresh")
    moment = walk.settle()
    assert moment.error == "no data"
    assert (moment.place, moment.here, moment.shown) == (place, place, place.surface)


def test_what_cannot_be_opened_is_told(walk: Walk, place: Analytic) -> None:
    walk.explorer.open("nowhere")
    moment = walk.settle()
    assert "nowhere" in moment.error
    assert (moment.place, moment.surface) == (place, place.surface)


def test_closing_frees_the_sampler(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5), points=41)
    walk.step(lambda m: m.done)
    walk.explorer.close()
    walk.explorer._worker._pool.shutdown(wait=True)
    assert place.cancellations == 1


def test_the_coarse_part_is_the_finest_that_is_finished() -> None:
    grid = Grid.over((17, 9), ((-1.0, 1.0), (0.0, 1.0)))
    surface, sizes = Surface.empty(grid), []
    order = np.concatenate(grid.tiles())
    for index in order:
        surface = surface.with_points(np.array([index]), {"losses": np.ones(1)}, Status.EVALUATED)
        part = coarse_part(surface)
        if part is not None:
            assert part.complete
            assert set(part.alphas) <= set(grid.axes[0])
            sizes.append(part.grid.shape)
    assert sizes == sorted(sizes)
    assert list(dict.fromkeys(sizes))[-2:] == [(9, 5), (17, 9)]


def test_windows_have_no_more_digits_than_their_width_needs() -> None:
    (a0, a1), (b0, b1) = rounded_window((0.12345678, 3.0), (0.12345999, -1.0))
    assert (a0, a1) == (0.12345678, 0.12345999)
    assert (b0, b1) == (-1.0, 3.0)


def test_a_plane_of_paths_is_first_seen_around_them() -> None:
    def path(end: tuple[float, float], off: float) -> Projection:
        coordinates = np.array([end, (0.0, 0.0)])
        zeros = np.zeros(2)
        distances = np.array([np.hypot(np.hypot(*end), off), 0.0])
        return Projection(run="r", plane="p", steps=np.array([0, 1]), coordinates=coordinates,
                          off_plane_distances=np.array([off, 0.0]), distances=distances,
                          losses=zeros + 1, plane_losses=zeros + 1)  # fmt: skip

    seen = Analytic(paths=(path((4.0, -1.0), 0.0),))
    (a0, a1), (b0, b1) = first_window(seen)
    assert (a0, a1) == (-0.5, 4.5)
    assert b0 < -1.0
    assert b1 > 0.0
    # A shadow of a path that is far off the plane says nothing about where to look.
    assert first_window(Analytic(paths=(path((1e-3, 0.0), 10.0),))) == ((-1, 1), (-1, 1))
