"""A panel: a surface with what is drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from landscape.records.plane import Plane
from landscape.records.presenting import Pictured
from landscape.records.results import Projection
from landscape.records.surface import Surface


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Panel(Pictured):
    """What one panel of a picture shows; ``dataclasses.replace`` varies one thing.

    Attributes:
        surface: the loss over a plane.
        plane: its plane, for the caption and for the solutions that the plane was made through.
        paths: trajectories placed on the plane; the first has the first colour.
        title: above the panel; "" for none.

    Raises:
        TypeError: for a value of another type.
    """

    surface: Surface
    plane: Plane | None = None
    paths: tuple[Projection, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.surface, Surface):
            raise TypeError(f"surface must be a Surface, got {type(self.surface).__name__}")
        if not isinstance(self.plane, Plane | None):
            raise TypeError(f"plane must be a Plane or None, got {type(self.plane).__name__}")
        given: object = self.paths
        if isinstance(given, Projection):
            raise TypeError("paths must be a sequence of Projections, got one; write (path,)")
        object.__setattr__(self, "paths", tuple(self.paths))
        wrong = [type(path).__name__ for path in self.paths if not isinstance(path, Projection)]
        if wrong:
            raise TypeError(
                f"paths must be Projections, got {', '.join(wrong)}; landscape.place makes one of "
                "a Trajectory"
            )
        if not isinstance(self.title, str):
            raise TypeError(f"title must be a text, got {self.title!r}")


def panels_of(given: Panel | Surface | Sequence[Panel | Surface]) -> list[Panel]:
    """Return panels as a list; a surface is a panel without paths.

    Raises:
        TypeError: for anything else.
    """
    several = [given] if isinstance(given, Panel | Surface) else list(given)
    return [panel if isinstance(panel, Panel) else Panel(panel) for panel in several]
