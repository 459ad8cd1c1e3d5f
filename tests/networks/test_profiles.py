"""Activations on a range against closed forms and the facts of the registry."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from landscape.networks.activations import Smoothness, get, names, profile, usual_range


@pytest.mark.parametrize("name", [*names(), "elu_0.5", "smelu_0.25", "softplus_20"])
def test_derivatives_add_up_to_the_function(name: str) -> None:
    """The integral of f'' between cuts, with the deltas, is f'; that of f' is f."""
    record = profile(name, points=4001)
    arrays = record.arrays
    x, values, first, second = (arrays[n] for n in ("x", "values", "first", "second"))
    step = np.diff(x)
    same = step == 0
    rise = np.where(same, np.diff(values), step * (first[1:] + first[:-1]) / 2)
    np.testing.assert_allclose(values[0] + np.cumsum(rise), values[1:], atol=1e-5)
    bend = np.where(same, np.diff(first), step * (second[1:] + second[:-1]) / 2)
    np.testing.assert_allclose(first[0] + np.cumsum(bend), first[1:], atol=2e-5)
    inside = [k.jump for k in get(name).kinks if x[0] < k.place < x[-1]]
    kinked = np.isin(x[:-1], arrays["kinks"][:, 0]) & same
    np.testing.assert_allclose(np.diff(first)[kinked], inside, atol=1e-8)


@pytest.mark.parametrize("name", names())
def test_the_class_tells_what_jumps(name: str) -> None:
    record = profile(name)
    cls = get(name).smoothness
    assert bool(len(record.arrays["value_jumps"])) == (cls is Smoothness.DISCONTINUOUS)
    assert bool(len(record.arrays["kinks"])) == (cls is Smoothness.KINKED)
    if cls is not Smoothness.KINKED:
        assert bool(len(record.arrays["second_jumps"])) == (cls is Smoothness.C1)


@pytest.mark.parametrize(
    ("name", "jumps"),
    [
        ("elu", [(0.0, -1.0)]),
        ("celu_0.5", [(0.0, -2.0)]),
        ("softsign", [(0.0, -4.0)]),
        ("smelu_0.25", [(-0.25, 2.0), (0.25, -2.0)]),
        ("hardswish", [(-3.0, 1 / 3), (3.0, -1 / 3)]),
        ("hardsigmoid", []),
        ("relu", []),
    ],
)
def test_jumps_of_the_second_derivative(name: str, jumps: list[tuple[float, float]]) -> None:
    found = profile(name).arrays["second_jumps"]
    np.testing.assert_allclose(found, np.array(jumps).reshape(-1, 2), atol=1e-6)


def test_a_jump_between_samples_is_found_as_well() -> None:
    found = profile("hardshrink_0.3", low=-1.03, high=1.01, points=40)
    np.testing.assert_allclose(found.arrays["value_jumps"], [[-0.3, 0.3], [0.3, 0.3]], atol=1e-9)
    x = found.arrays["x"]
    assert np.sum(np.diff(x) == 0) == 2


@pytest.mark.parametrize(
    ("name", "slopes", "limits"),
    [
        ("relu", [0, 1], [0, math.inf]),
        ("leaky_relu_0.3", [0.3, 1], [-math.inf, math.inf]),
        ("tanh", [0, 0], [-1, 1]),
        ("softsign", [0, 0], [-1, 1]),
        ("selu", [0, 1.0507010], [-1.7580993, math.inf]),
        ("logsigmoid", [1, 0], [-math.inf, 0]),
        ("gelu", [0, 1], [0, math.inf]),
        ("squareplus", [0, 1], [0, math.inf]),
    ],
)
def test_far_out(name: str, slopes: list[float], limits: list[float]) -> None:
    arrays = profile(name, points=3).arrays
    np.testing.assert_allclose(arrays["slopes"], slopes, atol=1e-7)
    np.testing.assert_allclose(arrays["limits"], limits, atol=1e-7)
    np.testing.assert_array_equal(arrays["bounds"], [get(name).lower, get(name).upper])


def test_slopes_at_a_kink_are_both_limits_and_autograds() -> None:
    np.testing.assert_allclose(profile("relu").arrays["kink_slopes"], [[0, 0, 1]])
    np.testing.assert_allclose(profile("relu6").arrays["kink_slopes"], [[0, 0, 1], [1, 0, 0]])


def test_the_usual_range_shows_every_kink_that_can_be_seen() -> None:
    assert usual_range(["gelu"]) == (-4.0, 4.0)
    assert usual_range(["gelu", "relu6", "softshrink_9"]) == (-10.0, 10.0)
    assert profile("relu6").arrays["x"][[0, -1]].tolist() == [-4.0, 7.0]


def test_where_torch_has_no_second_derivative_it_is_said() -> None:
    record = profile("hardsigmoid")
    assert record.settings["second"] == "differences"
    np.testing.assert_allclose(record.arrays["second"], 0, atol=1e-9)
    assert profile("gelu").settings["second"] == "autograd"


def test_the_record_needs_no_torch_and_the_facts_neither() -> None:
    code = "import sys, landscape.networks.activations; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
    assert {type(a) for a in profile("prelu").arrays.values()} == {np.ndarray}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"low": 1.0, "high": 1.0}, "finite and increasing, got 1.0 to 1.0"),
        ({"low": math.nan}, "finite and increasing"),
        ({"points": 2}, "at least 3 points, got 2"),
    ],
)
def test_wrong_ranges_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        profile("relu", **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown activation 'relo'"):
        profile("relo")
