"""A segment of a line in parameter space: ``theta(t) = origin + t direction``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.records.arrays import Floats, Json, freeze
from landscape.records.plane import Plane
from landscape.records.presenting import Presented
from landscape.records.trajectory import Trajectory


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Segment(Presented):
    """Where the slope of a loss is followed.

    Attributes:
        origin: parameters at t = 0, [P].
        direction: [P]; t is a multiple of it.
        start: t at the start.
        end: t at the end, greater than start.
        kind: ``step``, ``averaged_step``, ``random``, ``gradient``, ``between``, or a name of
            the user's.
        settings: how exactly (step, seed, ...), plain JSON values.
    """

    origin: Floats
    direction: Floats
    start: float = 0.0
    end: float = 1.0
    kind: str = "custom"
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self, dict.fromkeys(("origin", "direction"), np.shape(self.origin)))
        for name, vector in (("origin", self.origin), ("direction", self.direction)):
            if vector.ndim != 1 or not np.all(np.isfinite(vector)):
                raise ValueError(f"{name} must be a finite vector [P], got shape {vector.shape}")
        if not self.direction.any():
            raise ValueError(
                "the direction of a segment must not be zero everywhere; did the optimizer stand "
                "still?"
            )
        if not (np.isfinite([self.start, self.end]).all() and self.start < self.end):
            raise ValueError(f"a segment needs finite start < end, got {self.start} and {self.end}")

    @property
    def length(self) -> float:
        """Euclidean length in parameter space."""
        return float(np.linalg.norm(self.direction)) * (self.end - self.start)


def step_segment(trajectory: Trajectory, record: int = -1) -> Segment:
    """Return the optimizer step that ends at a record of a trajectory: t from 0 to 1.

    Args:
        trajectory: the path of an optimizer.
        record: index of the record where the step ends, one of ``trajectory.single_steps``.

    Raises:
        IndexError: for a record that is not there.
        ValueError: for the first record, or one that is several steps away from the record before.
    """
    step, taken = trajectory.step_to(record)
    if taken > 1:
        raise ValueError(
            f"a step needs records at both of its ends, got record {record} {taken} steps after "
            "the one before; give one of trajectory.single_steps, record with pairs, or take "
            "averaged_segment, in which steps back and forth cancel"
        )
    if not step.any():
        raise ValueError(f"the optimizer stood still in the step to record {record}; give another")
    return _ending_at(trajectory, record, step, "step", {})


def averaged_segment(trajectory: Trajectory, record: int = -1) -> Segment:
    """Return the mean of the optimizer steps between a record and the one before: t from 0 to 1.

    It is no step that the optimizer took. Where steps zigzag, they cancel in the mean, and with
    them most of what kinks do: use :func:`step_segment` where both ends of a step are recorded.

    Args:
        trajectory: the path of an optimizer.
        record: index of the record where the mean step ends, not the first.

    Raises:
        IndexError: for a record that is not there.
        ValueError: for the first record.
    """
    step, taken = trajectory.step_to(record)
    return _ending_at(trajectory, record, step, "averaged_step", {"steps_averaged": taken})


def _ending_at(
    trajectory: Trajectory, record: int, step: Floats, kind: str, settings: dict[str, Any]
) -> Segment:
    end = np.asarray(trajectory.thetas[record], dtype=np.float64)
    noted = {"step": int(trajectory.steps[record]), **settings}
    return Segment(end - step, step, kind=kind, settings=noted)


def line_segment(plane: Plane, *, span: float = 0.5) -> Segment:
    """Return the segment of a plane's first direction from -span to span through its origin."""
    return Segment(
        plane.origin, plane.d_alpha, -span, span, plane.kind, {**plane.settings, "span": span}
    )


def segment_between(first: Floats, second: Floats) -> Segment:
    """Return the segment from one solution to another, t from 0 to 1."""
    start = np.asarray(first, dtype=np.float64)
    return Segment(start, np.asarray(second, dtype=np.float64) - start, kind="between")
