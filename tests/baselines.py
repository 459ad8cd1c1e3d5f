"""Small pictures that are compared with stored ones, robust against other graphics drivers.

Renew them after a wanted change, look at every one of them, and commit them::

    PYTHONPATH=.:tests python tests/baselines.py [NAME ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from making import make_path, make_surface
from numpy.typing import NDArray
from plane_networks import examples, mlp, whole_plane

from landscape import Grid, Panel, Plane, Problem, Projection, Surface, viz
from landscape.kinks.zooming import close_up, zoom_grids
from landscape.records.close_up import CloseUp
from landscape.records.layout import Layout, Slot
from landscape.viz.style import TESTING

Pixels = NDArray[np.uint8]
FOLDER = Path(__file__).parent / "viz" / "baselines"
LOOK = replace(TESTING, panel_width=2.6, panel_height=2.2)
BLOCK = 4
# Mean difference of blocks that are not background in both, of 255.
MOST_MEAN = 6.0
# A block that differs by more than this shows something else; share of them.
OTHER, MOST_OTHER = 40.0, 0.004


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pictures show; mutations replace parts.

    Attributes:
        surface: a valley that bends, without any symmetry.
        paths: down into it.
        style: how it looks.
        closeups: of a tiny ReLU network and of a tiny tanh network, widest first.
    """

    surface: Surface
    paths: tuple[Projection, ...]
    style: viz.Style
    closeups: tuple[tuple[CloseUp, ...], ...] = ()


