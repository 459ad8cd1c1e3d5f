"""The picture in a real browser: turned, zoomed, of every size, on light and dark ground."""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any

import browsing
import numpy as np
import pytest
from PIL import Image
from serving import Served, Visit

pytest.importorskip("trame")

pytestmark = [
    pytest.mark.long,  # tests of the picture and its places in this process are the small form
    pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing()),
    pytest.mark.usefixtures("rendering"),
]


def test_the_picture_turns_and_looks_change_it(visit: Visit) -> None:
    view = visit.page.locator(".view")
    box = view.bounding_box()

    def seen() -> bytes:
        visit.drawn()
        visit.page.mouse.move(5, 5)
        return bytes(view.screenshot())

    def turn() -> None:
        visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + 400, box["y"] + 200, steps=4)
        visit.page.mouse.up()

    def zoom() -> None:
        visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
        visit.page.mouse.wheel(0, -200)

    visit.page.click("#view")
    first = before = seen()
    for act in (
        turn, zoom, lambda: view.press("ArrowUp"), lambda: visit.page.click("#view"),
        lambda: visit.page.select_option("#height", "linear"),
        lambda: visit.page.uncheck("#isolines"),
    ):  # fmt: skip
        act()
        after = seen()
        assert after != before
        before = after
    visit.page.select_option("#height", "log")
    visit.page.check("#isolines")
    view.evaluate("view => view.blur()")
    assert seen() == first
    assert visit.said == []


def test_browsers_of_other_sizes_have_pictures_of_their_own(
    visit: Visit, launch: Any, served: Served
) -> None:
    size = "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.view img'))"
    inside = "(v => [v.clientWidth, v.clientHeight])(document.querySelector('.view'))"
    visit.page.click("#view")
    visit.drawn()
    first = visit.page.locator(".view").screenshot()
    other = launch()
    second = Visit(other, served)
    second.page.set_viewport_size({"width": 700, "height": 900})
    for one in (second, visit):
        one.drawn()
        one.until(f"String({size}) === String({inside})")
    assert visit.page.locator(".view").screenshot() == first
    # Each turns its own, on its own ground, and both see what is drawn otherwise.
    theirs = second.page.locator(".view").screenshot()
    second.page.locator(".view").press("ArrowRight")
    second.page.select_option("#ground", "dark")
    second.drawn()
    visit.drawn()
    assert second.page.locator(".view").screenshot() != theirs
    assert visit.page.input_value("#ground") == "light"
    assert visit.page.locator(".view").screenshot() == first
    # Asked for anew, too.
    visit.page.locator(".view").press("+")
    visit.page.click("#view")
    visit.drawn()
    visit.page.locator(".view").evaluate("view => view.blur()")
    assert visit.page.locator(".view").screenshot() == first
    second.page.uncheck("#isolines")
    visit.until("!document.querySelector('#isolines').checked")
    visit.drawn()
    assert visit.page.locator(".view").screenshot() != first
    second.page.check("#isolines")
    visit.until("document.querySelector('#isolines').checked")
    visit.drawn()
    other.close()


@pytest.mark.parametrize("ratio", [2, 3])
def test_screens_of_small_pixels_get_as_many(launch: Any, served: Served, ratio: int) -> None:
    browser = launch()
    visit = Visit(browser, served, device_scale_factor=ratio)
    visit.page.click("#view")
    sides = """(i => i && [i.naturalWidth, i.naturalHeight, i.clientWidth, i.clientHeight])
               (document.querySelector('.view img'))"""
    # More than two to one are not seen.
    visit.until(f"(s => s && s[0] === 2 * s[2] && s[1] === 2 * s[3])({sides})")
    # On a large screen it takes no longer for that.
    visit.page.set_viewport_size({"width": 2400, "height": 1500})
    visit.until(f"(s => s[2] > 2000 && Math.abs(s[0] * s[1] - 4e6) < 4e4)({sides})")
    width, height, shown_width, shown_height = visit.page.evaluate(sides)
    assert width / height == pytest.approx(shown_width / shown_height, rel=2e-3)
    assert visit.said == []
    browser.close()


