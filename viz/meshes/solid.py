"""A surface as a body: with walls and a floor, as a printer needs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .parts import Part

# Thickness below the lowest point, over the height of the surface, or over its width if it is flat.
_THICKNESS, _FLAT = 0.06, 0.02


def solid(part: Part) -> Part:
    """Return a surface closed by walls along its rims and a floor below, height along z.

    Every edge belongs to two triangles that run along it in opposite directions, but where cells
    meet in a corner alone.

    Args:
        part: triangles, anticlockwise from above.

    Raises:
        ValueError: for a part without triangles.
    """
    if part.triangles is None:
        raise ValueError(f"a solid is made of triangles, {part.name!r} has none")
    top, count = part.triangles, len(part.points)
    edges = np.concatenate([top[:, [0, 1]], top[:, [1, 2]], top[:, [2, 0]]])
    forth, back = (edges @ np.array(weights) for weights in ((count, 1), (1, count)))
    a, b = edges[~np.isin(forth, back)].T
    walls = np.concatenate([np.stack([b, a, a + count], axis=1),
                            np.stack([b, a + count, b + count], axis=1)])  # fmt: skip
    low, tall = part.points[:, 2].min(), np.ptp(part.points[:, 2])
    lowered = part.points.copy()
    lowered[:, 2] = low - (_THICKNESS * tall or _FLAT * np.ptp(part.points, axis=0).max())
    return replace(
        part, points=np.concatenate([part.points, lowered]), normals=None, data=None,
        colours=np.concatenate([part.colours, part.colours]),
        triangles=np.concatenate([top, top[:, ::-1] + count, walls]),
    )  # fmt: skip
