"""The explorer in a real browser: a box is sampled anew, and equals ``landscape sample``."""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from calling import ENVIRONMENT, accepted
from PIL import Image
from small_study import SMALL, run_study

from landscape.config import RandomPlaneConfig, SamplingConfig
from landscape.store import open_study

pytest.importorskip("trame")
pytest.importorskip("trame_vtk")

CONFIG = replace(
    SMALL, activations=("relu",), optimizers=("gd",), random_plane=RandomPlaneConfig(points=(9, 9)),
    # Small batches: minutes for a large region, so that it can be cancelled at leisure.
    sampling=SamplingConfig(strategy="loop", chunk=1, batch_size=16, threads=1),
)  # fmt: skip
PLACE = "relu-gd-seed0.random"

pytestmark = [
    pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing()),
    pytest.mark.usefixtures("rendering"),
]


class Served:
    """``landscape view`` in a process of its own."""

    def __init__(self, study: Path) -> None:
        self.study = study
        command = [sys.executable, "-P", "-m", "landscape", "view", study, "--surface", PLACE,
                   "--browser", "--port", "0", "--points", "11"]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        self.url, said = "", []
        for line in self.process.stdout:
            said.append(line)
            if line.strip().startswith("open "):
                self.url = line.split()[-1]
            if line.startswith("Ctrl-C"):
                break
        assert self.url, "".join(said)
        self.tunnel = next(line for line in said if "ssh -L" in line)

    @property
    def root(self) -> str:
        return self.url.partition("?")[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        with self.process:
            return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    study = run_study(CONFIG, tmp_path_factory.mktemp("served"))
    server = Served(study.path)
    yield server
    assert server.stop() == 130


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing.started() as launch:
        yield launch


class Visit:
    """A page of the explorer, with what its console said and what it asked of the network."""

    def __init__(self, browser: Any, served: Served, **options: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1300, "height": 800}, **options)
        self.page.set_default_timeout(browsing.PATIENCE)
        self.said: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        own = (served.root, "data:", "blob:")
        self.page.on("request", lambda r: r.url.startswith(own) or self.foreign.append(r.url))
        self.page.goto(served.url)
        self.page.locator("landscape-map[shape]:not([shape='0 0'])").wait_for()

    def window(self) -> list[float]:
        return [float(self.page.input_value(f"#{name}"))
                for name in ("alpha0", "alpha1", "beta0", "beta1")]  # fmt: skip

    def values(self) -> Any:
        found = self.page.locator("landscape-map")
        shape = [int(n) for n in found.get_attribute("shape").split()]
        raw = base64.b64decode(found.get_attribute("values"))
        return np.frombuffer(raw, dtype="<f4").reshape(shape)

    def until(self, condition: str, value: Any = None) -> None:
        """Wait for a condition; if it stays false, tell what the page says instead."""
        try:
            self.page.wait_for_function(condition, arg=value)
        except Exception as error:
            state = self.page.evaluate(
                "Object.fromEntries(['doing', 'note', 'error', 'shown', 'command']"
                ".map(name => [name, document.getElementById(name)?.textContent]))"
            )
            raise AssertionError(f"{condition} stays false with {value!r}: {state}") from error

    def idle(self, note: str) -> None:
        self.until(
            "note => !document.querySelector('#doing') && "
            "document.querySelector('#note').textContent.startsWith(note)",
            note,
        )

    def go_home(self) -> None:
        """Show the whole surface, as it is in the study."""
        self.page.click("#home")
        # Its answer fills the fields, also over what was typed meanwhile.
        self.until(
            "ends => ends.every(([id, text]) => document.getElementById(id).value === text)"
            " && document.querySelector('#back').disabled"
            " && document.querySelector('#map').getAttribute('shape') === '9 9'",
            [["alpha0", "-1.0"], ["alpha1", "1.0"], ["beta0", "-1.0"], ["beta1", "1.0"]],
        )

    def drag(self, first: tuple[float, float], last: tuple[float, float]) -> None:
        """Draw a box on the map, corners as shares of its width and height."""
        box = self.page.locator(".map-frame").bounding_box()
        places = [(box["x"] + u * box["width"], box["y"] + v * box["height"])
                  for u, v in (first, last)]  # fmt: skip
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        self.page.mouse.move(*places[1], steps=3)
        self.page.mouse.up()

    def sample(self, *ends: float, points: int) -> None:
        for name, value in zip(("alpha0", "alpha1", "beta0", "beta1"), ends, strict=True):
            self.page.fill(f"#{name}", repr(value))
        self.page.fill("#points", str(points))
        self.page.click("#sample")


