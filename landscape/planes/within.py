"""Lines inside a plane, from one of its points to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.records.plane import Plane

# Told of the plane that a line lies in.
_TOLD = ("seed", "normalisation", "selected", "batch_statistics")


def line_within(plane: Plane, first: Sequence[float], second: Sequence[float]) -> Plane:
    """Make the line from one point of a plane to another: alpha 0 is the first, alpha 1 the second.

    At alpha t lies ``origin + a d_alpha + b d_beta`` with ``(a, b) = (1 - t) first + t second``.

    Args:
        plane: with two directions.
        first: its alpha and beta.
        second: likewise.

    Returns:
        The line, of the kind ``segment``, with ``settings``: ``ends``, the two points; ``of``, the
        kind of the plane; ``distance``, how far they are apart in parameter space.

    Raises:
        ValueError: for a plane without two directions, points that are the same or too far away,
            or coordinates that are not two finite numbers.

    >>> from landscape.records.layout import Layout, Slot
    >>> square = Plane(np.zeros(2), np.eye(2)[0], np.eye(2)[1], Layout((Slot("w", (2,)),)))
    >>> line_within(square, (1, 0), (1, 4)).points(np.array([[0.0], [0.25], [1.0]])).tolist()
    [[1.0, 0.0], [1.0, 1.0], [1.0, 4.0]]
    """
    if plane.axes != 2:
        raise ValueError(f"a line within a plane needs two directions, got {plane.axes}")
    ends = np.array([first, second], dtype=np.float64)
    if ends.shape != (2, 2) or not np.isfinite(ends).all():
        raise ValueError(f"a line needs two points of two finite numbers each, got {ends.tolist()}")
    with np.errstate(over="ignore", invalid="ignore"):
        direction = (ends[1] - ends[0]) @ plane.directions
        origin = plane.points(ends[:1])[0]
    if not direction.any():
        raise ValueError("a line needs two different points, got the same one twice")
    if not (np.isfinite(direction).all() and np.isfinite(origin).all()):
        raise ValueError(f"the points {ends.tolist()} are too far away to be computed")
    settings = {
        "of": plane.kind,
        "ends": ends.tolist(),
        "distance": float(np.linalg.norm(direction)),
        **{name: plane.settings[name] for name in _TOLD if name in plane.settings},
    }
    return Plane(origin, direction, None, plane.layout, "segment", settings)