def parts() -> Parts:
    """Return what the pictures show."""
    grid = Grid.rectangle((31, 25), (-1.0, 1.5), (-1.0, 1.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    surface = make_surface(0.05 + (b - 0.4 * a**2) ** 2 + 0.3 * (a - 0.8) ** 2 + 0.1 * b, grid)
    t = np.linspace(0.0, 1.0, 21)
    places = np.stack([-0.9 + 1.5 * t, 0.8 - 0.9 * t + 0.2 * np.sin(5 * t) * (1 - t)], axis=1)
    height = 0.06 + (places[:, 1] - 0.4 * places[:, 0] ** 2) ** 2 + 0.3 * (places[:, 0] - 0.8) ** 2
    return Parts(surface, (make_path(places, height),), LOOK, tiny_closeups())


@cache
def tiny_closeups() -> tuple[tuple[CloseUp, ...], ...]:
    """Return windows of two networks with 26 weights: whole surface, and one step."""
    data, rows = examples(5, 3, 1), []
    for name in ("relu", "tanh"):
        model = mlp(3, 5, 1)
        if name == "tanh":
            model[1] = torch.nn.Tanh()
        grids = zoom_grids(0.2, levels=2, full_width=2.0, points=21)
        drawn = [close_up(Problem(model, "mse", data), whole_plane(model), grid) for grid in grids]
        facts = {"title": name, "activation": name, "full_width": 2.0, "step_width": 0.2}
        rows.append(tuple(replace(one, **facts) for one in drawn))
    return tuple(rows)


def rendered(plotter: Any) -> Pixels:
    """Return a 3D picture and close it."""
    image = np.asarray(plotter.screenshot(return_img=True), dtype=np.uint8)
    plotter.close()
    return image[..., :3]


def drawn(figure: Any) -> Pixels:
    """Return a flat figure at 72 dots an inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(72)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def surface(shown: Parts) -> Pixels:
    """Draw one surface with its path in 3D."""
    return rendered(
        viz.surface(
            Panel(shown.surface, paths=shown.paths, title="valley"),
            viz.Look(style=shown.style),
            caption=False,
        )
    )


def compare(shown: Parts) -> Pixels:
    """Draw two surfaces side by side, the second three times as high."""
    higher = replace(shown.surface, fields={"losses": 3 * shown.surface.losses})
    return rendered(
        viz.compare(
            [Panel(shown.surface, paths=shown.paths, title="one"), Panel(higher, title="three")],
            viz.Look(style=shown.style),
            caption=False,
        )
    )


def clipped(shown: Parts) -> Pixels:
    """Draw one surface with a flat top, without a title."""
    scale = viz.HeightScale.of([shown.surface], kind="linear", limit=0.6)
    return rendered(
        viz.surface(
            Panel(shown.surface, paths=shown.paths),
            viz.Look(height=scale, style=shown.style),
            caption=False,
        )
    )


def contour(shown: Parts) -> Pixels:
    """Draw contours with the path."""
    return drawn(
        viz.contour(
            Panel(shown.surface, paths=shown.paths, title="valley"),
            viz.Look(style=shown.style),
            caption=False,
            width=4.0,
        )
    )


def hybrid(shown: Parts) -> Pixels:
    """Draw a figure for a paper, rendered at 72 dots an inch."""
    return drawn(
        viz.figure(
            Panel(shown.surface, paths=shown.paths, title="valley"),
            viz.Look(style=shown.style),
            dpi=72,
            width=4.5,
        )
    )


def solutions(shown: Parts) -> Pixels:
    """Draw the marks of three solutions in 3D."""
    layout = Layout((Slot("w", (2,)),))
    points = [[0.0, 0.0], [1.0, 0.0], [-0.4, 0.7]]
    plane = Plane(np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]), layout, "through",
                  {"points": points, "names": ["a-0", "a-1", "a-2"]})  # fmt: skip
    return rendered(
        viz.surface(
            Panel(shown.surface, plane, shown.paths), viz.Look(style=shown.style), caption=False
        )
    )


def microscope(shown: Parts) -> Pixels:
    """Draw what is left in the window of a step, a network beside the other."""
    steps = [row[-1] for row in shown.closeups]
    return drawn(viz.microscope(steps, viz.Look(style=shown.style), dpi=72, width=4.5))


def zoom(shown: Parts) -> Pixels:
    """Draw the way down to a step, a network above the other."""
    return drawn(viz.zoom(shown.closeups, viz.Look(style=shown.style), dpi=72, width=4.5))


# Pictures of a surface with its path, and those of close-ups.
SURFACES: Mapping[str, Callable[[Parts], Pixels]] = MappingProxyType(
    {f.__name__: f for f in (surface, compare, clipped, contour, hybrid, solutions)}
)
CLOSE_UPS: Mapping[str, Callable[[Parts], Pixels]] = MappingProxyType(
    {f.__name__: f for f in (microscope, zoom)}
)
SCENES = MappingProxyType({**SURFACES, **CLOSE_UPS})


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two pictures are apart.

    Attributes:
        mean: difference of blocks that are not background in both, of 255.
        other: share of those blocks that show something else.
    """

    mean: float
    other: float

    @property
    def small(self) -> bool:
        """Whether it may come from other graphics or fonts alone."""
        return self.mean <= MOST_MEAN and self.other <= MOST_OTHER


def blocks(image: Pixels) -> NDArray[np.float64]:
    """Average squares of pixels: edges that another driver draws otherwise hardly count."""
    rows, columns = (n // BLOCK * BLOCK for n in image.shape[:2])
    cut = image[:rows, :columns].astype(np.float64)
    return cut.reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK, 3).mean(axis=(1, 3))


def difference(one: Pixels, other: Pixels) -> Difference:
    """Compare two pictures.

    Raises:
        ValueError: if they are of different sizes.
    """
    if one.shape != other.shape:
        raise ValueError(f"pictures must be of one size, got {one.shape} and {other.shape}")
    first, second = blocks(one), blocks(other)
    drawn_there = (np.abs(first - 255).max(axis=2) > 8) | (np.abs(second - 255).max(axis=2) > 8)
    apart = np.abs(first - second).max(axis=2)[drawn_there]
    return Difference(float(apart.mean()), float(np.mean(apart > OTHER)))


def stored(name: str) -> Pixels:
    """Read a stored picture."""
    from PIL import Image

    return np.asarray(Image.open(FOLDER / f"{name}.png").convert("RGB"))


def renew(names: list[str]) -> None:
    """Draw the pictures anew and store them."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    for name in names or SCENES:
        image = SCENES[name](parts())
        Image.fromarray(image).save(FOLDER / f"{name}.png", optimize=True)
        print(f"wrote {FOLDER / f'{name}.png'}, {image.shape[1]}x{image.shape[0]}")


if __name__ == "__main__":
    renew(sys.argv[1:])
