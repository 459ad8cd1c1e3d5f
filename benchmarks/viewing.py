"""How long a page of ``viz.to_html`` takes to open and how fast it turns, measured by the page.

Run as ``python -P -m benchmarks.viewing``. Needs Playwright and Chromium (``make browser``), whose
WebGL then computes in software; with a graphics card all is faster.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import browsing

from landscape import viz
from landscape.records.grid import Grid
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

# Name, runs in the page, points each way.
CASES = (("2 x 101 x 101", 2, 101), ("2 x 201 x 201", 2, 201), ("8 x 101 x 101", 8, 101))
TURN = 4.0


def bumpy(run: str, points: int, seed: int) -> Surface:
    """Return a surface with loss, accuracy and gradient, which does not compress too well."""
    grid = Grid.square(points)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    rng = np.random.default_rng(seed)
    losses, along, across = 0.02 + a**2 + 0.5 * b**2, 2 * a, b.copy()
    for u, v, shift, jump in zip(*rng.normal(size=(3, 40)), rng.uniform(0, 0.1, 40), strict=True):
        place = u * a + v * b + shift
        losses += jump * np.maximum(place, 0.0)
        along += jump * u * (place > 0)
        across += jump * v * (place > 0)
    fields = {"losses": losses, "accuracies": np.exp(-losses), "gradient_alpha": along,
              "gradient_beta": across}  # fmt: skip
    status = np.full(grid.shape, Status.EVALUATED, np.uint8)
    return Surface(grid, fields, status, plane=run, run=run)


def path_over(surface: Surface) -> Projection:
    """Return a path of 400 records that spirals into the middle of a surface."""
    turn = np.linspace(0.0, 6.0, 400)
    radius = 0.9 * np.exp(-0.6 * turn)
    coordinates = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    losses = 0.02 + 1.4 * radius**2
    return Projection(
        run=str(surface.run), plane=str(surface.plane), steps=np.arange(400),
        coordinates=coordinates, off_plane_distances=np.zeros(400), distances=radius,
        losses=losses, plane_losses=losses,
    )  # fmt: skip


def write_page(folder: Path, runs: int, points: int) -> Path:
    """Write a page that shows all its runs at once."""
    surfaces = {f"run{k}": bumpy(f"run{k}", points, k) for k in range(runs)}
    panels = {
        name: viz.Panel(surface, paths=(path_over(surface),)) for name, surface in surfaces.items()
    }
    return viz.to_html(panels, folder / f"{runs}x{points}.html", show=list(surfaces))


def opened_in(page: Any, target: Path) -> float:
    """Open a page and return the seconds from the request to its first picture."""
    page.goto(target.as_uri())
    browsing.until(page, "window.lossoscope?.ready")
    return float(page.evaluate("lossoscope.loadTime")) / 1000


def turned(page: Any) -> tuple[float, str]:
    """Drag for some seconds; return pictures a second, and with which detail they were drawn."""
    page.mouse.move(300, 400)
    page.mouse.down()
    end, k = time.monotonic() + TURN, 0
    before = page.evaluate("performance.now()")
    while time.monotonic() < end:
        k += 1
        page.mouse.move(300 + 200 * np.sin(0.1 * k), 400 + 50 * np.cos(0.07 * k))
    after, detail = page.evaluate("[performance.now(), lossoscope.detail()]")
    frames = [t for t in page.evaluate("lossoscope.frames()") if before <= t <= after]
    page.mouse.up()
    rate = 1000 * (len(frames) - 1) / (frames[-1] - frames[0])
    return rate, f"{detail['ratio']:g} pixels, every {detail['stride']}. point"


def measure(launch: Any, target: Path, times: int) -> tuple[list[float], list[float], str]:
    """Open and turn a page so many times, each in a browser of its own."""
    loads, rates, detail = [], [], ""
    for _ in range(times):
        browser = launch()
        page = browser.new_page(viewport={"width": 1400, "height": 860})
        loads.append(opened_in(page, target))
        rate, detail = turned(page)
        rates.append(rate)
        browser.close()
    return loads, rates, detail


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="repetitions of every case")
    times = parser.parse_args(arguments).times
    print(f"1,400 x 860 pixels, software WebGL, median (range) of {times}\n")
    print(
        "| surfaces | page, MB | first picture, s | pictures a second while dragged | drawn with |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, browsing.started() as launch:
        for name, runs, points in CASES:
            target = write_page(Path(folder), runs, points)
            loads, rates, detail = measure(launch, target, times)
            cells = [f"{statistics.median(v):.2f} ({min(v):.2f} to {max(v):.2f})"
                     for v in (loads, rates)]  # fmt: skip
            print(
                f"| {name} | {target.stat().st_size / 1e6:.2f} | {' | '.join(cells)} | {detail} |"
            )


if __name__ == "__main__":
    main()
