"""The page marks the network's own weights where the other pictures do, and says their loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import at_rest, told_by, until
from making import make_path
from PIL import Image

from landscape import Grid, Panel, Surface, remove_quadratic, viz
from landscape.records.surface import Status
from landscape.viz.browser.html import page_of

NOTED = {"losses": 0.0114, "accuracies": 0.985}
CROSSES = "lossoscope.panels().map((panel) => panel.drawn.centre)"
SIZES = [(390, 780), (1400, 860)]


def bowl(grid: Grid | None = None, name: str = "mlp", **settings: Any) -> Surface:
    grid = grid or Grid.square(21)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    status = np.full(grid.shape, Status.EVALUATED, np.uint8)
    return Surface(grid, {"losses": 0.0114 + a**2 + b**2}, status, plane=name, run=name,
                   settings={"kind": "random", "centre": NOTED, **settings})  # fmt: skip


def path_to(end: tuple[float, float], name: str = "mlp") -> Any:
    way = np.linspace((-0.8, 0.6), end, 5)
    return replace(make_path(way, 0.0114 + np.sum(way**2, axis=1)), run=name, plane=name)


def centre_in(item: Any) -> Any:
    return told_by(page_of(item))["panels"][0]["centre"]


def said(page: Any) -> list[str]:
    """What is said of the network's own weights."""
    sentences = page.locator(".said span:visible").all_inner_texts()
    return [text.strip().removesuffix(".") for text in sentences if "own weights" in text]


def test_a_page_holds_what_is_known_of_the_centre() -> None:
    known = {"known": True, "loss": 0.0114, "accuracy": 0.985}
    assert centre_in(bowl()) == {"place": "cross", **known}
    assert centre_in(Panel(bowl(), paths=(path_to((0.0, 0.0)),))) == {"place": "path", **known}
    assert centre_in(Panel(bowl(), paths=(path_to((0.4, 0.0)),))) == {"place": "cross", **known}
    outside = bowl(Grid.rectangle((5, 5), (0.2, 1.0), (-1.0, 1.0)))
    assert centre_in(outside) == {"place": "outside", **known}


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_stays_out_of_json(loss: float) -> None:
    centre = centre_in(bowl(centre={"losses": loss}))
    assert centre == {"place": "cross", "known": True, "loss": None, "accuracy": None}


@pytest.mark.parametrize("settings", [{"kind": "segment"}, {"residual": True}])
def test_what_is_no_network_has_no_centre(settings: dict[str, Any]) -> None:
    assert centre_in(bowl(**settings)) is None
    assert centre_in(remove_quadratic(bowl())) is None


def test_a_path_along_one_axis_ends_at_the_centre_too() -> None:
    """Its plane has one direction; a page draws it at beta = 0."""
    along = path_to((0.0, 0.0))
    line = replace(along, coordinates=along.coordinates[:, :1])
    assert centre_in(Panel(bowl(), paths=(line,)))["place"] == "path"


