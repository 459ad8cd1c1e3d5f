"""Lines of several seeds: the median, the range, and gaps where a run did not arrive."""

import math

import numpy as np
import pytest
from figures import clashes

from landscape import viz


def test_median_range_and_gaps():
    values = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, math.inf], [2.0, 9.0, 5.0]])
    figure = viz.report.spread_lines(
        [1, 2, 3], {"ReLU": values}, xlabel="rate", ylabel="steps", log="y"
    )
    (axes,) = figure.axes
    drawn = axes.lines[0].get_ydata()
    assert drawn[:2].tolist() == [2.0, 4.0]
    assert math.isnan(drawn[2])
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 1.0
    assert corners[:, 1].max() == 9.0
    assert corners[:, 0].max() == 2.0
    assert not clashes(figure)


@pytest.mark.parametrize(
    ("lines", "said"),
    [({}, "1 to 8 lines, got 0"), ({"a": [[1.0]]}, r"must have shape \(seeds, 2\)")],
)
def test_what_cannot_be_drawn(lines, said):
    with pytest.raises(ValueError, match=said):
        viz.report.spread_lines([1, 2], lines, xlabel="x", ylabel="y")
