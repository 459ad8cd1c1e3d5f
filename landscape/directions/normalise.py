"""Scaling a direction to the weights it perturbs.

References:
    Li, Xu, Taylor, Studer, Goldstein (2018), Visualizing the Loss Landscape of Neural Nets,
    section 4 (filter normalisation).
"""

from __future__ import annotations

import numpy as np

from landscape.arrays import Floats
from landscape.config.study import NORMALISATIONS, Normalisation
from landscape.layout import Layout, Slot


def normalise(
    direction: Floats,
    theta: Floats,
    layout: Layout,
    *,
    normalisation: Normalisation = "filter",
    one_dimensional: str = "zero",
) -> Floats:
    """Scale ``direction`` to the weights ``theta``.

    ``filter``: every filter d_i becomes d_i ||w_i|| / ||d_i||; ``layer``: the same for whole
    parameters; ``none``: unchanged. A filter of zeros gets a zero direction.

    Args:
        direction: Gaussian draws or another direction, [P].
        theta: weights, [P].
        layout: names, shapes and filter axes of the P parameters.
        normalisation: ``filter``, ``layer`` or ``none``.
        one_dimensional: what becomes of biases, norm scales and activation slopes: ``zero``
            leaves them out (Li et al. 2018), ``layer`` scales each as one block. Without
            normalisation they are left out just the same under ``zero``.

    Returns:
        The scaled direction, [P].

    Raises:
        ValueError: for an unknown normalisation or rule.
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(
            f"unknown normalisation {normalisation!r}; known: {', '.join(NORMALISATIONS)}"
        )
    if one_dimensional not in ("zero", "layer"):
        raise ValueError(f"unknown rule {one_dimensional!r}; known: zero, layer")
    scaled = np.array(direction, dtype=np.float64)
    for slot, part in layout.parts():
        if slot.filter_axis is None and one_dimensional == "zero":
            scaled[part] = 0.0
        elif normalisation == "layer" or (slot.filter_axis is None and normalisation != "none"):
            scaled[part] = _rescaled(scaled[None, part], theta[None, part])[0]
        elif normalisation == "filter":
            scaled[part] = _by_filter(scaled[part], theta[part], slot)
    return scaled


def _by_filter(direction: Floats, weights: Floats, slot: Slot) -> Floats:
    rescaled = _rescaled(slot.as_filters(direction), slot.as_filters(weights))
    return np.asarray(slot.from_filters(rescaled))


def _rescaled(rows: Floats, like: Floats) -> Floats:
    """Give each row of ``rows`` the norm of the same row of ``like``."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = np.linalg.norm(like, axis=1, keepdims=True)
    return np.asarray(rows * (wanted / np.where(norms > 0, norms, 1.0)))