def test_clicks_are_where_they_are_seen_whatever_the_screen(launch: Any, served: Served) -> None:
    """The same place of the page is the same point of the surface, also after turning."""
    found = []
    for ratio in (1, 2):
        browser = launch()
        visit = Visit(browser, served, device_scale_factor=ratio)
        visit.go_home()
        visit.page.click("#view")
        visit.page.locator(".view").press("ArrowRight")
        visit.page.locator(".view").press("+")
        visit.page.check("#picking")
        visit.drawn()
        box = visit.page.locator(".view").bounding_box()
        visit.page.mouse.click(box["x"] + 0.42 * box["width"], box["y"] + 0.5 * box["height"])
        chosen = "JSON.parse(document.querySelector('#map').getAttribute('ends'))"
        visit.until(f"{chosen}.length === 1")
        mark = visit.page.locator(".map-mark:not([hidden])").bounding_box()
        frame = visit.page.locator(".map-frame").bounding_box()
        alpha, beta = visit.page.evaluate(chosen)[0]
        # The map, which draws vectors, shows half a cell more on each side of [-1, 1]^2.
        assert mark["x"] + mark["width"] / 2 == pytest.approx(
            frame["x"] + (alpha + 1.125) / 2.25 * frame["width"], abs=1.5
        )
        assert mark["y"] + mark["height"] / 2 == pytest.approx(
            frame["y"] + (1.125 - beta) / 2.25 * frame["height"], abs=1.5
        )
        found.append((alpha, beta))
        visit.page.click("#drop_line")
        visit.until(f"{chosen}.length === 0")
        visit.heard()
        browser.close()
    np.testing.assert_allclose(found[0], found[1], atol=0.02)


def test_a_dark_browser_gets_a_dark_picture(launch: Any, served: Served) -> None:
    def corner(page: Any) -> int:
        """Return how light the picture is below its upper left corner."""
        box = page.locator(".view").bounding_box()
        shot = page.screenshot(clip={"x": box["x"] + 4, "y": box["y"] + 4, "width": 8, "height": 8})
        return int(np.asarray(Image.open(BytesIO(shot)).convert("L")).mean())

    browser = launch()
    dark = Visit(browser, served, color_scheme="dark")
    dark.until("document.querySelector('#ground').value === 'dark'")
    dark.page.locator(".view.dark img").first.wait_for()
    deadline = time.monotonic() + 90
    while corner(dark.page) > 60:
        assert time.monotonic() < deadline, "the picture stays light"
        time.sleep(0.2)
    dark.page.select_option("#ground", "light")
    while corner(dark.page) < 200:
        assert time.monotonic() < deadline, "the picture stays dark"
        time.sleep(0.2)
    assert dark.said == []
    browser.close()


def test_fingers_turn_and_zoom(launch: Any, served: Served) -> None:
    browser = launch()
    visit = Visit(browser, served, has_touch=True)
    visit.page.set_viewport_size({"width": 390, "height": 780})
    visit.page.click("#view")
    view = visit.page.locator(".view")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = visit.page.context.new_cdp_session(visit.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x + dx, "y": y + dy, "id": k} for k, (dx, dy) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    visit.drawn()
    seen = [view.screenshot()]
    for before, after in (([(-30, 0), (30, 0)], [(-50, 0), (50, 0)]), ([(0, 0)], [(40, -20)])):
        touch("touchStart", *before)
        touch("touchMove", *after)
        touch("touchEnd")
        visit.drawn()
        seen.append(view.screenshot())
    assert len(set(seen)) == 3
    visit.page.click("#view")
    visit.drawn()
    assert view.screenshot() == seen[0]
    assert visit.said == []
    browser.close()
