"""A browser of this machine for the tests, and waiting for its pages.

As a program: open a page, and say what is missing if that fails.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# WebGL without a graphics card; root has no sandbox, and a container little shared memory.
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--disable-dev-shm-usage"]  # fmt: skip
# Others may compute on this machine: milliseconds until something is given up.
PATIENCE = 180_000.0


def find() -> str | None:
    """Return the path of a browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def missing() -> str:
    """Return which of what tests in a browser need is not here; nothing if all is."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed; make browser"
    return "" if find() else "no Chromium here; apt-get install chromium"


@contextmanager
def started() -> Iterator[Any]:
    """Give a function that launches a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield lambda: playwright.chromium.launch(
            executable_path=find(), args=FLAGS, timeout=PATIENCE
        )


def open_page(browser: Any, **options: Any) -> Any:
    """Open an empty page that is as patient as all tests are, in a context of its own."""
    page = browser.new_context(**options).new_page()
    page.context.set_default_timeout(PATIENCE)
    return page


def until(page: Any, expression: str, *, seconds: float = PATIENCE / 1000) -> None:
    """Ask a page until an expression is true.

    Playwright's own waiting evaluates in the page what its policy forbids.

    Raises:
        TimeoutError: if it stays false.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({expression})"):
        if time.monotonic() > end:
            raise TimeoutError(f"still not true after {seconds:g} s: {expression}")
        page.wait_for_timeout(20)


def told_by(page: str) -> dict[str, Any]:
    """Return the records in the text of a page of the viewer."""
    found = re.search(r'id="lossoscope-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def unpacked(text: str, told: dict[str, Any]) -> Any:
    """Return one array of a compressed text of a page, in float64."""
    import numpy as np

    from landscape.viz.browser.packing import TYPES

    raw = gzip.decompress(base64.b64decode(text))
    kind = np.dtype(TYPES[told["type"]])
    count = int(np.prod(told["shape"]))
    part = np.frombuffer(raw, np.uint8, count * kind.itemsize, told["at"])
    plain = np.ascontiguousarray(part.reshape(kind.itemsize, count).T)
    return plain.view(kind).reshape(told["shape"]).astype(np.float64) * told["scale"]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours of CSS (WCAG 2.2, 1.4.3)."""
    levels = []
    for colour in (one, other):
        parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        weighted = zip(linear, (0.2126, 0.7152, 0.0722), strict=True)
        levels.append(sum(value * weight for value, weight in weighted) + 0.05)
    return max(levels) / min(levels)


def axe_of(browser: Any) -> str:
    """Return the rules of axe-core, which Chromium's own tools for developers hold; "" without.

    They lie there as a template literal inside the bundle of Lighthouse.
    """
    page = open_page(browser)
    try:
        page.goto("devtools://devtools/bundled/third_party/lighthouse/lighthouse-dt-bundle.js")
        text = page.evaluate("document.body.innerText")
    finally:
        page.context.close()
    found = re.search(r"`/\*! axe v(?:[^`\\]|\\.)*`", text, re.DOTALL)
    if found is None:
        return ""
    blank = open_page(browser)
    source = str(blank.evaluate(found[0]))
    blank.context.close()
    return source


def at_rest(page: Any) -> None:
    """Wait until a page of the viewer shows all that it was asked for."""
    until(page, "lossoscope.resting()")


def main() -> int:
    """Open a page and return 0, or say what is missing."""
    lacking = missing()
    if not lacking:
        with started() as launch:
            browser = launch()
            browser.new_page().goto("data:text/html,<p>here")
            browser.close()
        return 0
    sys.stderr.write(f"{lacking}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
