"""Plates of activations, by what is drawn in their axes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landscape import viz
from landscape.networks.activations import names, profile
from landscape.records.results import Analysis


def panels(figure: Any) -> list[Any]:
    return list(figure.axes)


def curves(axes: Any) -> list[Any]:
    """Lines that are drawn through more than two points."""
    return [line for line in axes.lines if len(line.get_xdata()) > 2]


def dots(axes: Any) -> dict[tuple[float, float], bool]:
    """Places of dots, and whether each is full."""
    return {
        (float(line.get_xdata()[0]), round(float(line.get_ydata()[0]), 6)):
        line.get_markerfacecolor() != "white"
        for line in axes.lines
        if line.get_marker() == "o"
    }  # fmt: skip


def deltas(axes: Any) -> list[tuple[float, float]]:
    """Place and weight of the arrows, which start at 0."""
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert all(text.xyann == (text.xy[0], 0.0) for text in arrows)
    return [(float(text.xy[0]), float(text.xy[1])) for text in arrows]


def test_a_kink_is_a_gap_with_dot_and_ring_and_a_delta() -> None:
    figure = viz.activation_plate([profile("relu"), profile("leaky_relu_0.3")])
    _, first, second, _, leaky, leaky_second = panels(figure)
    assert [line.get_xdata()[[0, -1]].tolist() for line in curves(first)] == [[-4, 0], [0, 4]]
    assert dots(first) == {(0.0, 0.0): True, (0.0, 1.0): False}
    assert dots(leaky) == {(0.0, 0.3): True, (0.0, 1.0): False}
    assert deltas(second) == [(0.0, 1.0)]
    assert deltas(leaky_second) == [(0.0, pytest.approx(0.7))]
    assert "+0.7" in [text.get_text() for text in leaky_second.texts]


def test_a_smooth_one_is_one_line_with_neither() -> None:
    figure = viz.activation_plate([profile("gelu")])
    for axes in panels(figure):
        assert len(curves(axes)) == 1
        assert not dots(axes)
        assert not deltas(axes)


def test_a_jump_of_the_value_is_a_gap_with_a_delta_in_the_slope() -> None:
    function, first, second = panels(viz.activation_plate([profile("hardshrink")]))
    assert len(curves(function)) == 3
    assert set(dots(function)) == {(-0.5, -0.5), (-0.5, 0.0), (0.5, 0.0), (0.5, 0.5)}
    assert deltas(first) == [(-0.5, pytest.approx(0.5)), (0.5, pytest.approx(0.5))]
    assert deltas(second) == []


def test_many_kinks_are_lines_as_long_as_their_weights() -> None:
    record = profile("pwl_gelu", low=-2.0, high=2.0)
    second = panels(viz.activation_plate([record]))[2]
    (stems,) = second.collections
    drawn = np.array([segment[1] for segment in stems.get_segments()])
    kinks = record.arrays["kinks"]
    np.testing.assert_allclose(drawn, kinks[np.abs(kinks[:, 0]) <= 2])
    assert "32 kinks outside" in [text.get_text() for text in second.texts]


def test_the_whole_registry_has_one_set_of_axes_and_its_classes(tmp_path: Path) -> None:
    records = [profile(name, points=41) for name in names()]
    figure = viz.activation_plate(records)
    assert len(figure.axes) == 3 * len(records)
    for row in range(3):
        some = figure.axes[row::3]
        assert len({axes.get_ylim() for axes in some}) == 1
        assert {axes.get_xlim() for axes in some} == {(-4.0, 7.0)}
    titles = {axes.get_title(): axes.texts[0].get_text() for axes in figure.axes[::3]}
    assert titles["ReLU"] == "kinked, $C^0$"
    assert (titles["ELU"], titles["GELU"], titles["Hardshrink"]) == ("$C^1$", "smooth", "jumps")
    assert viz.save(figure, tmp_path / "plate.pdf").stat().st_size > 10_000
    words = viz.caption_of(viz.activation_plate(records))
    assert "12 with kinks, 4 with a continuous slope" in words
    assert "by differences of the first: Hardsigmoid" in words
    # No activation is left out of the counts.
    counts = re.findall(r"(\d+) (?:that jump|with kinks|with a continuous|smooth)", words)
    assert sum(map(int, counts)) == len(records)
    assert "1 that jump" in words


def test_what_goes_beyond_the_axes_is_said() -> None:
    words = viz.caption_of(viz.activation_plate([profile("softplus_20")]))
    assert "go further than drawn: Softplus (20) (5)" in words


@pytest.mark.parametrize(
    ("records", "columns", "message"),
    [
        ([], None, "at least one activation, got none"),
        ([Analysis("summary", {})], None, "of the kind 'activation', got 'summary'"),
        (["relu"], 0, "columns must be >= 1, got 0"),
    ],
)
def test_what_is_no_plate_is_refused(records: Any, columns: int | None, message: str) -> None:
    records = [profile(r) if isinstance(r, str) else r for r in records]
    with pytest.raises(ValueError, match=message):
        viz.activation_plate(records, columns=columns)
