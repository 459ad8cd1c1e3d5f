"""Scaling inputs, always by name and always recorded."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Standardisation = Literal["none", "unit", "features", "global"]
STANDARDISATIONS: tuple[str, ...] = get_args(Standardisation)


def check(standardise: str) -> None:
    """Raise ValueError if ``standardise`` is unknown; the message lists the known."""
    if standardise not in STANDARDISATIONS:
        raise ValueError(
            f"unknown standardisation {standardise!r}; known: {', '.join(STANDARDISATIONS)}"
        )


def standardised(
    inputs: NDArray[Any], targets: NDArray[Any], how: str, *, full_scale: float | None, name: str
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Scale a data set and say what was done.

    ``none``: as shipped. ``unit``: divided by the set's full scale (255 for images of bytes).
    ``features``: each feature to mean 0 and variance 1 over the set; one that never varies to 0.
    ``global``: one mean and one deviation for the whole set. The values of a regression are brought
    to mean 0 and variance 1 by all but ``none``.

    Returns:
        Inputs and targets (floating point inputs), and a sentence for the record.

    Raises:
        ValueError: for an unknown way, or ``unit`` of a set without a full scale.
    """
    check(how)
    floats = inputs.astype(np.float32 if inputs.dtype == np.uint8 else np.float64)
    said = how
    if how == "unit":
        if full_scale is None:
            raise ValueError(f"{name} has no full scale to divide by; use features, global or none")
        floats = np.divide(floats, full_scale, dtype=floats.dtype)
        said = f"unit: divided by {full_scale:g}"
    elif how in ("features", "global"):
        axis = 0 if how == "features" else None
        mean = floats.mean(axis=axis, dtype=np.float64, keepdims=True)
        deviation = floats.std(axis=axis, dtype=np.float64, keepdims=True)
        scaled = (floats - mean) / np.where(deviation > 0, deviation, 1.0)
        floats = scaled.astype(floats.dtype)
    if targets.dtype.kind == "f" and how != "none":
        targets = (targets - targets.mean()) / targets.std()
        said += "; targets to mean 0 and variance 1"
    return floats, targets, said
