"""An atlas of analytic losses, and an explorer whose posted calls a test makes itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape import Grid, Projection, Surface
from landscape.records.surface import Status
from landscape.viz.explorer.explorer import Explorer
from landscape.viz.explorer.moment import Moment


def bowl(coordinates: Any) -> Any:
    """1 + alpha^2 + 10 |beta - 0.1|: a valley with one kink."""
    return 1 + coordinates[:, 0] ** 2 + 10 * np.abs(coordinates[:, 1] - 0.1)


@dataclass
class Analytic:
    """A place whose loss is a formula."""

    name: str = "bowl"
    loss: Callable[[Any], Any] = bowl
    surface: Surface | None = None
    paths: tuple[Projection, ...] = ()
    asked: list[Grid] = field(default_factory=list)
    lines: list[Any] = field(default_factory=list)
    kept: list[Surface] = field(default_factory=list)
    # Cleared: the sampler stands still after its first tile.
    go: threading.Event = field(default_factory=threading.Event)
    cancellations: int = 0
    live: bool = True

    def __post_init__(self) -> None:
        self.go.set()

    @property
    def title(self) -> str:
        return self.name

    def sample(self, grid: Grid, on_tile: Any, cancelled: Callable[[], bool]) -> Surface:
        self.asked.append(grid)
        return self._filled(Surface.empty(grid), self.loss, on_tile, cancelled)

    def _filled(
        self, surface: Surface, loss: Any, on_tile: Any, cancelled: Callable[[], bool]
    ) -> Surface:
        for tile in surface.grid.tiles():
            values = {"losses": loss(surface.grid.coordinates(tile))}
            surface = surface.with_points(tile, values, Status.EVALUATED)
            on_tile(surface)
            while not (self.go.wait(0.01) or cancelled()):
                pass
            if cancelled():
                self.cancellations += 1
                break
        return surface

    def sample_line(
        self, first: Any, second: Any, points: int, on_tile: Any, cancelled: Callable[[], bool]
    ) -> Surface:
        grid, ends = Grid.line(points, (0.0, 1.0)), np.array([first, second])
        self.lines.append((first, second, points))

        def along(shares: Any) -> Any:
            return self.loss((1 - shares) * ends[0] + shares * ends[1])

        settings = {"kind": "segment", "ends": ends.tolist(), "dtype": "float64"}
        return self._filled(Surface.empty(grid, settings=settings), along, on_tile, cancelled)

    def keep(self, surface: Surface) -> str:
        self.kept.append(surface)
        return f"kept{len(self.kept)}"

    def command(self, surface: Surface) -> str:
        return f"landscape sample {surface.grid.shape}"


@dataclass
class Places:
    """An atlas."""

    places: dict[str, Analytic]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.places)

    def open(self, name: str) -> Analytic:
        return self.places[name]

    def make(self, **choice: Any) -> Analytic:
        return Analytic(name=f"{choice['kind']}{choice.get('seed', '')}")


class Walk:
    """An explorer in the thread of the test."""

    def __init__(
        self, *places: Analytic, points: int = 21, changed: Callable[[Moment], None] | None = None
    ) -> None:
        self.moments: list[Moment] = []
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        atlas = Places({place.name: place for place in places})
        self.explorer = Explorer(
            atlas, post=self._posted.put, changed=changed or self.moments.append, points=points
        )

    @property
    def moment(self) -> Moment:
        return self.explorer.moment

    def settle(self) -> Moment:
        """Let everything that was asked for come to its end."""
        for _ in range(3):
            self.explorer.wait()
            while not self._posted.empty():
                self._posted.get()()
        return self.moment

    def step(self, until: Callable[[Moment], Any]) -> Moment:
        """Make posted calls until a condition holds."""
        while not until(self.moment):
            self._posted.get(timeout=300)()
        return self.moment


def stored(loss: Callable[[Any], Any] = bowl, points: int = 11) -> Surface:
    grid = Grid.square(points)
    values = loss(grid.coordinates(np.arange(grid.size))).reshape(grid.shape)
    return Surface(grid, {"losses": values}, np.ones(grid.shape, dtype=np.uint8))
