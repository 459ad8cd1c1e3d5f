"""What was drawn on one surface is not taken on another that arrived meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import browsing
import pytest
from exploring import Analytic, Walk, stored
from serving import Visit

from landscape.viz.explorer.controls import LATE, Page

trame = pytest.importorskip("trame.app")
_names = itertools.count()
WISH = (240, 160, 1, 0, 0, 1, 0, 0, "light", False)


class Seen:
    """A page without a browser, over two planes."""

    def __init__(self) -> None:
        server = trame.get_server(f"late-{next(_names)}", client_type="vue3")
        self.page, self.state = Page(server), server.state
        self.place = Analytic(surface=stored())
        other = Analytic(name="other", surface=stored())
        self.walk = Walk(self.place, other, changed=self.page.refresh)
        self.page.wire(self.walk.explorer)
        self._call = server.controller.trigger_fn
        self.walk.explorer.open("bowl")
        self.walk.settle()

    def send(self, name: str, *sent: Any) -> Any:
        return self._call(name)(*sent)

    def click(self, picture: int) -> None:
        self.send("point", picture, 0.42, 0.5, *WISH)

    @property
    def note(self) -> str:
        return str(self.walk.moment.note)


@pytest.fixture
def seen(rendering: None) -> Iterator[Seen]:
    seen = Seen()
    yield seen
    seen.walk.explorer.close()
    seen.page.close()


def test_a_box_and_a_click_on_the_plane_before_are_ignored_with_a_word(seen: Seen) -> None:
    before = seen.state.picture
    seen.walk.explorer.open("other")
    seen.walk.settle()
    for call in (
        lambda: seen.send("zoom_to", before, -0.5, 0.5, -0.5, 0.5),
        lambda: seen.send("pick", before, [[0.1, 0.2]]),
        lambda: seen.click(before),
    ):
        seen.walk.explorer.say("")
        call()
        moment = seen.walk.settle()
        assert moment.note == LATE
        assert seen.state.note == LATE
        assert (moment.ends, moment.doing, seen.place.asked) == ((), "", [])
    seen.send("pick", seen.state.picture, [[0.1, 0.2]])
    assert seen.walk.moment.ends == ((0.1, 0.2),)


def test_a_box_on_the_window_before_is_ignored_too(seen: Seen) -> None:
    before = seen.state.picture
    seen.send("zoom_to", before, -0.5, 0.5, -0.5, 0.5)
    seen.walk.settle()
    assert len(seen.place.asked) == 1
    seen.send("zoom_to", before, 0.1, 0.2, 0.1, 0.2)
    assert len(seen.place.asked) == 1
    assert seen.note == LATE
    seen.send("zoom_to", seen.state.picture, 0.1, 0.2, 0.1, 0.2)
    seen.walk.settle()
    assert len(seen.place.asked) == 2


def test_a_box_on_a_coarse_part_is_taken_when_a_finer_one_has_come(seen: Seen) -> None:
    walk = seen.walk
    seen.place.go.clear()
    walk.explorer.zoom((-0.5, 0.5), (-0.5, 0.5), points=201)
    walk.step(lambda moment: moment.preview is not None)
    on_coarse = seen.state.picture
    seen.place.go.set()
    walk.settle()
    assert walk.moment.surface is not None
    assert walk.moment.surface.grid.shape == (201, 201)
    assert seen.state.picture > on_coarse
    # A place of the picture is another point on the finer surface.
    seen.click(on_coarse)
    assert seen.note == LATE
    seen.send("zoom_to", on_coarse, -0.1, 0.1, -0.1, 0.1)
    walk.settle()
    assert len(seen.place.asked) == 2


def test_a_click_is_taken_on_the_picture_as_it_was_seen(seen: Seen) -> None:
    """Turned, and before its latest marks; not on heights that were drawn otherwise."""
    first = seen.state.picture
    seen.click(first)
    (plain,) = seen.walk.moment.ends
    seen.send("drop_line")
    assert seen.state.picture > first
    turned = (240, 160, 1, 40, 0, 1, 0, 0, "dark", False)
    seen.send("point", first, 0.42, 0.5, *turned)
    (other,) = seen.walk.moment.ends
    assert other != plain
    seen.send("drop_line")
    seen.click(first)
    assert seen.walk.moment.ends == (plain,)
    seen.state.exaggeration = 2.0
    seen.page._look_changed()
    seen.click(first)
    assert seen.note == LATE


def test_nothing_is_taken_from_a_picture_before_one_that_cannot_be_drawn(seen: Seen) -> None:
    seen.place.loss = lambda coordinates: 0 * coordinates[:, 0] + float("nan")
    seen.walk.explorer.zoom((-0.5, 0.5), (-0.5, 0.5))
    seen.walk.settle()
    assert "no finite value" in seen.state.error
    seen.send("zoom_to", seen.state.picture, -0.1, 0.1, -0.1, 0.1)
    assert seen.note == LATE
    assert seen.send("picture", *WISH)[1]


@pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing())
def test_a_box_belongs_to_what_a_browser_showed_when_it_was_begun(visit: Visit) -> None:
    box = visit.page.locator(".map-frame").bounding_box()
    narrow = "document.querySelector('#map').getAttribute('window') === '-0.5 0.5 -0.5 0.5'"

    def place(u: float, v: float) -> tuple[float, float]:
        return box["x"] + u * box["width"], box["y"] + v * box["height"]

    visit.page.mouse.move(*place(0.3, 0.3))
    visit.page.mouse.down()
    visit.page.mouse.move(*place(0.5, 0.5), steps=3)
    # Not by the mouse, which is down.
    visit.page.evaluate("trame.trigger('zoom', ['-0.5', '0.5', '-0.5', '0.5', '9'])")
    visit.until(narrow)
    visit.idle("sampled 81 points")
    visit.page.mouse.move(*place(0.7, 0.7), steps=3)
    visit.page.mouse.up()
    visit.idle(LATE)
    assert visit.window() == [-0.5, 0.5, -0.5, 0.5]
    # The same box once more is of what is seen.
    visit.drag((0.3, 0.3), (0.7, 0.7))
    visit.idle("sampled 81 points")
    assert 0.2 < visit.window()[1] < 0.3
    assert visit.said == []
