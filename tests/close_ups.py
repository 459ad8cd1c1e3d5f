"""Close-ups of a bowl with one crease, in closed form."""

from __future__ import annotations

import numpy as np

from landscape.records.close_up import CloseUp
from landscape.records.kink_cut_surface import KinkCutSurface

WIDTHS = (2.0, 0.2, 0.02)


def close_up(activation: str, width: float, bend: float = 0.0) -> CloseUp:
    """A bowl, and on it a crease along alpha = 0 across which the slope jumps by 2 bend."""
    half, count = width / 2, 21
    axes = np.linspace(0, half, count), np.linspace(-half, half, 2 * count - 1)
    a, b = (values.ravel() for values in np.meshgrid(*axes, indexing="ij"))
    at = np.arange(a.size).reshape(count, -1)
    p, q, r, s = (corner.ravel() for corner in (at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]))
    faces = np.concatenate([np.stack([p, q, r], axis=1), np.stack([p, r, s], axis=1)])
    side = np.repeat([-1.0, 1.0], a.size)
    a, b = np.concatenate([-a, a]), np.concatenate([b, b])
    return CloseUp(
        surface=KinkCutSurface(
            coordinates=np.stack([a, b], axis=1),
            losses=0.05 + a**2 + 0.6 * b**2 + 0.3 * a + 0.1 * a * b + bend * np.abs(a),
            gradients=np.stack([2 * a + 0.3 + 0.1 * b + bend * side, 1.2 * b + 0.1 * a], axis=1),
            # Mirrored, they would be counted the other way around.
            triangles=np.concatenate([faces[:, ::-1], faces + a.size // 2]),
            curves=int(bend > 0), uncut=0, doubtful=0, examples=1797,
            settings={"loss": "cross_entropy"},
        ),
        title=activation, activation=activation, run=f"{activation}-gd-seed0",
        full_width=WIDTHS[0], step_width=WIDTHS[-1],
    )  # fmt: skip


def series(activation: str, bend: float = 0.0) -> list[CloseUp]:
    """Its windows, widest first."""
    return [close_up(activation, width, bend) for width in WIDTHS]
