"""Random directions from draws that depend on the seed and the parameter's name alone."""

from __future__ import annotations

import json
from typing import Any

from torch import nn

from landscape.networks.acting import acting_weights
from landscape.networks.directions import normalise, random_direction
from landscape.networks.parameters import flatten, layout_of
from landscape.networks.selection import Which, mask, select
from landscape.records.arrays import Floats, Json
from landscape.records.layout import Layout
from landscape.records.plane import Normalisation, Plane

_AXES = ("alpha", "beta", "gamma")
# Characters of a list in the settings: an attribute of an HDF5 file holds 64 kB.
_LONGEST = 24_000


def random_plane(
    model: nn.Module,
    *,
    seed: int = 0,
    normalisation: Normalisation = "filter",
    one_dimensional: str = "zero",
    embeddings: str = "same",
    which: Which = "all",
    axes: int = 2,
) -> Plane:
    """Make the plane of two random normalised directions through the model's parameters.

    The model is only read. The two directions are independent, not orthogonalised: in high
    dimension they are nearly orthogonal, and their cosine is recorded. What they perturb by how
    much is told by :func:`landscape.describe`.

    Args:
        model: any module; its present parameters are the origin.
        seed: of the Gaussian draws.
        normalisation: ``filter``, ``layer``, ``global`` or ``none``; see :func:`normalise`.
        one_dimensional: ``zero`` or ``layer``; see :func:`normalise`.
        embeddings: ``same``, ``layer`` or ``zero``; see :func:`normalise`.
        which: the parameters to perturb, frozen ones among them: ``all`` (Li et al. 2018),
            ``trainable``, a name, pattern or layer, or a list of those; see
            :func:`landscape.networks.selection.select`. The draws of a parameter do not depend
            on it.
        axes: 2 for a plane, 1 for a line, 3 for a volume. The first directions are the same.

    Returns:
        The plane. Its settings have the arguments, and the names that were chosen (``selected``)
        if not all were. For masked or parametrised weights, ``acting`` has by name the norm of the
        weight that acts and of its change along each direction. Both are only a number of
        parameters, if they are longer than an attribute of a study file should be.

    Raises:
        ValueError: for another number of axes, parameters that are not finite, an unknown
            normalisation or rule, or a choice that leaves nothing to perturb.

    References:
        Li et al. (2018), section 4.
    """
    layout, theta = layout_of(model), flatten(model)
    if not 1 <= axes <= len(_AXES):
        raise ValueError(f"axes must be 1, 2 or 3, got {axes}")
    names, acting = select(model, which), acting_weights(model, theta)
    directions = [
        normalise(
            random_direction(layout, seed=seed, axis=axis),
            theta,
            layout,
            normalisation=normalisation,
            one_dimensional=one_dimensional,
            embeddings=embeddings,
            names=frozenset(names),
            acting=acting,
        )
        for axis in _AXES[:axes]
    ]
    if not directions[0].any():
        raise ValueError(_nothing_moves(layout, names, theta))
    settings: dict[str, Any] = {
        "seed": seed,
        "normalisation": normalisation,
        "one_dimensional": one_dimensional,
        "embeddings": embeddings,
    }
    if len(names) < len(layout.slots):
        settings["selected"] = _short(list(names))
    if hidden := acting.norms(theta, directions, layout):
        settings["acting"] = _short(hidden)
    return Plane.through(theta, directions, layout, kind="random", settings=settings)


def _short(listed: Json | list[str]) -> Json | list[str] | int:
    """Return what is listed, or only its number if it is too long for a file."""
    return listed if len(json.dumps(listed)) <= _LONGEST else len(listed)


def _nothing_moves(layout: Layout, names: tuple[str, ...], theta: Floats) -> str:
    have_filters = any(slot.filters for slot in layout.slots if slot.name in names)
    if not have_filters and theta[mask(layout, names)].any():
        return (
            "nothing is perturbed: biases, scales and other parameters without filters are left "
            "out; choose weights too, or give one_dimensional='layer'"
        )
    return (
        "nothing is perturbed: the chosen weights are all zero, as in an adapter not yet trained, "
        "or embeddings that are left out; choose others, or give normalisation='none'"
    )
