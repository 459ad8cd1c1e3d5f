"""Kink curves, zoom levels, fields as colours, choosing surfaces, and how fast it turns."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import at_rest, until
from making import make_path
from PIL import Image

from landscape import Grid, Panel, Surface, remove_quadratic, viz
from landscape.records.kink_map import KinkMap
from landscape.records.residuals import Residual

ABOVE = "lossoscope.setCamera({elevation: 90, azimuth: -90})"


def crease_map(surface: Surface, jump: float) -> KinkMap:
    """Return the map of one straight crease, alpha + beta = 0, as a single segment."""
    cells = tuple(len(axis) - 1 for axis in surface.grid.axes)
    density = np.zeros(cells)
    density[3, 5] = 7.0
    one = np.zeros(1, np.int64)
    return KinkMap(
        segments=np.array([[-0.9, 0.9, 0.7, -0.7]]), jumps=np.array([jump]), layer=one,
        example=one, unit=one, knots=np.zeros(1), layers=("0:relu",), straight=(True,),
        alphas=surface.alphas, betas=surface.betas, density=density, signed_density=density,
        counts=density, examples=1, curves=1, found=1, settings={"run": surface.run},
    )  # fmt: skip


def window_of(surface: Surface, width: float) -> Residual:
    grid = Grid.square(21, width / 2)
    alphas, betas = np.meshgrid(*grid.axes, indexing="ij")
    losses = 0.05 + alphas**2 + 0.5 * (betas - 0.1) ** 2 + 0.4 * np.abs(alphas + betas)
    status = np.ones(grid.shape, np.uint8)
    return remove_quadratic(
        Surface(grid, {"losses": losses}, status, run=surface.run, settings={"kind": "random"})
    )


@pytest.fixture(scope="module")
def whole(records: dict[str, Any]) -> dict[str, Any]:
    kinked = records["relu-gd-seed0.random"].surface
    return {
        **records,
        "map": crease_map(kinked, 0.8),
        "wide": window_of(kinked, 0.2),
        "narrow": window_of(kinked, 0.01),
    }


@pytest.fixture
def page(opened: Callable[..., Any], whole: dict[str, Any], tmp_path: Path) -> Iterator[Any]:
    with opened(viz.to_html(whole, tmp_path / "whole.html")) as page:
        page.get_by_role("button", name="Settings").click()
        yield page


def test_kink_curves_are_drawn_where_there_is_a_map(page: Any) -> None:
    drawn = "lossoscope.panels().map((panel) => panel.drawn.kinks)"
    assert page.evaluate(drawn) == [1, 0]
    before = page.locator(".stage").screenshot()
    page.locator("[data-layer=kinks]").click()
    page.mouse.move(5, 5)
    at_rest(page)
    assert page.evaluate(drawn) == [0, 0]
    assert page.locator(".stage").screenshot() != before


def test_zoom_levels_show_what_is_left_of_the_loss(page: Any, whole: dict[str, Any]) -> None:
    for level, name in ((1, "wide"), (2, "narrow")):
        page.locator("#level").fill(str(level))
        residual = whole[name]
        # The arrays of a level come later than the wish for it.
        until(page, f"lossoscope.panels()[0].window[0][0] === {residual.grid.axes[0][0]}")
        panels = page.evaluate("lossoscope.panels()")
        assert [panel["quantity"] for panel in panels] == ["residual", "loss"]
        assert panels[0]["scale"]["kind"] == "linear"
        alpha, beta = float(residual.grid.axes[0][4]), float(residual.grid.axes[1][15])
        reading = page.evaluate(f"lossoscope.reading(0, {alpha}, {beta})")
        assert reading["loss"] == pytest.approx(residual.values[4, 15], rel=1e-5)
        total = 0.05 + alpha**2 + 0.5 * (beta - 0.1) ** 2 + 0.4 * abs(alpha + beta)
        assert reading["total"] == pytest.approx(total, rel=1e-6)
    page.locator("#level").fill("0")
    until(page, "lossoscope.panels()[0].quantity === 'loss'")


def test_the_microscope_has_a_diverging_map_and_words_of_its_own(
    opened: Callable[..., Any], whole: dict[str, Any], tmp_path: Path
) -> None:
    items = {"relu-gd-seed0.random": whole["relu-gd-seed0.random"], "wide": whole["wide"]}
    with opened(viz.to_html(items, tmp_path / "one.html")) as page:
        page.get_by_role("button", name="Settings").click()
        slider = page.get_by_role("slider", name="Microscope")
        assert slider.get_attribute("aria-valuetext") == "whole plane"
        assert page.locator(".path").count() == 1
        slider.fill("1")
        until(page, "lossoscope.panels()[0].quantity === 'residual'")
        at_rest(page)
        assert slider.get_attribute("aria-valuetext") == "0.2 wide"
        chosen = "(role) => document.querySelector(`[data-role=${role}]`).selectedOptions[0].text"
        assert page.evaluate(chosen, "colour") == "residual"
        assert page.evaluate(chosen, "map") == "blue to red"
        assert page.locator(".path").count() == 0
        assert page.evaluate("lossoscope.panels()[0].drawn.pieces") == 0
        legend = page.locator(".legendrow").inner_text()
        assert "loss minus its best-fitting quadratic" in legend
        # The middle of the bar is 0.
        middle = page.locator(".barticks span", has_text="0").filter(has_text=re.compile("^0$"))
        assert "left: 50%" in middle.get_attribute("style")
        share = whole["wide"].share
        said = page.locator(".said").inner_text()
        assert "Not hills of the loss" in said
        shown = re.search(r"relu-gd-seed0 ([\d.]+) %", said)
        assert shown is not None
        assert float(shown[1]) == pytest.approx(100 * share, rel=0.05)


@pytest.mark.parametrize("width", [390, 1400])
def test_labels_of_small_residuals_are_within_their_panel(
    opened: Callable[..., Any], whole: dict[str, Any], tmp_path: Path, width: int
) -> None:
    """A minus sign beyond the edge would turn a number into another."""
    smaller = {name: whole[name] for name in whole if name != "wide"}
    with opened(viz.to_html(smaller, tmp_path / "small.html"), width, 780) as page:
        page.get_by_role("button", name="Settings").click()
        page.locator("#level").fill("1")
        until(page, "lossoscope.panels()[0].quantity === 'residual'")
        page.get_by_role("button", name="Close settings").click()
        at_rest(page)
        cell = page.locator(".cell").first
        left, right = page.evaluate(
            "(r => [r.left, r.right])(document.querySelector('.cell').getBoundingClientRect())"
        )
        marks = cell.locator(".mark.height:not([hidden]), .mark.axis:not([hidden])").all()
        boxes = [mark.bounding_box() for mark in marks]
        assert len(boxes) >= 5
        assert all(left <= b["x"] and b["x"] + b["width"] <= right for b in boxes)
        names = cell.locator(".mark.axis:not([hidden])").all_inner_texts()
        assert names[-2:] == ["[10\u207b\u2074]", "residual"]
        texts = cell.locator(".mark.height:not([hidden])").all_inner_texts()
        assert len(texts) >= 2
        low, high = page.evaluate("(s => [s.low, s.high])(lossoscope.panels()[0].scale)")
        shown = [1e-4 * float(text.replace("\u2212", "-")) for text in texts]
        assert low <= min(shown) < max(shown) <= high


@pytest.mark.parametrize("name", ["accuracies", "slope", "curvature", "kinks", "gradient_alpha"])
def test_colours_follow_a_field_and_values_stay(page: Any, name: str) -> None:
    before = page.locator(".stage").screenshot()
    scale = page.evaluate("lossoscope.panels()[0].scale")
    page.locator("[data-role=colour]").select_option(name)
    page.mouse.move(5, 5)
    at_rest(page)
    assert page.locator(".stage").screenshot() != before
    assert page.evaluate("lossoscope.panels()[0].scale") == scale


def test_the_map_colours_the_cell_it_lies_in(page: Any) -> None:
    page.locator("[data-role=colour]").select_option("kinks")
    assert "kink density" in page.locator(".legend").inner_text()
    ticks = page.locator(".barticks span").all_inner_texts()
    assert ticks[0] == "0"
    assert float(ticks[-1]) <= 7.0


def test_surfaces_are_chosen_from_the_list(page: Any) -> None:
    boxes = page.locator(".surfaces input")
    boxes.nth(1).uncheck()
    until(page, "lossoscope.panels().length === 1")
    assert page.locator(".cell").count() == 1
    boxes.nth(0).click()
    # The last one stays.
    assert boxes.nth(0).is_checked()
    assert page.evaluate("[lossoscope.panels().length, lossoscope.state.shown.length]") == [1, 1]
    boxes.nth(1).check()
    until(page, "lossoscope.panels().length === 2")


def test_heights_are_exaggerated_without_changing_values(page: Any) -> None:
    reading = page.evaluate("lossoscope.reading(0, 0.5, 0.5)")
    rise = page.evaluate("lossoscope.panels()[0].drawn.rise")
    page.get_by_role("slider", name="Height").fill("2")
    assert page.evaluate("lossoscope.panels()[0].drawn.rise") == pytest.approx(2 * rise)
    assert page.evaluate("lossoscope.reading(0, 0.5, 0.5)") == reading


def test_stored_gradients_shade_and_facets_are_kept_for_kinks_without(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path
) -> None:
    faceted = "lossoscope.panels().map((panel) => panel.drawn.faceted)"
    bare = {}
    for name in ("relu-gd-seed0.random", "gelu-gd-seed0.random"):
        full = records[name].surface
        bare[name] = Surface(full.grid, {"losses": full.losses}, full.status, full.plane,
                             full.run, full.settings)  # fmt: skip
    for items, expected in ((records, [False, False]), (bare, [True, False])):
        target = viz.to_html(items, tmp_path / "page.html", kinked=["relu-gd-seed0"])
        with opened(target) as page:
            assert page.evaluate(faceted) == expected


@pytest.mark.parametrize("key", ["ArrowLeft", "ArrowUp", "+", "t"])
def test_keys_move_the_camera_and_zero_brings_it_back(page: Any, key: str) -> None:
    home = page.evaluate("lossoscope.camera()")
    page.locator("canvas").focus()
    page.keyboard.press(key)
    assert page.evaluate("lossoscope.camera()") != home
    page.keyboard.press("0")
    assert page.evaluate("lossoscope.camera()") == home


def test_two_fingers_zoom(opened: Callable[..., Any], page_file: Path) -> None:
    with opened(page_file, 390, 780, has_touch=True) as page:
        session = page.context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[int, int]) -> None:
            places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        zoom = page.evaluate("lossoscope.camera().zoom")
        touch("touchStart", (180, 260), (220, 260))
        touch("touchMove", (140, 260), (260, 260))
        touch("touchEnd")
        until(page, f"Math.abs(lossoscope.camera().zoom / {3 * zoom} - 1) < 0.1")


def test_a_turn_may_be_coarser_and_what_rests_is_whole(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    """How fast it turns is measured by ``benchmarks.viewing``; here, that nothing stays coarse."""
    surfaces = {}
    for name in ("one", "other"):
        grid = Grid.square(101)
        a, b = np.meshgrid(*grid.axes, indexing="ij")
        losses = 0.01 + a**2 + b**2 + 0.3 * np.abs(a + 0.2 * b)
        surfaces[name] = Surface(grid, {"losses": losses}, np.ones(grid.shape, np.uint8), run=name)
    turn = np.linspace(0, 6, 400)
    places = (0.9 * np.exp(-turn / 2) * np.array([np.cos(turn), np.sin(turn)])).T
    path = make_path(places, 1 + places[:, 0] ** 2)
    shown = {name: Panel(surface, paths=(path,)) for name, surface in surfaces.items()}
    pieces = "lossoscope.panels()[0].drawn.pieces"
    with opened(viz.to_html(shown, tmp_path / "large.html")) as page:
        assert page.evaluate(pieces) == 399
        coarse = page.evaluate(
            "new Promise((tell) => { lossoscope.coarsen(); requestAnimationFrame(() => "
            f"requestAnimationFrame(() => tell({pieces}))); }})"
        )
        assert 20 < coarse < 200
        until(page, f"{pieces} === 399")
        before = page.locator(".stage").screenshot()
        page.mouse.move(300, 400)
        page.mouse.down()
        for k in range(12):
            page.mouse.move(300 + 5 * k, 400)
        page.mouse.up()
        drawn = len(page.evaluate("lossoscope.frames()"))
        assert drawn > 3
        until(page, "lossoscope.detail().whole && lossoscope.detail().stride === 1")
        until(page, f"{pieces} === 399")
        assert page.locator(".stage").screenshot() != before


@pytest.mark.long
def test_what_is_printed_is_the_whole_picture(opened: Callable[..., Any], page_file: Path) -> None:
    """On paper all panels are beside each other as on the screen, whatever the window's size."""
    with opened(page_file, 1400, 860) as page:
        stage = page.locator(".stage").bounding_box()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 900})
        drawn = page.locator(".paper canvas")
        box = drawn.bounding_box()
        assert page.locator(".stage").is_hidden()
        assert page.locator(".tools").is_hidden()
        assert page.locator(".steps").is_visible()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 700
        sides = drawn.evaluate("canvas => [canvas.width, canvas.height]")
        assert sides[0] == 2 * stage["width"]
        assert box["height"] / box["width"] == pytest.approx(sides[1] / sides[0], rel=0.01)
        # Something is drawn in both halves.
        content = drawn.evaluate("canvas => canvas.toDataURL().split(',')[1]")
        pixels = np.asarray(Image.open(BytesIO(base64.b64decode(content))).convert("RGB"))
        for half in np.array_split(pixels, 2, axis=1):
            assert len(np.unique(half.reshape(-1, 3), axis=0)) > 100
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 1400, "height": 860})
        page.locator(".stage").wait_for()
        at_rest(page)
        assert drawn.is_hidden()
        assert page.locator(".stage").bounding_box() == stage
