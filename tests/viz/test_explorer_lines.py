"""Lines between two points in the explorer's state: chosen, sampled, cancelled, kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from exploring import Analytic, Walk, bowl, stored

from landscape.viz.explorer.regions import rounded_point

A, B = (-0.5, 0.25), (0.75, 0.1)


@pytest.fixture
def place() -> Analytic:
    return Analytic(surface=stored())


@pytest.fixture
def walk(place: Analytic) -> Iterator[Walk]:
    walk = Walk(place, Analytic(name="other", surface=stored()))
    walk.explorer.open("bowl")
    walk.settle()
    yield walk
    place.go.set()
    walk.explorer.close()


def test_two_points_are_joined_by_a_line_of_201_points(walk: Walk, place: Analytic) -> None:
    walk.explorer.mark(A)
    assert (walk.moment.ends, walk.moment.line, place.lines) == ((A,), None, [])
    walk.explorer.mark(B)
    moment = walk.settle()
    assert place.lines == [(A, B, 201)]
    assert moment.line is not None
    shares = np.linspace(0, 1, 201)[:, None]
    expected = bowl((1 - shares) * np.array(A) + shares * np.array(B))
    np.testing.assert_allclose(moment.line.losses, expected, rtol=1e-15)
    assert (moment.ends, moment.line_fresh, moment.doing, moment.error) == ((A, B), True, "", "")
    assert moment.note == "sampled 201 points of the line in float64"
    # The surface is as it was.
    assert (moment.surface, moment.fresh, moment.before) == (place.surface, False, ())


def test_a_third_point_begins_the_next_line(walk: Walk) -> None:
    walk.explorer.draw_line(A, B)
    walk.settle()
    walk.explorer.mark((0.0, 0.0))
    moment = walk.moment
    assert (moment.ends, moment.line, moment.line_fresh) == (((0.0, 0.0),), None, False)


def test_the_coarse_part_is_there_before_the_whole(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.draw_line(A, B, points=401)
    moment = walk.step(lambda m: m.line)
    assert moment.line is not None
    done = np.flatnonzero(moment.line.status)
    assert (len(done), moment.done, moment.total) == (128, 128, 401)
    # Evenly spread, from one end to the other.
    assert np.diff(done).max() <= 4
    assert (done[0], done[-1]) == (0, 400)
    walk.explorer.keep_line()
    assert "wait until it is sampled" in walk.moment.error
    place.go.set()
    assert walk.settle().line_fresh


def test_cancelling_frees_the_sampler_and_leaves_the_points(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.draw_line(A, B, points=401)
    walk.step(lambda m: m.line)
    walk.explorer.cancel()
    moment = walk.settle()
    assert place.cancellations == 1
    assert (moment.doing, moment.line, moment.ends, moment.note) == ("", None, (A, B), "cancelled")


def test_dropping_a_line_stops_it_and_nothing_else(walk: Walk, place: Analytic) -> None:
    place.go.clear()
    walk.explorer.draw_line(A, B, points=401)
    walk.step(lambda m: m.line)
    walk.explorer.drop_line()
    assert (walk.moment.ends, walk.moment.line, walk.moment.doing) == ((), None, "")
    walk.settle()
    assert place.cancellations == 1
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5), points=41)
    walk.step(lambda m: m.done)
    walk.explorer.drop_line()
    assert walk.moment.doing == "sampling"
    place.go.set()
    assert walk.settle().surface.grid.shape == (41, 41)  # type: ignore[union-attr]


def test_an_unfinished_line_gives_way_to_a_window_and_a_finished_one_stays(
    walk: Walk, place: Analytic
) -> None:
    walk.explorer.draw_line(A, B)
    line = walk.settle().line
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    assert walk.settle().line is line
    place.go.clear()
    walk.explorer.draw_line(B, A, points=401)
    walk.step(lambda m: m.line)
    place.go.set()
    walk.explorer.zoom((0.0, 0.25), (0.0, 0.5))
    moment = walk.settle()
    assert (moment.line, moment.ends) == (None, (B, A))


def test_another_plane_has_no_line(walk: Walk) -> None:
    walk.explorer.draw_line(A, B)
    walk.settle()
    walk.explorer.open("other")
    moment = walk.settle()
    assert (moment.ends, moment.line) == ((), None)
    walk.explorer.draw_line(A, B)
    walk.settle()
    walk.explorer.make(kind="random", seed=1)
    moment = walk.settle()
    assert moment.place is not None
    assert (moment.place.name, moment.ends, moment.line) == ("random1", (), None)


def test_points_of_a_plane_that_is_not_there_yet_are_refused(walk: Walk) -> None:
    atlas: Any = walk.explorer.atlas
    slow = atlas.places["fresh"] = Analytic(name="fresh")
    slow.go.clear()
    walk.explorer.open("fresh")
    walk.step(lambda m: m.preview)
    walk.explorer.mark(A)
    assert walk.moment.error == "wait until the surface is sampled"
    walk.explorer.draw_line(A, B)
    assert walk.moment.error == "wait until the surface is sampled"
    assert walk.moment.ends == ()
    # A box is one of what is seen.
    walk.explorer.zoom((0.0, 0.5), (0.0, 0.5))
    slow.go.set()
    moment = walk.settle()
    assert moment.place is slow
    assert [grid.axes[0][0] for grid in slow.asked] == [-1.0, 0.0]


def test_no_ends_are_chosen_on_what_can_be_looked_at_only(walk: Walk, place: Analytic) -> None:
    place.live = False
    walk.explorer.mark(A)
    assert "can be looked at only" in walk.moment.error
    assert walk.moment.ends == ()


@pytest.mark.parametrize(
    ("first", "second", "points", "said"),
    [
        (A, A, 201, "needs two different points"),
        (A, (float("nan"), 0.0), 201, "must be finite"),
        (A, (float("inf"), 0.0), 201, "must be finite"),
        (A, B, 200, "a line has 201 to 10,001 points, got 200"),
        (A, B, 10**9, "a line has 201 to 10,001 points, got 1000000000"),
    ],
)
def test_impossible_lines_are_refused(
    walk: Walk, place: Analytic, first: Any, second: Any, points: int, said: str
) -> None:
    walk.explorer.draw_line(first, second, points=points)
    assert said in walk.moment.error
    assert (place.lines, walk.moment.ends) == ([], ())


def test_a_line_that_fails_shows_the_error(walk: Walk, place: Analytic) -> None:
    def broken(_coordinates: Any) -> Any:
        raise RuntimeError("out of memory")

    place.loss = broken
    walk.explorer.draw_line(A, B)
    moment = walk.settle()
    assert (moment.error, moment.line, moment.ends) == ("out of memory", None, (A, B))
    assert moment.surface is place.surface


def test_a_line_is_kept_once(walk: Walk, place: Analytic) -> None:
    walk.explorer.keep_line()
    assert "no line to keep yet" in walk.moment.error
    walk.explorer.draw_line(A, B)
    line = walk.settle().line
    walk.explorer.keep_line()
    assert walk.settle().note == "kept as kept1"
    assert place.kept == [line]
    walk.explorer.keep_line()
    assert walk.moment.error == "this line is in the study already"
    walk.settle()
    assert len(place.kept) == 1


def test_points_have_no_more_digits_than_the_window_needs() -> None:
    assert rounded_point((1 / 3, -2 / 3), stored()) == (0.3333, -0.6667)
