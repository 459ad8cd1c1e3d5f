"""Planes of the user's own directions."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.planes.orthogonal import check_independent, orthogonalised
from landscape.planes.points import Place, Space, Vector
from landscape.records.arrays import Json
from landscape.records.layout import Layout
from landscape.records.plane import Plane


def custom_plane(
    origin: Place,
    directions: Sequence[Vector],
    *,
    layout: Layout | None = None,
    orthogonal: bool = False,
    kind: str = "custom",
    settings: Json | None = None,
) -> Plane:
    """Make a line, plane or volume from an origin and one, two or three directions.

    Args:
        origin: a model, a trajectory (its solution), a vector [P], or a state dict.
        directions: each a vector [P] in the order of the layout, or tensors by the names of their
            parameters; parameters that are not named do not move. To scale them to the weights,
            see :func:`landscape.networks.directions.normalise`; of masked or parametrised weights,
            give it :func:`landscape.networks.acting.acting_weights`.
        layout: of the parameters, where the origin is a vector or a state dict.
        orthogonal: whether each direction is made orthogonal to those before it (Gram-Schmidt);
            its length becomes that of what is left.
        kind: a name for it.
        settings: what to note, plain JSON values.

    Raises:
        ValueError: for another number of directions, unknown names, other shapes, NaN or infinity,
            or directions that are zero or parallel; the message names which.

    >>> import torch
    >>> plane = custom_plane(torch.nn.Linear(2, 1), [{"weight": [[1.0, 0.0]]}, {"bias": [2.0]}])
    >>> plane.directions.tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    """
    if not 1 <= len(directions) <= 3:
        raise ValueError(f"1 to 3 directions are needed, got {len(directions)}")
    space = Space.of([origin], layout)
    vectors = [space.vector(d, f"directions[{i}]") for i, d in enumerate(directions)]
    for number, vector in enumerate(vectors):
        if not vector.any():
            raise ValueError(f"directions[{number}] must not be zero everywhere")
    check_independent(*vectors)
    if orthogonal:
        for number in range(1, len(vectors)):
            for before in vectors[:number]:
                vectors[number] = orthogonalised(vectors[number], before)
    noted = {"orthogonal": orthogonal, **(settings or {})}
    theta = space.point(origin, "origin").theta
    return Plane.through(theta, vectors, space.layout, kind=kind, settings=noted)
