"""The slider that opens a page: what it draws at a width, and how it is moved."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import at_rest, contrast, told_by, unpacked, until
from close_ups import WIDTHS, series

from landscape import viz
from landscape.records.close_up import CloseUp
from landscape.viz.browser.html import page_of
from landscape.viz.closeups.blocks import RISE, Block
from landscape.viz.films.zoom import _seen

CALM = {"reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def pair() -> list[list[CloseUp]]:
    return [series("relu", 0.006), series("gelu")]


@pytest.fixture(scope="module")
def zoom_file(
    pair: list[list[CloseUp]], records: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return viz.to_html(records, tmp_path_factory.mktemp("zoom") / "zoom.html", zoom=pair)


@pytest.fixture(scope="module")
def alone_file(pair: list[list[CloseUp]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return viz.to_html({}, tmp_path_factory.mktemp("zoom") / "alone.html", zoom=pair)


def go(page: Any, share: float) -> None:
    page.evaluate(f"lossoscope.zoom.go({share})")
    at_rest(page)


def pixels(page: Any, number: int) -> np.ndarray:
    """The brightness of one network's part of the picture, [height, width]."""
    from matplotlib.image import imread

    image = imread(io.BytesIO(page.locator(".block").nth(number).screenshot()), format="png")
    return np.asarray(image, np.float64)[..., :3].mean(axis=-1)


def sharpest(picture: np.ndarray) -> float:
    """The largest change between neighbours but one, in the middle where only clay is."""
    height, width = picture.shape
    middle = picture[int(0.5 * height) : int(0.56 * height), int(0.55 * width) : int(0.67 * width)]
    return float(np.abs(middle[:, 2:] - middle[:, :-2]).max())


def test_packed_windows_come_back(pair: list[list[CloseUp]]) -> None:
    page = page_of({}, zoom=pair)
    zoom = told_by(page)["zoom"]
    assert zoom["widths"] == pytest.approx(WIDTHS)
    assert [network["colour"] for network in zoom["networks"]] == ["#b84a00", "#1f6fa8"]
    for closeups, network in zip(pair, zoom["networks"], strict=True):
        for k, (closeup, window) in enumerate(zip(closeups, network["windows"], strict=True)):
            (text,) = re.findall(rf'id="lossoscope-blob-{window["blob"]}">([^<]*)<', page)
            arrays = {n: unpacked(text, window[n]) for n in ("places", "losses", "gradients",
                                                             "triangles")}  # fmt: skip
            surface = closeup.without("tilt" if k else "nothing")
            half = closeup.width / 2
            np.testing.assert_array_equal(arrays["triangles"], surface.triangles)
            np.testing.assert_allclose(arrays["places"] * half, surface.coordinates, atol=1e-7)
            np.testing.assert_allclose(arrays["losses"], surface.losses, rtol=1e-6, atol=1e-12)
            scale = np.abs(surface.gradients).max()
            np.testing.assert_allclose(
                arrays["gradients"] / half, surface.gradients, rtol=1e-3, atol=1e-6 * scale
            )


def test_the_sentence_says_what_the_heights_are(pair: list[list[CloseUp]]) -> None:
    zoom = told_by(page_of({}, zoom=pair))["zoom"]
    assert zoom["heading"] == "Two networks, one loss. Zoom in."
    for part in ("cross entropy over 1,797 examples", "one random plane",
                 "two differently trained networks", "logarithmic for the whole surface",
                 "without their tilt closer in", "scaled anew"):  # fmt: skip
        assert part in zoom["sentence"]
    alone = told_by(page_of({}, zoom=pair[:1]))["zoom"]
    assert alone["heading"] == "One network. Zoom in."
    assert "differently" not in alone["sentence"]


