"""Making a second direction orthogonal to a first one."""

from __future__ import annotations

import numpy as np

from landscape.records.arrays import Floats

# Angles (in effect, sines) below this are taken for rounding.
_LEAST_SINE = 1e-5


class CollinearError(ValueError):
    """Directions on one line, which span no plane."""


def orthogonalised(direction: Floats, against: Floats) -> Floats:
    """Return the part of ``direction`` that is orthogonal to ``against``, [P].

    Gram-Schmidt: ``v - u <u, v> / ||u||^2``, taken twice, which removes its rounding as well.

    Args:
        direction: v, [P].
        against: u, [P].

    Raises:
        CollinearError: a ValueError where nothing is left, or one of them is zero.

    >>> orthogonalised(np.array([1.0, 1.0]), np.array([3.0, 0.0])).tolist()
    [0.0, 1.0]
    """
    check_independent(direction, against)
    left = np.array(direction, dtype=np.float64)
    for _ in range(2):
        left = left - against * ((against @ left) / (against @ against))
    return left


def check_independent(*directions: Floats) -> None:
    """Check that two directions span a plane, or three a volume.

    Raises:
        CollinearError: if they are dependent to five digits, or one is zero.
    """
    lengths = [float(np.linalg.norm(d)) for d in directions]
    if min(lengths) == 0.0:
        raise CollinearError("a direction must not be zero everywhere")
    units = np.stack([d / length for d, length in zip(directions, lengths, strict=True)])
    least = float(np.linalg.svd(units, compute_uv=False)[-1])
    if least < _LEAST_SINE:
        what = "be parallel" if len(units) == 2 else "lie in one plane"
        raise CollinearError(
            f"the directions must not {what}, got {least:.2g} as the smallest singular value of "
            "their unit vectors; choose another last direction"
        )
