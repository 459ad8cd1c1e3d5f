"""Directions in parameter space: random draws, and their scaling to the weights.

References:
    Li, Xu, Taylor, Studer, Goldstein (2018), Visualizing the Loss Landscape of Neural Nets,
    section 4 (filter normalisation).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

import numpy as np

from landscape.networks.acting import Acting
from landscape.networks.randomness import keyed_normal
from landscape.records.arrays import Floats
from landscape.records.layout import Layout, Slot
from landscape.records.plane import NORMALISATIONS, Normalisation

OneDimensional = Literal["zero", "layer"]
Embeddings = Literal["same", "layer", "zero"]


def normalise(
    direction: Floats,
    theta: Floats,
    layout: Layout,
    *,
    normalisation: Normalisation = "filter",
    one_dimensional: str = "zero",
    embeddings: str = "same",
    names: Collection[str] | None = None,
    acting: Acting | None = None,
) -> Floats:
    """Scale ``direction`` to the weights ``theta``.

    ``filter``: every filter d_i becomes d_i ||w_i|| / ||d_i||; ``layer``: the same for whole
    parameters; ``global``: the same for all that is perturbed taken together; ``none``: unchanged.
    A filter (parameter) of zeros gets a zero direction under ``filter`` (``layer``).

    The weights w are those that act: masked or parametrised weights are given by ``acting``. The
    scaled direction is a change of those, which is then carried back to the parameters. Entries
    that do not act get a zero direction.

    Args:
        direction: Gaussian draws or another direction, [P].
        theta: weights, [P].
        layout: names, shapes and filter axes of the P parameters.
        normalisation: ``filter``, ``layer``, ``global`` or ``none``.
        one_dimensional: what becomes of parameters without filters: biases, norm scales,
            activation slopes, weight norm's g. ``zero`` leaves them out (Li et al. 2018) under
            every normalisation; ``layer`` scales each as one block under ``filter``, and like all
            others under the rest.
        embeddings: what becomes of embedding tables, also where the output layer shares them.
            ``same`` scales each row under ``filter``, ``layer`` each table as one block instead,
            ``zero`` leaves them out under every normalisation.
        names: the parameters to perturb; None is all. Others get a zero direction.
        acting: of a model with masked or parametrised weights, what
            :func:`landscape.networks.acting.acting_weights` finds at ``theta``; None where every
            parameter acts itself.

    Returns:
        The scaled direction, [P].

    Raises:
        ValueError: for an unknown normalisation or rule.
    """
    _check(normalisation, NORMALISATIONS, "normalisation")
    _check(one_dimensional, get_args(OneDimensional), "rule of one-dimensional parameters")
    _check(embeddings, get_args(Embeddings), "rule of embeddings")
    scaled = np.array(direction, dtype=np.float64)
    weights = theta if acting is None else acting.weights
    if acting is not None:
        scaled[acting.units == 0] = 0.0
    moved = np.zeros(layout.size, dtype=bool)
    for slot, part in layout.parts():
        rule = _rule(slot, one_dimensional, embeddings)
        if rule == "zero" or not (names is None or slot.name in names):
            scaled[part] = 0.0
            continue
        moved[part] = True
        if normalisation == "layer" or (normalisation == "filter" and rule == "layer"):
            scaled[part] = _rescaled(scaled[None, part], weights[None, part])[0]
        elif normalisation == "filter":
            scaled[part] = _by_filter(scaled[part], weights[part], slot)
    if normalisation == "global":
        scaled[moved] = _rescaled(scaled[None, moved], weights[None, moved])[0]
    return scaled if acting is None or normalisation == "none" else scaled * acting.units


def _check(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known: {', '.join(known)}")


def _rule(slot: Slot, one_dimensional: str, embeddings: str) -> str:
    if slot.filter_axis is None:
        return one_dimensional
    return embeddings if slot.role == "embedding" else "same"


def _by_filter(direction: Floats, weights: Floats, slot: Slot) -> Floats:
    rescaled = _rescaled(slot.as_filters(direction), slot.as_filters(weights))
    return np.asarray(slot.from_filters(rescaled))


def _rescaled(rows: Floats, like: Floats) -> Floats:
    """Give each row of ``rows`` the norm of the same row of ``like``."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = np.linalg.norm(like, axis=1, keepdims=True)
    return np.asarray(rows * (wanted / np.where(norms > 0, norms, 1.0)))


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
