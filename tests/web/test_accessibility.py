"""The page without a pointer, without sight of the picture, on a phone, and by the rules of axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import at_rest, contrast, until

from landscape import Panel, viz

TARGET = 44
STATES = ["open", "settings", "help", "kept"]


def pinned(page: Any) -> Any:
    return page.evaluate("(({pin}) => pin && [pin.alpha, pin.beta])(lossoscope.state)")


@pytest.fixture
def page(opened: Callable[..., Any], page_file: Path) -> Iterator[Any]:
    with opened(page_file) as page:
        yield page


@pytest.fixture(scope="module")
def eight_file(records: dict[str, Panel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    panel = records["relu-gd-seed0.random"]
    items = {f"run{k}": replace(panel, title=f"Run {k}") for k in range(8)}
    target = tmp_path_factory.mktemp("eight") / "eight.html"
    return viz.to_html(items, target, show=list(items))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 780), (1400, 860)], ids=str)
def test_no_rule_of_accessibility_is_broken(
    opened: Callable[..., Any],
    violations: Callable[..., Any],
    page_file: Path,
    size: tuple[int, int],
    scheme: str,
    state: str,
) -> None:
    with opened(page_file, *size, color_scheme=scheme) as page:
        if state == "kept":
            page.keyboard.press("Enter")
        elif state != "open":
            name = "Help" if state == "help" else "Settings"
            page.get_by_role("button", name=name, exact=True).click()
        at_rest(page)
        assert violations(page) == []


def test_the_page_that_teaches_breaks_none_either(
    opened: Callable[..., Any], violations: Callable[..., Any], tmp_path: Path
) -> None:
    with opened(viz.toy_html(tmp_path / "toy.html"), 390, 780) as page:
        assert violations(page) == []


@pytest.mark.parametrize("size", [(390, 780), (1400, 860)], ids=str)
def test_what_is_pressed_is_large_enough(
    opened: Callable[..., Any], page_file: Path, size: tuple[int, int]
) -> None:
    with opened(page_file, *size) as page:
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Settings", exact=True).click()
        pressed = "button, select, input[type=range], input[type=search], .surfaces label"
        boxes = page.evaluate(
            f"[...document.querySelectorAll('{pressed}')].map((e) => e.getBoundingClientRect())"
            ".filter(({ width }) => width).map(({ width, height }) => [width, height])"
        )
        assert len(boxes) > 20
        assert min(height for _, height in boxes) >= TARGET
        assert min(width for width, _ in boxes) >= TARGET


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_numbers_and_words_stand_out(
    opened: Callable[..., Any], page_file: Path, scheme: str
) -> None:
    """Over the picture axe-core cannot tell."""
    with opened(page_file, color_scheme=scheme) as page:
        page.mouse.move(*page.evaluate("lossoscope.pixelOf(0, 20, 16)"))
        until(page, "document.querySelector('.reading:not([hidden])')")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector in (".cell h2", ".mark", ".reading.other i", ".said span", ".toggle"):
            colours = page.evaluate(
                f"[...document.querySelectorAll('{selector}:not(:disabled)')]"
                ".map((element) => getComputedStyle(element).color)"
            )
            assert min(contrast(colour, paper) for colour in colours) >= 4.5, selector


def test_escape_closes_what_is_open_one_after_the_other(page: Any) -> None:
    page.keyboard.press("Enter")
    assert pinned(page) is not None
    page.get_by_role("button", name="Settings", exact=True).click()
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    assert page.locator(".drawer").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".drawer").is_hidden()
    assert page.evaluate("document.activeElement.dataset.role") == "settings"
    assert pinned(page) is not None
    page.keyboard.press("Escape")
    assert pinned(page) is None


def test_a_point_is_kept_and_moved_without_a_pointer(page: Any, records: dict[str, Panel]) -> None:
    surface = records["relu-gd-seed0.random"].surface
    page.keyboard.press("Enter")
    assert pinned(page) == pytest.approx([surface.alphas[20], surface.betas[16]])
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert pinned(page) == pytest.approx([surface.alphas[21], surface.betas[17]])
    loss = float(page.locator(".probe tbody tr").first.get_attribute("data-loss"))
    assert loss == pytest.approx(surface.losses[21, 17], rel=1e-6)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("button", name="Keep a point").click()
    assert pinned(page) == pytest.approx([surface.alphas[20], surface.betas[16]])


def test_letters_can_be_switched_off_and_arrows_go_on(page: Any) -> None:
    page.keyboard.press("?")
    page.get_by_label("Letters, digits and signs are shortcuts").uncheck()
    page.keyboard.press("Escape")
    camera = page.evaluate("lossoscope.camera()")
    for key in ("s", "t", "l", "+", "?", " "):
        page.keyboard.press(key)
    assert page.evaluate("lossoscope.state.show.surface")
    assert page.evaluate("lossoscope.state.height") == "log"
    assert page.evaluate("lossoscope.camera()") == camera
    assert page.locator("dialog").is_hidden()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("lossoscope.camera().azimuth") == camera["azimuth"] + 5


def test_the_canvas_says_what_is_shown(page: Any) -> None:
    canvas = page.locator(".stage canvas")
    assert canvas.get_attribute("aria-label") == "Surfaces of relu-gd-seed0 and gelu-gd-seed0"

    def told() -> str:
        at_rest(page)
        return str(page.evaluate("document.getElementById('shown').textContent"))

    assert "Coloured by loss, seen from 40 degrees above the plane" in told()
    assert "Paths at step 300." in told()
    page.locator(".scrubber").fill("3")
    page.keyboard.press("t")
    page.locator("canvas").focus()
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    assert "seen from above" in told()
    assert "Paths at step 30. A point is kept at" in told()
    page.locator("[data-layer=paths]").click()
    assert "Paths" not in told()


@pytest.mark.parametrize("size", [(390, 780), (1400, 860)], ids=str)
def test_every_number_of_eight_panels_is_read(
    opened: Callable[..., Any], eight_file: Path, size: tuple[int, int]
) -> None:
    """Rows of the table lay below its rim, and what the pointer tells lay over the panels."""
    with opened(eight_file, *size) as page:
        page.keyboard.press("Enter")
        at_rest(page)
        for rows in (page.locator(".path"), page.locator(".probe tbody tr")):
            assert rows.count() == 8
            home = page.locator("footer").bounding_box()
            for box in (row.bounding_box() for row in rows.all()):
                assert box["y"] + box["height"] <= home["y"] + home["height"]
                assert box["x"] + box["width"] <= size[0] or rows != page.locator(".path")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        cells = [cell.bounding_box() for cell in page.locator(".cell").all()]
        assert min(cell["height"] for cell in cells) >= 150
        assert min(cell["width"] for cell in cells) >= 190
        page.mouse.wheel(0, -5000)
        x, y = page.evaluate("lossoscope.pixelOf(1, 20, 16)")
        page.mouse.move(x, y)
        until(page, "document.querySelectorAll('.reading:not([hidden])').length === 8")
        readings = [reading.bounding_box() for reading in page.locator(".reading").all()]
        assert max(box["height"] for box in readings) < 50