@pytest.mark.parametrize(
    ("zoom", "message"),
    [
        ([series("relu")] * 5, "at most 4 networks, got 5"),
        ([series("relu")[:1]], "at least 2 windows"),
        ([series("relu"), series("gelu")[1:]], "same windows"),
        ([[]], "at least one"),
    ],
)
def test_what_cannot_be_zoomed_is_refused(zoom: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        page_of({}, zoom=zoom)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.45, 0.5, 0.8, 1.0])
def test_the_page_draws_what_the_film_draws(
    opened: Callable[..., Any], alone_file: Path, pair: list[list[CloseUp]], share: float
) -> None:
    """Means over the window do not depend on how cut triangles are split."""
    width = WIDTHS[0] * (WIDTHS[-1] / WIDTHS[0]) ** share
    with opened(alone_file, 700, 500, **CALM) as page:
        go(page, share)
        for number, closeups in enumerate(pair):
            drawn = page.evaluate(f"lossoscope.zoom.drawn({number})")
            points = np.reshape(drawn["points"], (-1, 3))
            slopes = np.reshape(drawn["slopes"], (-1, 2))
            triangles = np.reshape(drawn["triangles"], (-1, 3))
            block = Block.of(_seen(closeups, width, "tilt"))
            inclined = -block.normals[:, :2] / block.normals[:, 2:] / RISE
            expected = means(block.points / [1, 1, RISE], inclined, block.triangles)
            np.testing.assert_allclose(means(points, slopes, triangles), expected, atol=5e-3)
            assert (points.min(), np.ptp(points[:, 2])) == pytest.approx((-1, 1), abs=1e-6)


