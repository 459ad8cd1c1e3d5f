"""A run in one line of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.curvature.plane_sharpness import plane_sharpness
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run reached.

    Attributes:
        run: its name.
        final_loss: loss over the training set at the last record; None if it is not finite, which
            JSON cannot hold (the trajectory keeps it as it is).
        accuracy: over the training set at the last record, a fraction; None for a regression.
        sharpness: largest curvature in the random plane at the solution, see
            :func:`landscape.plane_sharpness`; None without such a plane.
        steps_to_target: steps until the loss was first at most ``target_loss``; None if never.
        target_loss: that loss.
        captured: share of the path's squared displacement inside its PCA plane; None without one.
        diverged_at: the step at which it diverged, or None.
    """

    run: str
    final_loss: float | None
    accuracy: float | None
    sharpness: float | None
    steps_to_target: int | None
    target_loss: float
    captured: float | None = None
    diverged_at: int | None = None


def summarise(
    run: str,
    trajectory: Trajectory,
    *,
    target_loss: float,
    surface: Surface | None = None,
    captured: float | None = None,
) -> RunSummary:
    """Summarise a run.

    Args:
        run: its name.
        trajectory: its path.
        target_loss: the loss whose first step is reported.
        surface: its random plane, for the sharpness.
        captured: share of its path in its PCA plane.
    """
    sharpness = None
    if surface is not None and min(surface.grid.shape) >= 3:
        sharpness = _finite(plane_sharpness(surface))
    return RunSummary(
        run=run,
        final_loss=_finite(float(trajectory.losses[-1])),
        accuracy=None if trajectory.accuracies is None else float(trajectory.accuracies[-1]),
        sharpness=sharpness,
        steps_to_target=first_step_at(trajectory, target_loss),
        target_loss=target_loss,
        captured=captured,
        diverged_at=trajectory.diverged_at,
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def first_step_at(trajectory: Trajectory, target: float) -> int | None:
    """Return the steps after which the training loss was first at most ``target``, or None.

    Exact where each step's loss is that of the whole data set in evaluation mode (full batch, no
    buffers); otherwise at the resolution of the records.
    """
    steps, losses = trajectory.steps, trajectory.losses
    if trajectory.settings.get("batch_size") == 0 and not trajectory.buffers:
        below = np.flatnonzero(trajectory.step_losses <= target)
        if len(below):
            return int(below[0])
    below = np.flatnonzero(losses <= target)
    return int(steps[below[0]]) if len(below) else None
