"""Lines and planes through solutions.

References:
    Goodfellow, Vinyals, Saxe (2015), Qualitatively characterizing neural network optimization
    problems, section 3 (the line).
    Garipov, Izmailov, Podoprikhin, Vetrov, Wilson (2018), Loss surfaces, mode connectivity, and
    fast ensembling of DNNs, appendix A.1 (the plane through three points).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.networks.architecture import check_one_network, other_training
from landscape.planes.orthogonal import CollinearError, check_independent, orthogonalised
from landscape.planes.points import Place, Point, Space, batch_statistics
from landscape.records.layout import Layout
from landscape.records.plane import Plane
from landscape.records.projection import project


def line_between(first: Place, second: Place, *, layout: Layout | None = None) -> Plane:
    """Make the line from one solution to another: alpha 0 is the first, alpha 1 the second.

    Only parameters are interpolated. Running statistics of BatchNorm are those of the model that
    is sampled, at every point; ``settings["batch_statistics"]`` tells whether the two solutions'
    ``differ``, are the ``same``, ``unknown`` (a vector has none), or ``none``. Both must be of one
    network, see :func:`landscape.networks.architecture.check_one_network`; weights alone are
    evaluated in the first one's, and ``settings["networks"]`` is then ``unknown``.
    ``settings["trained_apart"]`` names what trajectories differ in, ``data`` or ``loss``.

    Args:
        first: a model, a trajectory (its solution), a vector [P], or a state dict.
        second: likewise.
        layout: of the parameters, where neither is a model or a trajectory.

    Raises:
        ValueError: if both are the same point, belong to different networks, or are not usable.

    >>> from landscape.records.layout import Slot
    >>> line = line_between(np.zeros(2), np.ones(2), layout=Layout((Slot("w", (2,)),)))
    >>> line.points(np.array([[0.0], [0.5], [1.0]])).tolist()
    [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    """
    places = {"first": first, "second": second}
    space = Space.of(list(places.values()), layout)
    ends = [space.point(place, name) for name, place in places.items()]
    direction = ends[1].theta - ends[0].theta
    if not direction.any():
        raise ValueError("a line needs two different points, got the same one twice")
    settings = {
        "points": [[0.0], [1.0]],
        "distance": float(np.linalg.norm(direction)),
        **_origins(places, ends),
    }
    return Plane(ends[0].theta, direction, None, space.layout, "between", settings)


def plane_through(
    first: Place,
    second: Place,
    third: Place,
    *,
    layout: Layout | None = None,
    orthogonal: bool = False,
) -> Plane:
    """Make the plane that contains three solutions; the first is its origin.

    By default the second lies at (1, 0) and the third at (0, 1): coordinates are oblique, and a
    picture with axes at right angles shows other angles than there are. With ``orthogonal`` the
    second direction is made orthogonal to the first and as long: angles and ratios of distances
    are then true, the second solution is at (1, 0), and the third where it falls. Garipov et al.
    (2018) take the same basis with unit vectors.

    Only parameters vary; running statistics of BatchNorm are those of the model that is sampled,
    and the solutions must be of one network, see :func:`line_between`.

    Args:
        first: a model, a trajectory (its solution), a vector [P], or a state dict.
        second: likewise.
        third: likewise.
        layout: of the parameters, where none is a model or a trajectory.
        orthogonal: whether the directions are made orthogonal and equally long.

    Returns:
        The plane, with the coordinates of the three in ``settings["points"]``.

    Raises:
        CollinearError: a ValueError if the three lie on a line.
        ValueError: if they belong to different networks, or are not usable.
    """
    places = {"first": first, "second": second, "third": third}
    space = Space.of(list(places.values()), layout)
    points = [space.point(place, name) for name, place in places.items()]
    first_way, second_way = (point.theta - points[0].theta for point in points[1:])
    try:
        check_independent(first_way, second_way)
    except CollinearError as error:
        raise CollinearError(
            "three points on a line span no plane; choose another third point, or make the line "
            "between two of them with line_between"
        ) from error
    if orthogonal:
        second_way = orthogonalised(second_way, first_way)
        second_way = second_way * (np.linalg.norm(first_way) / np.linalg.norm(second_way))
    plane = Plane(points[0].theta, first_way, second_way, space.layout, "through")
    coordinates = project(np.stack([point.theta for point in points]), plane)[0]
    # What is known exactly is written exactly.
    coordinates[0], coordinates[1] = (0.0, 0.0), (1.0, 0.0)
    if not orthogonal:
        coordinates[2] = (0.0, 1.0)
    settings = {
        "points": coordinates.tolist(),
        "orthogonal": orthogonal,
        **_origins(places, points),
    }
    return Plane(points[0].theta, first_way, second_way, space.layout, "through", settings)


def _origins(places: Mapping[str, Place], points: Sequence[Point]) -> dict[str, Any]:
    """Return what is noted of solutions that share a plane; refuse those of other networks."""
    networks = {"networks": check_one_network({f"the {name}": p for name, p in places.items()})}
    apart = other_training(places)
    return {"batch_statistics": batch_statistics(points), **networks,
            **({"trained_apart": apart} if apart else {})}  # fmt: skip
