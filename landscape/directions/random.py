"""Random directions from draws that depend on the seed and the parameter's name alone."""

from __future__ import annotations

import numpy as np
from torch import nn

from landscape.arrays import Floats
from landscape.config.study import Normalisation
from landscape.directions.normalise import normalise
from landscape.layout import Layout
from landscape.parameters import flatten, layout_of
from landscape.plane import Plane
from landscape.randomness import keyed_normal

_AXES = ("alpha", "beta", "gamma")


def random_direction(layout: Layout, *, seed: int = 0, axis: str = "alpha") -> Floats:
    """Draw a standard normal direction [P].

    The draws of a parameter are keyed by (seed, axis, name), so that networks which differ by an
    extra parameter (PReLU's slopes) share all others.
    """
    draws = [
        keyed_normal(slot.shape, seed, "direction", axis, slot.name).numpy().reshape(-1)
        for slot in layout.slots
    ]
    return np.concatenate(draws)


def random_plane(
    model: nn.Module,
    *,
    seed: int = 0,
    normalisation: Normalisation = "filter",
    one_dimensional: str = "zero",
    axes: int = 2,
) -> Plane:
    """Make the plane of two random normalised directions through the model's parameters.

    The model is only read. The two directions are independent, not orthogonalised: in high
    dimension they are nearly orthogonal, and their cosine is recorded.

    Args:
        model: any module; its present parameters are the origin.
        seed: of the Gaussian draws.
        normalisation: ``filter``, ``layer`` or ``none``; see :func:`normalise`.
        one_dimensional: ``zero`` or ``layer``; see :func:`normalise`.
        axes: 2 for a plane, 1 for a line, 3 for a volume. The first directions are the same.

    Raises:
        ValueError: for another number of axes, parameters that are not finite, or an unknown
            normalisation.

    References:
        Li et al. (2018), section 4.
    """
    layout, theta = layout_of(model), flatten(model)
    if not 1 <= axes <= len(_AXES):
        raise ValueError(f"axes must be 1, 2 or 3, got {axes}")
    directions = [
        normalise(
            random_direction(layout, seed=seed, axis=axis),
            theta,
            layout,
            normalisation=normalisation,
            one_dimensional=one_dimensional,
        )
        for axis in _AXES[:axes]
    ]
    settings = {"seed": seed, "normalisation": normalisation, "one_dimensional": one_dimensional}
    return Plane.through(theta, directions, layout, kind="random", settings=settings)