@pytest.fixture
def visit(chromium: Any, served: Served) -> Iterator[Visit]:
    browser = chromium()
    visit = Visit(browser, served)
    visit.go_home()
    yield visit
    browser.close()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
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


def test_the_wheel_and_the_keys_zoom(visit: Visit) -> None:
    box = visit.page.locator(".map-frame").bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.wheel(0, -240)
    visit.idle("sampled 81 points" if visit.page.input_value("#points") == "9" else "sampled")
    np.testing.assert_allclose(visit.window(), [-0.5, 0.5, -0.5, 0.5], atol=0.02)
    visit.page.locator("#map").press("ArrowRight")
    visit.until("Number(document.querySelector('#alpha1').value) > 0.7")
    np.testing.assert_allclose(visit.window(), [-0.25, 0.75, -0.5, 0.5], atol=0.02)
    visit.page.click("#back")
    visit.until("Number(document.querySelector('#alpha1').value) < 0.6")


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
    visit.page.select_option("#place", PLACE)
    visit.until("document.querySelector('#map').getAttribute('shape') == '9 9'")


def test_a_new_plane_is_made_and_seen(visit: Visit) -> None:
    visit.page.fill("#points", "9")
    visit.page.fill("#seed", "5")
    visit.page.click("#make")
    visit.until("document.querySelector('#command')?.textContent.includes('--seed 5')")
    visit.idle("sampled")
    assert visit.page.input_value("#place") == "relu-gd-seed0.randomfilter5"
    visit.page.select_option("#place", PLACE)
    visit.until("document.querySelector('#map').getAttribute('shape') == '9 9'")


def test_the_picture_turns_and_looks_change_it(visit: Visit) -> None:
    view = visit.page.locator(".view img").first
    view.wait_for()
    box = visit.page.locator(".view").bounding_box()

    def changed(act: Any) -> None:
        before = visit.page.locator(".view").screenshot()
        act()
        for _ in range(50):
            if visit.page.locator(".view").screenshot() != before:
                return
            time.sleep(0.1)
        pytest.fail("the picture stays the same")

    def turn() -> None:
        visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + 400, box["y"] + 200, steps=4)
        visit.page.mouse.up()

    changed(turn)
    changed(lambda: visit.page.select_option("#height", "linear"))
    changed(lambda: visit.page.uncheck("#isolines"))
    changed(lambda: visit.page.click("#view"))
    visit.page.select_option("#height", "log")
    visit.page.check("#isolines")
    assert visit.said == []


def test_a_dark_browser_gets_a_dark_picture(chromium: Any, served: Served) -> None:
    def corner(page: Any) -> int:
        """Return how light the picture is below its upper left corner."""
        box = page.locator(".view").bounding_box()
        shot = page.screenshot(clip={"x": box["x"] + 4, "y": box["y"] + 4, "width": 8, "height": 8})
        return int(np.asarray(Image.open(BytesIO(shot)).convert("L")).mean())

    browser = chromium()
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


def test_a_region_is_cancelled_and_a_second_browser_sees_the_same(
    visit: Visit, chromium: Any, served: Served
) -> None:
    before = visit.values()
    other = chromium()
    second = Visit(other, served)
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=301)
    visit.page.locator("#cancel").wait_for()
    second.page.locator("#doing").wait_for()
    second.page.click("#cancel")
    visit.idle("cancelled")
    assert (visit.values() == before).all()
    assert (second.values() == before).all()
    other.close()


def test_killing_the_browser_frees_the_sampler(chromium: Any, served: Served) -> None:
    doomed = chromium()
    visit = Visit(doomed, served)
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=301)
    visit.until("document.querySelector('#doing')?.textContent.includes('of 90601')")
    session = doomed.new_browser_cdp_session()
    with contextlib.suppress(Exception):
        session.send("Browser.crash")
    deadline = time.monotonic() + 90
    while cpu_share(served.process.pid) > 0.2:
        assert time.monotonic() < deadline, "the sampler is still at work"
    other = chromium()
    after = Visit(other, served)
    after.idle("cancelled")
    after.page.click("#home")
    other.close()


def cpu_share(pid: int, seconds: float = 1.0) -> float:
    """Return how busy a process is, in processors."""

    def ticks() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    first = ticks()
    time.sleep(seconds)
    return (ticks() - first) / os.sysconf("SC_CLK_TCK") / seconds
