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
) -> Plane:
    """Make the plane of two random normalised directions through the model's parameters.

    The model is only read. The two directions are independent, not orthogonalised: in high
    dimension they are nearly orthogonal, and their cosine is recorded.

    Args:
        model: any module; its present parameters are the origin.
        seed: of the Gaussian draws.
        normalisation: ``filter``, ``layer`` or ``none``; see :func:`normalise`.
        one_dimensional: ``zero`` or ``layer``; see :func:`normalise`.

    Raises:
        ValueError: for parameters that are not finite, or an unknown normalisation.

    References:
        Li et al. (2018), section 4.
    """
    layout, theta = layout_of(model), flatten(model)
    d_alpha, d_beta = (
        normalise(
            random_direction(layout, seed=seed, axis=axis),
            theta,
            layout,
            normalisation=normalisation,
            one_dimensional=one_dimensional,
        )
        for axis in ("alpha", "beta")
    )
    return Plane(
        theta,
        d_alpha,
        d_beta,
        layout,
        "random",
        {"seed": seed, "normalisation": normalisation, "one_dimensional": one_dimensional},
    )
