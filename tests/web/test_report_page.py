"""A report in a browser without a network: nothing asked for, nothing cut, also in print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import open_page
from calling import accepted
from small_study import SMALL, load, run_study

from landscape.claims.effort import Effort
from landscape.study.configuration import DataConfig
from landscape.study.sweep import run_claims
from landscape.study.sweep_settings import ClaimsConfig

CLAIMS = ClaimsConfig(
    form="tiny",
    claims=(1, 4, 8, 9),
    seeds=(0, 1),
    data=(DataConfig(name="wine"),),
    networks=({"kind": "mlp", "hidden": [4]},),
    examples=40,
    effort=Effort(steps=6, rates=4, records=2, centres=3, batch_sizes=(0, 16)),
)
ONE_RUN = replace(SMALL, activations=("relu",), optimizers=("gd",))
# Of an A4 page with the style sheet's margins, in CSS pixels.
PAPER = 672
INSIDE = ("file:", "blob:", "data:", "about:")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a report of a study with claims and surfaces, and of one that has no claims."""
    folder = tmp_path_factory.mktemp("report")
    study = run_study(ONE_RUN, folder).path
    made = {"bare": folder / "bare.html", "claims": folder / "claims.html"}
    accepted("report", study, "--out", made["bare"])
    run_claims(CLAIMS, study, load_data=load)
    accepted("report", study, "--out", made["claims"])
    return made


@contextmanager
def shown(browser: Any, path: Path, width: int, **options: Any) -> Iterator[Any]:
    """Open a page; fail afterwards if it wrote to the console or asked for anything."""
    size = {"width": width, "height": 860}
    page, console, asked = open_page(browser, viewport=size, offline=True, **options), [], []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    # Scenes are loaded when they come into sight.
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(500)
    assert console == []
    assert [url for url in asked if not url.startswith(INSIDE)] == []
    page.context.close()


def beyond(page: Any, width: int) -> list[str]:
    """Return what ends to the right of a width, but for what scrolls by itself."""
    return page.evaluate(  # type: ignore[no-any-return]
        """width => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.scroll, .table, pre, thead') && e.getClientRects().length)
            .filter(e => e.getBoundingClientRect().right > width + 1)
            .map(e => e.tagName + ': ' + e.textContent.slice(0, 40))""",
        width,
    )


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", ["bare", "claims"])
def test_a_report_is_whole_at_every_width_and_asks_for_nothing(browser, reports, name, width):
    with shown(browser, reports[name], width) as page:
        assert page.locator("article.claim").count() == 10
        assert page.locator(".answer p").count() == {"bare": 3, "claims": 5}[name]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert beyond(page, width) == []
        pictures = page.evaluate(
            "[...document.images].map(i => [i.complete, i.naturalWidth, i.clientWidth])"
        )
        assert pictures
        assert all(loaded and natural and drawn for loaded, natural, drawn in pictures)


def test_a_claim_that_was_not_measured_names_its_command(browser, reports):
    with shown(browser, reports["claims"], 1400) as page:
        for number, told in ((2, "not measured"), (4, None)):
            part = page.locator(f"#claim-{number}")
            verdict = part.locator("dl .verdict").inner_text()
            assert (verdict == told) if told else (verdict != "not measured")
            assert f"--claim {number}" in part.locator("code").inner_text()
        assert "can fall below p = 0.5" in page.locator("#claim-4 dl").inner_text()


def test_tables_come_out_of_the_page_as_files(browser, reports, tmp_path):
    with shown(browser, reports["claims"], 1400, accept_downloads=True) as page:
        with page.expect_download() as waited:
            page.locator("#claim-4 a.csv").click()
        path = tmp_path / waited.value.suggested_filename
        waited.value.save_as(path)
    assert path.name == "claim-4.csv"
    assert path.read_text("utf-8").startswith('contrast,verdict,"median, interval",')


@pytest.mark.parametrize("name", ["bare", "claims"])
def test_nothing_is_cut_in_print(browser, reports, name):
    with shown(browser, reports[name], PAPER) as page:
        page.emulate_media(media="print")
        assert beyond(page, PAPER) == []
        cut = page.evaluate(
            """[...document.querySelectorAll('img, table, pre')]
                .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
                .map(e => e.tagName + ': ' + (e.alt || e.textContent).slice(0, 40))"""
        )
        assert cut == []
        # A page of A4 holds 261 mm between its margins: a figure that is higher would be cut.
        tallest = page.evaluate("Math.max(...[...document.images].map(i => i.clientHeight))")
        assert tallest < 261 / 25.4 * 96
        # Frames cannot be printed, and are not.
        assert page.evaluate(
            "[...document.querySelectorAll('iframe')].every(f => !f.getClientRects().length)"
        )
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_figures_stand_beside_each_other_in_print_and_fill_the_page(browser, reports):
    """Figures as high as a page, which are kept whole, left the page before them half empty."""
    with shown(browser, reports["claims"], PAPER) as page:
        page.emulate_media(media="print")
        places = page.evaluate(
            """[...document.querySelectorAll('#claim-1 figure')].map(f => {
                const box = f.getBoundingClientRect();
                return [box.left, box.right, box.height]; })"""
        )
        assert len(places) > 2
        columns = sorted({round(left) for left, *_ in places})
        assert len(columns) == 2
        assert all(right <= columns[1] for left, right, _ in places if round(left) == columns[0])
        # Less than half of the 261 mm of a page.
        assert max(height for *_, height in places) < 130 / 25.4 * 96


def test_scenes_turn_in_the_page_that_forbids_scripts(browser, reports):
    with shown(browser, reports["bare"], 1400) as page:
        frame = page.locator("iframe")
        assert frame.count() == 1
        frame.scroll_into_view_if_needed()
        inside = frame.element_handle().content_frame()
        inside.locator("canvas").first.wait_for()
        assert inside.evaluate("Boolean(window.lossoscope && !window.lossoscope.error)")