def test_a_page_marks_no_solutions_and_so_the_centre_of_a_plane_through_some() -> None:
    points = [[0.0, 0.0], [1.0, 0.0], [0.3, 0.8]]
    assert centre_in(bowl(kind="through", points=points))["place"] == "cross"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_cross_is_at_the_centre_and_its_words_cover_nothing(
    opened: Callable[..., Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    grid = Grid.rectangle((21, 29), (-1.0, 1.0), (-0.4, 1.0))
    with opened(viz.to_html(bowl(grid), tmp_path / "page.html"), *size) as page:
        assert said(page) == ["Cross: the network's own weights, loss 0.0114"]
        words, stage = (page.locator(name).bounding_box() for name in (".said", ".stage"))
        assert words["y"] >= stage["y"] + stage["height"]
        assert words["x"] >= 0
        assert words["x"] + words["width"] <= size[0]
        assert words["height"] < 60
        marked = page.screenshot()
        page.locator("[data-layer=centre]").click()
        page.mouse.move(5, 5)
        at_rest(page)
        assert page.evaluate(CROSSES) == [0]
        assert said(page) == []
        assert page.locator(".stage").bounding_box() == stage
        x, y = page.evaluate("lossoscope.pixelOf(0, 10, 8)")
        one, other = (
            np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=int)
            for png in (marked, page.screenshot())
        )
        # Below the toggle, above the words.
        inside = slice(int(stage["y"]), int(stage["y"] + stage["height"]))
        differs = np.zeros(one.shape[:2], dtype=bool)
        differs[inside] = np.any(one != other, axis=2)[inside]
        rows, columns = np.nonzero(differs)
        assert 20 < len(rows) < 400
        assert np.mean([columns.min(), columns.max()]) == pytest.approx(x, abs=2)
        assert np.mean([rows.min(), rows.max()]) == pytest.approx(y, abs=8)
        assert np.ptp(columns) < 24


def test_an_end_of_a_path_is_the_mark_while_it_is_drawn(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    with opened(
        viz.to_html(Panel(bowl(), paths=(path_to((0.0, 0.0)),)), tmp_path / "page.html")
    ) as page:
        toggle = page.locator("[data-layer=centre]")
        assert page.evaluate(CROSSES) == [0]
        assert toggle.is_disabled()
        assert said(page) == ["The path ends at the network's own weights, loss 0.0114"]
        page.locator("[data-layer=paths]").click()
        assert page.evaluate(CROSSES)[0] > 0
        assert toggle.is_enabled()
        assert said(page) == ["Cross: the network's own weights, loss 0.0114"]
        page.keyboard.press("x")
        assert page.evaluate(CROSSES) == [0]
        assert said(page) == []


def test_panels_say_the_range_of_their_losses_and_each_its_own(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    other = bowl(name="cnn", centre={"losses": 0.05})
    old = replace(bowl(Grid.square(20), name="old"), settings={"kind": "random"})
    target = viz.to_html({"mlp": bowl(), "cnn": other, "old": old}, tmp_path / "page.html",
                         show=["mlp", "cnn", "old"])  # fmt: skip
    with opened(target) as page:
        assert min(page.evaluate(CROSSES)) > 0
        assert said(page) == ["Crosses: the networks' own weights, losses 0.0114 to 0.05"]
        page.get_by_role("button", name="Settings").click()
        notes = page.locator(".notes").all_inner_texts()
        assert notes[0].endswith("Own weights: loss 0.0114, accuracy 98.50%.")
        assert notes[1].endswith("Own weights: loss 0.05.")
        assert "Own" not in notes[2]
        for number in (0, 1):
            page.locator(".surfaces input").nth(number).uncheck()
        until(page, "lossoscope.panels().length === 1")
        assert said(page) == ["Cross: the network's own weights"]
        assert page.locator(".notes").nth(0).is_hidden()


def test_hovering_at_the_centre_tells_the_loss_there(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    """Between the points of a grid no sample has it."""
    surface = bowl(Grid.square(20))
    with opened(viz.to_html(surface, tmp_path / "page.html")) as page:
        near = page.evaluate("lossoscope.reading(0, 0.06, 0.06)")
        assert near["loss"] > 0.0114
        assert near["centre"]["loss"] == 0.0114
        assert page.evaluate("lossoscope.reading(0, 0.5, 0)")["centre"] is None
        page.evaluate("lossoscope.setCamera({elevation: 90, azimuth: -90})")
        at_rest(page)
        x, y = page.evaluate("lossoscope.pixelOf(0, 10, 10)")
        page.mouse.move(x + 40, y + 30)
        page.mouse.move(x, y)
        until(page, "document.querySelector('.reading').innerText.includes('own weights')")
        text = page.locator(".reading").inner_text()
        assert "own weights loss 0.0114, accuracy 98.50%" in text.replace("\n", " ")


def test_windows_of_the_microscope_have_no_cross(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    window = remove_quadratic(bowl(Grid.square(21, 0.05)))
    with opened(viz.to_html([bowl(), window], tmp_path / "page.html")) as page:
        assert page.evaluate(CROSSES)[0] > 0
        page.get_by_role("button", name="Settings").click()
        page.locator("#level").fill("1")
        until(page, "lossoscope.panels()[0].quantity === 'residual'")
        at_rest(page)
        assert page.evaluate(CROSSES) == [0]
        assert said(page) == []
        assert page.locator("[data-layer=centre]").is_disabled()


def test_a_saved_image_says_what_its_cross_is(opened: Callable[..., Any], tmp_path: Path) -> None:
    drawn = (
        "(() => { dispatchEvent(new Event('beforeprint'));"
        " const c = document.querySelector('.paper canvas');"
        " const top = 2 * (document.querySelector('.stage').clientHeight + 52);"
        " const words = c.getContext('2d').getImageData(0, top, c.width, c.height - top).data;"
        " return [c.height - top, words.filter((v, i) => i % 4 === 0 && v < 128).length]; })()"
    )
    with opened(viz.to_html(bowl(), tmp_path / "page.html"), 390, 780) as page:
        height, ink = page.evaluate(drawn)
        assert height % 36 == 0
        page.locator("[data-layer=centre]").click()
        at_rest(page)
        less, fewer = page.evaluate(drawn)
        assert height >= less > 0
        assert ink > 1.3 * fewer > 0
