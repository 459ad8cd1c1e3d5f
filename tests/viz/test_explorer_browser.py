"""The explorer in a real browser: a box is sampled anew, and equals ``landscape sample``."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from calling import accepted
from serving import PLACE, Served, Visit, cpu_share

from landscape import open_study
from landscape.viz.explorer.server import BACK

pytest.importorskip("trame")

pytestmark = [
    pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing()),
    pytest.mark.usefixtures("rendering"),
]


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=browsing.PATIENCE / 1000) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_without_the_token_nothing_is_served(served: Served) -> None:
    study = served.study.name
    paths = ("", "index.html", "vue.global.js", "ws", "landscape_explorer/map.js", study)
    assert {path: status(served.root + path) for path in paths} == dict.fromkeys(paths, 403)
    assert status(served.url.replace("?token=", "?token=x")) == 403


def test_with_the_token_files_of_the_machine_stay_out_of_reach(served: Served) -> None:
    token = served.url.partition("?")[2]
    asked = ["study.h5", "../study.h5", "%2e%2e/study.h5", "..%2f..%2fetc/passwd",
             "landscape_explorer/../explorer.py", "landscape_explorer/%2e%2e/explorer.py",
             f"landscape_explorer/{'%2e%2e%2f' * 12}etc/passwd", f"{served.study}"]  # fmt: skip
    found = {path: status(f"{served.root}{path}?{token}") for path in asked}
    assert set(found.values()) <= {403, 404}, found
    assert status(f"{served.root}landscape_explorer/map.js?{token}") == 200


def test_it_prints_how_to_get_there_through_ssh(served: Served) -> None:
    port = served.root.rstrip("/").rpartition(":")[2]
    assert f"ssh -L {port}:127.0.0.1:{port} " in served.tunnel


def test_a_box_is_sampled_anew_and_equals_landscape_sample(
    visit: Visit, served: Served, tmp_path: Path
) -> None:
    visit.drag((0.25, 0.25), (0.75, 0.5))
    visit.idle("sampled 121 points in float32")
    window = visit.window()
    # The map shows half a cell more on each side of [-1, 1]^2, sampled on 9 x 9 points.
    np.testing.assert_allclose(window, [-0.5625, 0.5625, 0.0, 0.5625], atol=0.02)
    command = shlex.split(visit.page.inner_text("#command"))
    shown = visit.values()
    visit.page.click("#keep")
    visit.idle("kept as ")
    name = visit.page.inner_text("#note").removeprefix("kept as ")
    kept = open_study(served.study).surface(name)
    assert [kept.alphas[0], kept.alphas[-1], kept.betas[0], kept.betas[-1]] == window
    assert (kept.losses.astype("<f4") == shown).all()
    accepted(*command[1:], "--out", tmp_path / "other")
    other = open_study(tmp_path / "other").surface(name)
    assert (other.losses == kept.losses).all()
    assert name in visit.page.locator("#place").inner_text()
    assert (visit.said, visit.foreign) == ([], [])


def test_tiny_windows_by_numbers_show_the_residual_in_double_precision(visit: Visit) -> None:
    visit.sample(-0.002, 0.002, -0.001, 0.001, points=9)
    visit.idle("sampled 81 points in float64")
    assert visit.page.inner_text("#shown").startswith("loss minus its best-fitting quadratic")
    assert "--dtype float64" in visit.page.inner_text("#command")
    visit.page.select_option("#shows", "loss")
    visit.until("document.querySelector('#map').getAttribute('quantity')=='loss'")
    visit.page.select_option("#shows", "auto")


@pytest.mark.long
def test_the_wheel_and_the_keys_zoom(visit: Visit) -> None:
    box = visit.page.locator(".map-frame").bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.wheel(0, -240)
    visit.idle("sampled 81 points" if visit.page.input_value("#points") == "9" else "sampled")
    np.testing.assert_allclose(visit.window(), [-0.5, 0.5, -0.5, 0.5], atol=0.02)
    visit.page.locator("#map").press("ArrowRight")
    visit.until("Number(document.querySelector('#alpha1').value) > 0.7")
    visit.idle("sampled")
    np.testing.assert_allclose(visit.window(), [-0.25, 0.75, -0.5, 0.5], atol=0.02)
    visit.page.click("#back")
    visit.until("Number(document.querySelector('#alpha1').value) < 0.6")


@pytest.mark.long
def test_what_is_typed_while_a_window_is_sampled_stays(visit: Visit) -> None:
    """The fields say what was asked for, at once; its answer does not write over the next wish."""
    visit.sample(-0.5, 0.25, -0.5, 0.5, points=19)
    visit.heard()
    visit.page.fill("#alpha0", "-0.25")
    visit.idle("sampled 361 points")
    assert visit.window() == [-0.25, 0.25, -0.5, 0.5]
    visit.page.click("#sample")
    visit.until("document.querySelector('#map').getAttribute('window') === '-0.25 0.25 -0.5 0.5'")
    visit.idle("sampled 361 points")
    visit.drag((0.25, 0.25), (0.75, 0.75))
    visit.until("Number(document.querySelector('#alpha0').value) > -0.2")
    visit.page.click("#home")
    visit.until("document.querySelector('#alpha0').value === '-1.0'")


def test_what_is_no_number_is_told_and_the_picture_stays(visit: Visit) -> None:
    before = visit.values()
    visit.page.fill("#alpha0", "wide")
    visit.page.click("#sample")
    visit.page.locator("#error").wait_for()
    assert visit.page.inner_text("#error") == "a number such as 0.25 is needed, got 'wide'"
    visit.page.fill("#alpha0", "5")
    visit.page.click("#sample")
    visit.until(
        "document.querySelector('#error').textContent.includes('increasing, got 5.0 to 1.0')"
    )
    assert (visit.values() == before).all()


@pytest.mark.long
def test_a_click_takes_what_stands_in_the_form(visit: Visit) -> None:
    """The state of the page follows its fields later, and much later while a call is on its way."""
    type_and_press = """([id, text, button]) => {
        const field = document.getElementById(id);
        field.value = text;
        field.dispatchEvent(new Event("input"));
        document.getElementById(button).click();
    }"""
    visit.page.evaluate(type_and_press, ["points", "7", "sample"])
    visit.idle("sampled 49 points")
    visit.page.evaluate(type_and_press, ["seed", "3", "make"])
    visit.until("document.querySelector('#command').textContent.includes('--seed 3')")
    visit.go_back_to(PLACE)


def test_a_new_plane_is_made_and_seen(visit: Visit) -> None:
    visit.page.fill("#points", "9")
    visit.page.fill("#seed", "5")
    visit.page.click("#make")
    visit.until("document.querySelector('#command')?.textContent.includes('--seed 5')")
    visit.idle("sampled")
    assert visit.page.input_value("#place") == "relu-gd-seed0.randomfilter5"
    visit.go_back_to(PLACE)


def test_a_region_is_cancelled_and_a_second_browser_sees_the_same(
    visit: Visit, launch: Any, served: Served
) -> None:
    before = visit.values()
    other = launch()
    second = Visit(other, served)
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=301)
    visit.page.locator("#cancel").wait_for()
    second.page.locator("#doing").wait_for()
    second.page.click("#cancel")
    for one in (visit, second):
        one.idle("cancelled")
        assert (one.values() == before).all()
    second.drawn()
    other.close()


@pytest.mark.long
def test_killing_the_browser_frees_the_sampler(launch: Any, served: Served) -> None:
    doomed = launch()
    visit = Visit(doomed, served)
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=301)
    visit.until("document.querySelector('#doing')?.textContent.includes('of 90601')")
    session = doomed.new_browser_cdp_session()
    with contextlib.suppress(Exception):
        session.send("Browser.crash")
    crashed = time.monotonic()
    # Whoever comes back in time finds it at work; of a busy machine its share is small.
    while time.monotonic() < crashed + BACK or cpu_share(served.process.pid, 3.0) > 0.03:
        assert time.monotonic() < crashed + BACK + 120, "the sampler is still at work"
    other = launch()
    after = Visit(other, served)
    after.idle("cancelled")
    after.page.click("#home")
    other.close()


def test_a_client_that_sends_nonsense_is_dropped_and_nobody_else(
    visit: Visit, served: Served
) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    root, token = served.root.rstrip("/"), served.url.partition("?")[2]

    async def send(message: bytes | str) -> None:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{root}/ws?{token}", headers={"Origin": root}) as talk,
        ):
            with contextlib.suppress(ConnectionError, TimeoutError):
                await (talk.send_str if isinstance(message, str) else talk.send_bytes)(message)
                await talk.receive(timeout=2)

    # In a thread of its own: that of the test has a loop, Playwright's.
    with ThreadPoolExecutor(1) as thread:
        for message in ("hello", '{"a":', b"\x00" * 3, bytes(range(256)), b"x" * 20_000_000):
            thread.submit(lambda sent: asyncio.run(send(sent)), message).result(timeout=60)
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=9)
    visit.idle("sampled 81 points")
    assert status(f"{root}/landscape_explorer/map.js?{token}") == 200
    assert visit.said == []
