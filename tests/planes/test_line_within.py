"""Lines inside planes: every point is one of the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape import Plane, line_within
from landscape.records.layout import Layout, Slot

LAYOUT = Layout((Slot("w", (5,)),))


def plane(axes: int = 2, **settings: Any) -> Plane:
    vectors = np.random.default_rng(0).normal(size=(axes + 1, 5))
    return Plane.through(vectors[0], list(vectors[1:]), LAYOUT, kind="random", settings=settings)


within = st.floats(-3, 3).map(lambda x: round(x, 3))
points = st.tuples(within, within)


@given(first=points, second=points, share=st.floats(0, 1))
def test_every_point_of_the_line_is_one_of_the_plane(
    first: tuple[float, float], second: tuple[float, float], share: float
) -> None:
    if first == second:
        return
    whole = plane()
    line = line_within(whole, first, second)
    where = (1 - share) * np.array(first) + share * np.array(second)
    expected = whole.origin + where[0] * whole.directions[0] + where[1] * whole.directions[1]
    np.testing.assert_allclose(line.points(np.array([[share]]))[0], expected, atol=1e-13)
    ends = whole.points(np.array([first, second]))
    assert line.settings["distance"] == pytest.approx(np.linalg.norm(ends[1] - ends[0]))


def test_it_tells_where_it_lies_and_not_what_is_true_of_the_plane_alone() -> None:
    whole = plane(seed=3, normalisation="filter", hessian={"top": 1.0}, points=[[0.0, 0.0]])
    line = line_within(whole, (0, 0.5), (1, -1))
    assert line.kind == "segment"
    assert line.axes == 1
    told = {k: line.settings[k] for k in line.settings if k != "distance"}
    assert told == {"of": "random", "ends": [[0.0, 0.5], [1.0, -1.0]], "seed": 3,
                    "normalisation": "filter"}  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((0.5, 0.5), (0.5, 0.5), "needs two different points"),
        ((0, float("nan")), (1, 1), "two finite numbers"),
        ((0, 0, 0), (1, 1, 1), "two points of two finite numbers"),
        ((0, 0), (1e308, 1e308), "too far away"),
    ],
)
def test_impossible_lines_are_refused(first: Any, second: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        line_within(plane(), first, second)


def test_lines_lie_in_planes_alone() -> None:
    for axes in (1, 3):
        with pytest.raises(ValueError, match=f"needs two directions, got {axes}"):
            line_within(plane(axes), (0, 0), (1, 1))
