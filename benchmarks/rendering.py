"""Seconds and memory of 3D pictures: one surface, and a comparison of four at 2400 x 1800 pixels.

    python benchmarks/rendering.py

Each picture is drawn and written in a process of its own, whose imports are timed apart; memory is
the largest resident set of that process. Surfaces are analytic, 51 x 51 points.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PICTURES = ("single", "comparison")
MOST_SECONDS = {"single": 3.0, "comparison": 15.0}
MOST_MEGABYTES = 1024.0


def bowls(count: int) -> tuple[list[Any], list[Any]]:
    """Return surfaces of 51 x 51 points, each with a minimum of its own, and paths of 101 steps."""
    import numpy as np

    from landscape.records.grid import Grid
    from landscape.records.results import Projection
    from landscape.records.surface import Surface

    grid = Grid.square(51)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    surfaces, paths = [], []
    for k in range(count):
        ripple = 0.02 * np.sin(9 * a + k) * np.cos(7 * b)
        losses = 0.03 + (1 + k) * (a**2 + 0.4 * b**2) + ripple
        status = np.ones(grid.shape, dtype=np.uint8)
        surfaces.append(Surface(grid, {"losses": losses}, status, settings={"kind": "custom"}))
        shares = np.linspace(1, 0, 101)
        places = np.stack([0.8 * shares, -0.7 * shares**2], axis=1)
        heights = 0.03 + (1 + k) * (places[:, 0] ** 2 + 0.4 * places[:, 1] ** 2) + 0.02
        lengths = np.linalg.norm(places, axis=1)
        paths.append(Projection("", "", np.arange(101), places, np.zeros(101), lengths, heights,
                                heights))  # fmt: skip
    return surfaces, paths


def single() -> Any:
    """Draw one surface with its path, in the style of a paper."""
    from landscape import viz

    surfaces, paths = bowls(1)
    return viz.surface(viz.Panel(surfaces[0], paths=(paths[0],), title="One surface"))


def comparison() -> Any:
    """Draw four surfaces with their paths, two by two, 2400 x 1800 pixels."""
    from landscape import viz

    surfaces, paths = bowls(4)
    panels = [viz.Panel(surface, paths=(path,), title=title)
              for surface, path, title in zip(surfaces, paths, "abcd", strict=True)]  # fmt: skip
    style = viz.Style(panel_width=3.625, panel_height=2.8, dpi=300)
    return viz.compare(panels, viz.Look(style=style), columns=2)


def measure(name: str) -> dict[str, Any]:
    """Draw and write one picture in this process."""
    start = time.perf_counter()
    import matplotlib  # noqa: F401
    import pyvista
    from PIL import Image

    from landscape import viz
    from landscape.viz import offscreen, writing  # noqa: F401
    from landscape.viz.scenes import panels  # noqa: F401

    offscreen.ensure()
    # PyVista imports its plotting part when it is first asked for.
    assert pyvista.Plotter
    imported = time.perf_counter()
    makers: dict[str, Callable[[], Any]] = {"single": single, "comparison": comparison}
    with tempfile.TemporaryDirectory() as folder:
        path = viz.save(makers[name](), Path(folder) / "picture.png")
        seconds = time.perf_counter() - imported
        with Image.open(path) as image:
            size = image.size
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024.0**2 if sys.platform == "darwin" else 1024.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"picture": name, "pixels": list(size), "imports": round(imported - start, 2),
            "seconds": round(seconds, 2), "megabytes": round(peak)}  # fmt: skip


def main() -> int:
    """Measure every picture in a process of its own; print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--picture", choices=PICTURES, help="measure one, in this process")
    parser.add_argument("--check", action="store_true", help="fail if one is slow or large")
    options = parser.parse_args()
    if options.picture:
        print(json.dumps(measure(options.picture)))
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    passed = True
    for name in PICTURES:
        command = [sys.executable, "-P", __file__, "--picture", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        wide, tall = found["pixels"]
        print(f"{name:<11} {wide} x {tall} pixels: {found['seconds']} s after {found['imports']} s "
              f"of imports, peak {found['megabytes']} MB")  # fmt: skip
        passed &= found["seconds"] <= MOST_SECONDS[name] and found["megabytes"] <= MOST_MEGABYTES
    return 0 if passed or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
