"""The loss microscope: which windows to look at, and how what is left in them scales.

At full scale the mean loss of a ReLU network looks as smooth as that of a GELU network. In a window
of the size of one optimizer step, with the best-fitting quadratic removed, creases stand out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.networks import activations
from landscape.records.arrays import Floats, Json, as_floats
from landscape.records.grid import Grid
from landscape.records.naming import RunKey
from landscape.records.plane import Plane
from landscape.records.residuals import Fit
from landscape.records.trajectory import Trajectory
from landscape.records.window_scaling import ResidualScaling

Evaluate = Callable[[Floats], Floats]
# So much narrower than the narrowest window that cubic terms and creases are below rounding.
_ROUNDING_WIDTH = 1e-6
LEAST_CENTRES = 20


@dataclass(frozen=True, slots=True)
class StepWindow:
    """A window of the size of one optimizer step.

    Attributes:
        width: **full** width along alpha and beta in multiples of d_alpha: it runs from
            ``-width / 2`` to ``width / 2``.
        run: name of the run whose steps are meant.
        step_length: median Euclidean length of its steps.
        steps: number of its steps.
    """

    width: float
    run: str
    step_length: float
    steps: int

    def grid(self, points: int = 101) -> Grid:
        """Return a square grid over the window, around the origin of the plane."""
        return Grid.square(points, span=self.width / 2)


def window_of_step(trajectories: Mapping[str, Trajectory], plane: Plane) -> StepWindow:
    """Choose the one window in which all panels are sampled.

    Its full width is the median length of the steps of one run over ||d_alpha||: moved by one such
    step along d_alpha, the network crosses the window once. The run is the first one of the first
    optimizer whose activation has kinks, else the first of all.

    Args:
        trajectories: by the name of their run (``relu-gd-seed0``), in order.
        plane: whose first direction is the unit; usually that of the run that is chosen.

    Raises:
        ValueError: for no trajectory, a name that is not a run's, an unknown activation, or a run
            without a step of finite positive length.
    """
    if not trajectories:
        raise ValueError("at least one trajectory is needed for the length of a step, got none")
    keys = [RunKey.parse(name) for name in trajectories]
    same = [key for key in keys if key.optimizer == keys[0].optimizer]
    kinked = [key for key in same if activations.get(key.activation).kinks]
    chosen = (kinked or keys)[0].name
    step = median_step(trajectories[chosen], chosen)
    width = step / float(np.linalg.norm(plane.d_alpha))
    return StepWindow(
        width, chosen, step, int(np.isfinite(trajectories[chosen].step_lengths).sum())
    )


def median_step(trajectory: Trajectory, name: str = "the trajectory") -> float:
    """Return the median length of the steps of a run.

    Args:
        trajectory: of the run.
        name: for the message.

    Raises:
        ValueError: for a run without a step of finite positive length.
    """
    lengths = trajectory.step_lengths
    finite = lengths[np.isfinite(lengths)]
    step = float(np.median(finite)) if len(finite) else 0.0
    if step <= 0:
        raise ValueError(
            f"run {name} must have steps of positive length, got a median of {step} over "
            f"{len(finite)} finite ones; train it for some steps, or choose a width yourself"
        )
    return step


def zoom_series(full: float, window: float, *, levels: int = 4) -> Floats:
    """Return widths from full scale down to a window by roughly equal factors, [levels].

    Those in between are rounded to two digits.

    Args:
        full: width at full scale, in multiples of the direction.
        window: width of the last one.
        levels: how many, at least 2.

    Raises:
        ValueError: for fewer than 2 levels, or widths that do not decrease.

    >>> zoom_series(2.0, 0.002, levels=4).tolist()
    [2.0, 0.2, 0.02, 0.002]
    """
    if levels < 2 or not 0 < window < full < math.inf:
        raise ValueError(
            f"zooming needs at least 2 levels and widths full > window > 0, "
            f"got {levels} levels from {full} to {window}"
        )
    between = [float(f"{width:.2g}") for width in np.geomspace(full, window, levels)[1:-1]]
    return np.array([full, *between, window])


def residual_scaling(
    evaluate: Evaluate,
    centres: Floats,
    widths: Floats,
    *,
    points: int = 9,
    settings: Json | None = None,
) -> ResidualScaling:
    """Measure how residual and removed quadratic grow with the window.

    Around every centre, windows of every width are sampled on ``points`` x ``points`` points, and
    their best-fitting quadratic is removed. One more window, a millionth of the narrowest, holds
    nothing but rounding: what is left there is the floor below which no residual can be seen.

    Args:
        evaluate: loss at coordinates: [K, 2] -> [K], in float64.
        centres: of the windows, [C, 2] in multiples, at least 20.
        widths: full widths of the windows, [W], increasing, in multiples.
        points: of a window's side, at least 4.
        settings: what to note.

    Raises:
        ValueError: for fewer than 20 centres, widths that are not positive and increasing, fewer
            than 4 points, or an evaluator that returns something else.
    """
    centres = as_floats(centres, "centres", (len(centres), 2))
    widths = as_floats(widths, "widths", (len(widths),))
    if len(centres) < LEAST_CENTRES:
        raise ValueError(
            f"at least {LEAST_CENTRES} centres are needed for quartiles, got {len(centres)}"
        )
    if not len(widths) or widths[0] <= 0 or np.any(np.diff(widths) <= 0):
        raise ValueError(f"widths must be positive and increasing, got {widths.tolist()}")
    every = np.array([_ROUNDING_WIDTH * widths[0], *widths])
    left, removed = (np.empty((len(centres), len(every))) for _ in range(2))
    for row, centre in enumerate(centres):
        left[row], removed[row] = _around(evaluate, centre, every, points)
    return ResidualScaling(
        centres, widths, left[:, 1:], removed[:, 1:], rounding=left[:, 0],
        settings={"points": points, **(settings or {})},
    )  # fmt: skip


def rounding_of(
    evaluate: Evaluate, centre: tuple[float, float], width: float, *, points: int = 9
) -> float:
    """Measure the rounding of a loss beside a window: the residual in a millionth of its width.

    Args:
        evaluate: as in :func:`residual_scaling`.
        centre: of the window.
        width: its full width, in multiples.
        points: of a side, at least 4.

    Returns:
        Root mean square, in units of the loss.

    Raises:
        ValueError: for fewer than 4 points, or an evaluator that returns something else.
    """
    narrow = np.array([_ROUNDING_WIDTH * width])
    return float(_around(evaluate, np.asarray(centre), narrow, points)[0][0])


def minibatch_noise(evaluators: Sequence[Evaluate], width: float) -> float:
    """Return by how much the choice of a minibatch changes what one step does to the loss.

    That is the standard deviation, over minibatches, of the change of a minibatch's mean loss from
    ``(-width / 2, 0)`` to ``(width / 2, 0)``: the noise of its gradient times the step.

    Args:
        evaluators: the loss of each minibatch, as in :func:`residual_scaling`; at least 2.
        width: full width of the window, in multiples.

    Returns:
        In units of the loss; compare it with the range of a residual.

    Raises:
        ValueError: for fewer than 2 minibatches.
    """
    if len(evaluators) < 2:
        raise ValueError(f"a deviation needs at least 2 minibatches, got {len(evaluators)}")
    ends = np.array([[-width / 2, 0.0], [width / 2, 0.0]])
    return float(np.std([np.diff(evaluate(ends))[0] for evaluate in evaluators], ddof=1))


def _around(
    evaluate: Evaluate, centre: Floats, widths: Floats, points: int
) -> tuple[Floats, Floats]:
    """Root mean squares [W] of residual and removed quadratic, in windows around one centre."""
    if points < 4:
        raise ValueError(f"a quadratic leaves nothing of fewer than 4 x 4 points, got {points}")
    axis = np.linspace(-1.0, 1.0, points)
    u, v = (c.ravel() for c in np.meshgrid(axis, axis, indexing="ij"))
    unit = np.stack([u, v], axis=1)
    coordinates = centre + widths[:, None, None] / 2 * unit
    losses = np.asarray(evaluate(coordinates.reshape(-1, 2)))
    if losses.dtype != np.float64 or losses.shape != (coordinates.size // 2,):
        raise ValueError(
            f"the evaluator must return float64 losses of shape ({coordinates.size // 2},), "
            f"got {losses.dtype} of shape {losses.shape}"
        )
    fit = Fit.on(u, v)
    parts, left = fit.split(losses.reshape(len(widths), -1))
    return np.sqrt(np.mean(left**2, axis=1)), fit.second_degree_rms(parts)
