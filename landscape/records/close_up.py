"""A window around a solution, as it is drawn: the surface in it and how large it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from landscape.records.arrays import Floats, Json, freeze
from landscape.records.grid import Grid
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.presenting import Presented
from landscape.records.results import Analysis
from landscape.records.surface import Status, Surface

KIND = "closeup"
Removed = Literal["nothing", "tilt", "quadratic"]
REMOVED: tuple[Removed, ...] = ("nothing", "tilt", "quadratic")
_FACTS = ("title", "activation", "run", "full_width", "step_width", "descent", "noise",
          "batch_size", "points", "weights_of")  # fmt: skip
# A window from 0.95 to 1.05 steps wide is that of one step.
_A_STEP = 0.05


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CloseUp(Presented):
    """A window around a solution.

    Attributes:
        surface: the mean loss in the window, with the gradient on each side of every crease that
            is cut.
        title: name of the network, such as ReLU.
        activation: key of its activation, which decides its colour; "" if it is not known.
        run: name of its run, "" without one.
        full_width: of the whole surface that this is a window of, in multiples of the direction.
        step_width: length of one optimizer step over that of the direction; 0 if not known.
        descent: by how much the median step of the run lowers the loss; 0 if not known.
        noise: standard deviation of what another minibatch does to the loss of one step, see
            :func:`landscape.minibatch_noise`; 0 if not known.
        batch_size: examples of such a minibatch.
        points: each way of the regular grid that was cut; 0 if it was none.
        weights_of: title of the network whose weights these are, if its activation is swapped.
        path: where an optimizer was, in the order of its steps, [K, 2] in multiples of the
            directions; of points in the plane.
    """

    surface: KinkCutSurface
    title: str = ""
    activation: str = ""
    run: str = ""
    full_width: float = 0.0
    step_width: float = 0.0
    descent: float = 0.0
    noise: float = 0.0
    batch_size: int = 0
    points: int = 0
    weights_of: str = ""
    path: Floats = field(default_factory=lambda: np.empty((0, 2)))

    def __post_init__(self) -> None:
        freeze(self, {"path": (len(self.path), 2)})

    @property
    def width(self) -> float:
        """Full width of the window along alpha, in multiples of the direction."""
        first, last = self.surface.window[0]
        return last - first

    @property
    def magnification(self) -> float:
        """How many times narrower than the whole surface the window is."""
        return self.full_width / self.width if self.full_width else 1.0

    @property
    def in_steps(self) -> float:
        """Width of the window in optimizer steps; 0 if the step is not known."""
        return self.width / self.step_width if self.step_width else 0.0

    @property
    def is_one_step(self) -> bool:
        """Whether the window is that of one optimizer step."""
        return abs(self.in_steps - 1) < _A_STEP

    def without(self, removed: Removed) -> KinkCutSurface:
        """Return the surface without its best-fitting plane or quadratic."""
        degree = REMOVED.index(removed)
        return self.surface.minus(self.surface.polynomial(degree)) if degree else self.surface

    def on_grid(self) -> Surface:
        """Return the loss at the points of the grid that was cut, as a surface.

        Raises:
            ValueError: if that grid was not regular.
        """
        if not self.points:
            raise ValueError("the mesh has no regular grid of points; sample the window")
        grid = Grid(tuple(np.linspace(*ends, self.points) for ends in self.surface.window))
        low = np.array([axis[0] for axis in grid.axes])
        cell = np.array([axis[1] - axis[0] for axis in grid.axes])
        places = (self.surface.coordinates - low) / cell
        nearest = np.rint(places)
        on_grid = np.flatnonzero(np.abs(places - nearest).max(axis=1) < 1e-6)
        losses = np.full(grid.shape, np.nan)
        status = np.zeros(grid.shape, dtype=np.uint8)
        at = tuple(nearest[on_grid].astype(np.int64).T)
        losses[at], status[at] = self.surface.losses[on_grid], Status.EVALUATED
        settings = {"examples": self.surface.examples, **self.surface.settings}
        return Surface(grid, {"losses": losses}, status, run=self.run or None, settings=settings)

    def to_analysis(self) -> Analysis:
        """Return the close-up as a record of a study."""
        record = self.surface.to_analysis()
        facts = {name: getattr(self, name) for name in _FACTS}
        arrays = {**record.arrays, "path": self.path}
        return Analysis(KIND, arrays, {**record.settings, KIND: facts})

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> CloseUp:
        """Return the close-up of a stored record.

        Raises:
            ValueError: for an analysis of another kind, or one that lacks a part.
        """
        if analysis.kind != KIND or KIND not in analysis.settings or "path" not in analysis.arrays:
            raise ValueError(f"a close-up is an analysis of kind {KIND!r}, got {analysis.kind!r}")
        settings: Json = analysis.settings
        rest = {name: value for name, value in settings.items() if name != KIND}
        arrays = {name: values for name, values in analysis.arrays.items() if name != "path"}
        surface = KinkCutSurface.from_analysis(Analysis("creases", arrays, rest))
        return cls(surface=surface, path=np.asarray(analysis.arrays["path"]), **settings[KIND])
