"""The plane in which an optimizer took its last step."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from torch import nn

from landscape.networks.acting import Acting, acting_weights, hidden_weights
from landscape.networks.directions import normalise, random_direction
from landscape.networks.parameters import layout_of
from landscape.planes.orthogonal import orthogonalised
from landscape.records.arrays import Floats
from landscape.records.layout import Layout
from landscape.records.plane import Plane
from landscape.records.trajectory import Trajectory

Companion = Literal["previous", "displacement", "random"]
_COMPANIONS: tuple[str, ...] = get_args(Companion)


def last_update(trajectory: Trajectory, record: int = -1) -> tuple[Floats, int]:
    """Return the optimizer step that ends at a record, [P], and over how many it is a mean.

    Args:
        trajectory: the path of an optimizer.
        record: index of the record where the step ends, not the first.

    Raises:
        IndexError: for a record that is not there.
        ValueError: if no step leads to the record, or the optimizer stood still.
    """
    step, taken = trajectory.step_to(record)
    if not step.any() or not np.all(np.isfinite(step)):
        raise ValueError(
            f"the step to record {record} must be finite and not zero; give an earlier record"
        )
    return step, taken


def update_plane(
    trajectory: Trajectory,
    *,
    second: Companion = "previous",
    record: int = -1,
    seed: int = 0,
    orthogonal: bool = False,
    model: nn.Module | None = None,
) -> Plane:
    """Make the plane of an optimizer's step and another direction, through the point it led to.

    Coordinates along alpha are multiples of the step: the optimizer came from (-1, 0) if every
    step was recorded. Between records that skip steps, a step is their mean.

    Args:
        trajectory: the path of an optimizer.
        second: ``previous`` takes the step before, ``displacement`` the whole way from the start
            to the record, ``random`` a random filter-normalised direction.
        record: index of the record where the step ends, which becomes the origin.
        seed: of the random direction.
        orthogonal: whether the second direction is made orthogonal to the first; its length
            becomes that of what is left.
        model: the network of the trajectory. ``random`` needs it where weights are masked or
            parametrised: a trajectory does not tell how.

    Raises:
        CollinearError: a ValueError if both directions are to be orthogonal and are parallel.
        ValueError: for an unknown second direction, too few records, parallel directions, or a
            model that is missing or has other parameters.
    """
    if second not in _COMPANIONS:
        raise ValueError(f"unknown second direction {second!r}; known: {', '.join(_COMPANIONS)}")
    step, taken = last_update(trajectory, record)
    origin = np.asarray(trajectory.thetas[record], dtype=np.float64)
    if second == "previous":
        other = last_update(trajectory, (record % len(trajectory.steps)) - 1)[0]
    elif second == "displacement":
        other = origin - trajectory.start
    else:
        draws = random_direction(trajectory.layout, seed=seed, axis="beta")
        acting = _acting(model, origin, trajectory.layout)
        other = normalise(draws, origin, trajectory.layout, acting=acting)
    if orthogonal:
        other = orthogonalised(other, step)
    settings = {
        "step": int(trajectory.steps[record]),
        "steps_averaged": taken,
        "second": second,
        "orthogonal": orthogonal,
        **({"seed": seed} if second == "random" else {}),
    }
    return Plane(origin, step, other, trajectory.layout, "update", settings)


def _acting(model: nn.Module | None, theta: Floats, layout: Layout) -> Acting | None:
    if model is None:
        if hidden := hidden_weights(layout):
            raise ValueError(
                f"a random direction is scaled to the weights that act, and {hidden[0]} is masked "
                "or parametrised; give model="
            )
        return None
    if layout_of(model) != layout:
        raise ValueError(
            "the model must have the parameters of the trajectory, got others; give the network "
            "that was trained"
        )
    return acting_weights(model, theta)
