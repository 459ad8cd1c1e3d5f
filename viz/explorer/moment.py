"""What an explorer looks at, and what it shows at a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from landscape.records.grid import Grid
from landscape.records.results import Projection
from landscape.records.surface import Surface

# Called with a surface, unfinished as it is, after each tile.
OnTile = Callable[[Surface], None]
# Whether to stop after this tile.
Cancelled = Callable[[], bool]
# Alpha and beta.
Point = tuple[float, float]


class Place(Protocol):
    """A plane to look at, with what samples it."""

    @property
    def name(self) -> str:
        """Short, unique: the id of the surface, or how the plane was made."""

    @property
    def title(self) -> str:
        """Of the picture."""

    @property
    def surface(self) -> Surface | None:
        """What the study holds of it; None if it was not sampled yet."""

    @property
    def paths(self) -> tuple[Projection, ...]:
        """Placed on it."""

    @property
    def live(self) -> bool:
        """Whether it can be sampled, not only looked at."""

    def sample(self, grid: Grid, on_tile: OnTile, cancelled: Cancelled) -> Surface:
        """Sample a region; the surface stays unfinished only if it was cancelled."""

    def sample_line(
        self, first: Point, second: Point, points: int, on_tile: OnTile, cancelled: Cancelled
    ) -> Surface:
        """Sample the line from one point to another: a surface of one axis, from 0 to 1."""

    def keep(self, surface: Surface) -> str:
        """Put a sampled region or line into the study and return its id."""

    def command(self, surface: Surface) -> str:
        """Write the command that samples the same."""


class Atlas(Protocol):
    """All there is to look at."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the places in the study."""

    def open(self, name: str) -> Place:
        """Return a place of the study."""

    def make(self, **choice: Any) -> Place:
        """Make a new plane."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the explorer shows.

    Attributes:
        place: the plane; None until the first one is open.
        surface: on it, finished.
        going: the plane that is being sampled for the first time; it becomes the place when that
            is done.
        before: surfaces that were shown before, the latest last.
        preview: the finished coarse part of what is being sampled.
        target: the grid that is being sampled.
        doing: ``opening``, ``sampling``, ``sampling the line`` or ``keeping``; "" for nothing.
        done: points that are sampled.
        note: what happened last.
        error: what went wrong last; "" after the next success.
        fresh: whether the surface was sampled here and is not in the study.
        ends: points of the place that were chosen: none, the first, or both ends of a line.
        line: the losses between both, as far as they are sampled; None for no line.
        line_fresh: whether the line is finished and not in the study.
    """

    place: Place | None = None
    surface: Surface | None = None
    going: Place | None = None
    before: tuple[Surface, ...] = ()
    preview: Surface | None = None
    target: Grid | None = None
    doing: str = ""
    done: int = 0
    note: str = ""
    error: str = ""
    fresh: bool = False
    ends: tuple[Point, ...] = ()
    line: Surface | None = None
    line_fresh: bool = False

    @property
    def total(self) -> int:
        """Points of what is being sampled; 0 for nothing."""
        return self.target.size if self.target is not None else 0

    @property
    def window(self) -> Grid | None:
        """What was asked for last: the region that is being sampled, or else the surface's."""
        if self.target is not None and len(self.target.shape) == 2:
            return self.target
        return None if self.surface is None else self.surface.grid

    @property
    def shown(self) -> Surface | None:
        """What is drawn: the coarse part of the new region as soon as there is one."""
        return self.preview if self.preview is not None else self.surface

    @property
    def region(self) -> Grid | None:
        """The whole window of what is drawn, of which a coarse part may end before its rim."""
        if self.preview is not None:
            return self.target
        return None if self.surface is None else self.surface.grid

    @property
    def here(self) -> Place | None:
        """The plane of what is drawn."""
        return self.going if self.preview is not None and self.going is not None else self.place

    @property
    def line_seen(self) -> bool:
        """Whether what is drawn is the plane in which ends and line lie."""
        return self.here is self.place