def means(points: np.ndarray, slopes: np.ndarray, triangles: np.ndarray) -> list[float]:
    """Area of a mesh, and means over it of height, its square, and what the slopes are."""
    corners = points[triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    height, slope = corners[..., 2].mean(axis=1), slopes[triangles].mean(axis=1)
    values = [height, slope[:, 0], slope[:, 1], np.abs(slope[:, 0])]
    return [float(area.sum()), *(float(value @ area) for value in values)]


def test_the_crease_is_seen_at_one_step_and_on_one_network(
    opened: Callable[..., Any], alone_file: Path
) -> None:
    with opened(alone_file, **CALM) as page:
        whole = [pixels(page, number) for number in range(2)]
        go(page, 1)
        near = [pixels(page, number) for number in range(2)]
    assert np.abs(near[0] - whole[0]).max() > 0.2
    sharp = [sharpest(picture) for picture in (*whole, *near)]
    assert sharp[2] > 0.08, sharp
    assert max(sharp[0], sharp[1], sharp[3]) < 0.03, sharp


def test_the_page_opens_on_the_slider_and_goes_on_below(
    opened: Callable[..., Any], zoom_file: Path
) -> None:
    with opened(zoom_file, **CALM) as page:
        assert page.evaluate("document.querySelector('h1').textContent").endswith("Zoom in.")
        assert page.locator(".zoom").bounding_box() == {"x": 0, "y": 0, "width": 1400,
                                                         "height": 860}  # fmt: skip
        assert page.get_by_role("slider", name="Zoom").get_attribute("aria-valuetext") == (
            "whole surface, 100 steps wide")  # fmt: skip
        page.get_by_role("link", name="All surfaces").click()
        until(page, "Math.abs(document.querySelector('.app').getBoundingClientRect().top) < 2")
        at_rest(page)
        x, y = page.evaluate("lossoscope.pixelOf(0, 20, 16)")
        page.mouse.move(x, y)
        until(page, "!document.querySelector('.cell .reading').hidden")


def test_a_page_of_close_ups_alone_has_no_surfaces(
    opened: Callable[..., Any], alone_file: Path
) -> None:
    with opened(alone_file, 390, 780, **CALM) as page:
        assert page.locator(".app, .onwards").count() == 0
        assert page.locator("main").count() == 1
        upper, lower = (page.locator(".block").nth(k).bounding_box() for k in range(2))
        assert lower["y"] >= upper["y"] + upper["height"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_keyboard_zooms_and_turns(opened: Callable[..., Any], zoom_file: Path) -> None:
    with opened(zoom_file, **CALM) as page:
        page.keyboard.press("Tab")
        below = page.evaluate("lossoscope.camera()")
        before = page.evaluate("lossoscope.zoom.camera()")
        assert page.evaluate("document.activeElement.tagName") == "CANVAS"
        page.keyboard.press("ArrowRight")
        assert page.evaluate("lossoscope.zoom.camera()")["azimuth"] == before["azimuth"] + 5
        slider = page.get_by_role("slider", name="Zoom")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("lossoscope.zoom.share()") == pytest.approx(0.02)
        page.keyboard.press("ArrowDown")
        assert page.evaluate("lossoscope.zoom.share()") == 0
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext") == "100 ×: one step"
        assert page.locator(".zoombar output").inner_text() == "100 ×: one step"
        assert "1 crease" in page.locator(".zoom canvas").get_attribute("aria-label")
        assert page.evaluate("lossoscope.camera()") == below
        at_rest(page)


def test_dragging_turns_all_networks(opened: Callable[..., Any], alone_file: Path) -> None:
    with opened(alone_file, **CALM) as page:
        pictures = [pixels(page, number) for number in range(2)]
        page.mouse.move(350, 400)
        page.mouse.down()
        page.mouse.move(450, 420, steps=3)
        page.mouse.up()
        at_rest(page)
        turned = page.evaluate("lossoscope.zoom.camera()")
        assert (turned["azimuth"], turned["elevation"]) == pytest.approx((-98, 40))
        for number, picture in enumerate(pictures):
            assert np.abs(pixels(page, number) - picture).max() > 0.2


def test_it_glides_down_once_and_stops_there(opened: Callable[..., Any], alone_file: Path) -> None:
    with opened(alone_file, 700, 500) as page:
        until(page, "lossoscope.zoom.share() === 1 && !lossoscope.zoom.gliding()")
        assert page.get_by_role("button", name="Play").is_visible()


@pytest.mark.parametrize("touch", ["pointer", "Escape"])
def test_a_touch_stops_the_glide(opened: Callable[..., Any], alone_file: Path, touch: str) -> None:
    with opened(alone_file, 700, 500, **CALM) as page:
        page.get_by_role("button", name="Play").click()
        until(page, "lossoscope.zoom.share() > 0")
        if touch == "pointer":
            page.mouse.click(200, 200)
        else:
            page.keyboard.press("Escape")
        assert not page.evaluate("lossoscope.zoom.gliding()")
        assert 0 < page.evaluate("lossoscope.zoom.share()") < 1
        at_rest(page)


def test_nothing_moves_by_itself_where_motion_is_not_wanted(
    opened: Callable[..., Any], alone_file: Path
) -> None:
    with opened(alone_file, 700, 500, **CALM) as page:
        page.wait_for_timeout(1600)
        assert page.evaluate("lossoscope.zoom.share()") == 0
        assert not page.evaluate("lossoscope.zoom.gliding()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_can_be_read_and_controls_be_hit(
    opened: Callable[..., Any], tmp_path: Path, records: dict[str, Any], scheme: str
) -> None:
    rows = [series(name) for name in ("leaky_relu_0.1", "smelu", "prelu", "silu")]
    file = viz.to_html(records, tmp_path / "four.html", zoom=rows)
    with opened(file, color_scheme=scheme, **CALM) as page:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector in (".block h2", ".zoom p", ".zoom a", ".zoombar output", ".zoombar button"):
            each = f"[...document.querySelectorAll('{selector}')]"
            colours = page.evaluate(f"{each}.map((element) => getComputedStyle(element).color)")
            assert min(contrast(colour, paper) for colour in colours) >= 4.5
        for selector in (".zoombar input", ".zoombar button", ".zoom a"):
            assert page.locator(selector).bounding_box()["height"] >= 44


@pytest.mark.parametrize("size", [(390, 780), (1400, 860), (2560, 1300)], ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slider_breaks_no_rule_of_accessibility(
    opened: Callable[..., Any],
    violations: Callable[..., Any],
    zoom_file: Path,
    size: tuple[int, int],
    scheme: str,
) -> None:
    with opened(zoom_file, *size, color_scheme=scheme, **CALM) as page:
        assert violations(page) == []
        go(page, 1)
        assert violations(page) == []
