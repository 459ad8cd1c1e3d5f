"""Every fact of the registry against one-sided differences of the module in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from torch.overrides import TorchFunctionMode

from landscape.networks.activations import Smoothness, get, make, names
from landscape.networks.activations.modules import smelu
from landscape.networks.activations.polyline import polyline
from landscape.networks.activations.registry import operations

WITH_PARAMETERS = ["leaky_relu_0.3", "prelu_0.1", "elu_0.5", "elu_2", "celu_0.5", "softplus_3",
                   "softshrink_1", "smelu_0.25", "squareplus_1", "leaky_relu_0", "gauss_relu_0.5",
                   "pwl_gelu_0.5", "pwl_elu_1", "pwl_tanh_0.3"]  # fmt: skip
EVERY = [*names(), *WITH_PARAMETERS]
CONTINUOUS = [n for n in EVERY if get(n).smoothness is not Smoothness.DISCONTINUOUS]


def values(name: str, places: np.ndarray) -> np.ndarray:
    module = make(name).double().eval()
    with torch.no_grad():
        return module(torch.from_numpy(np.atleast_1d(places).astype(np.float64))).numpy()


def slopes(name: str, z: float, h: float = 1e-6) -> tuple[float, float]:
    """One-sided derivatives from the left and right, with second-order one-sided stencils."""
    steps = np.arange(3) * h
    weights = np.array([-3.0, 4.0, -1.0]) / (2 * h)
    left = -weights @ values(name, z - steps)
    return float(left), float(weights @ values(name, z + steps))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_kinks_are_where_and_as_large_as_stated(name: str) -> None:
    for kink in get(name).kinks:
        left, right = slopes(name, kink.place)
        assert right - left == pytest.approx(kink.jump, abs=1e-6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_there_is_no_other_kink(name: str) -> None:
    places = [kink.place for kink in get(name).kinks]
    # Off the places of all kinks by more than the stencil: multiples of 1/8, where kinks lie.
    for z in np.arange(-8, 8.01, 0.125):
        if not np.any(np.isclose(places, z)):
            left, right = slopes(name, float(z))
            assert right == pytest.approx(left, abs=1e-4), z


@pytest.mark.parametrize("name", [n for n in CONTINUOUS if not get(n).kinks])
def test_the_class_is_that_of_the_first_derivative_that_jumps(name: str) -> None:
    fact = get(name)
    width = 0.25 if name.startswith("smelu") else 1.0
    places = np.unique([0.0, 1.0, -1.0, 3.0, width, -width])
    h = 1e-3
    second = []
    for z in places:
        right = values(name, z + h * np.arange(4)) @ np.array([2, -5, 4, -1]) / h**2
        left = values(name, z - h * np.arange(4)) @ np.array([2, -5, 4, -1]) / h**2
        second.append(abs(float(right - left)))
    assert (max(second) > 0.05) == (fact.smoothness is Smoothness.C1)
    assert max(second) < 0.005 or fact.smoothness is Smoothness.C1


def test_hardshrink_jumps_in_value() -> None:
    before, after = values("hardshrink", np.array([0.5, 0.5 + 1e-12]))
    assert after - before == pytest.approx(0.5)
    assert get("hardshrink").smoothness is Smoothness.DISCONTINUOUS


@pytest.mark.parametrize("name", EVERY)
def test_bounds_hold_and_are_reached(name: str) -> None:
    fact = get(name)
    places = np.linspace(-60, 60, 24001)
    found = values(name, places)
    assert found.min() >= fact.lower - 1e-15
    assert found.max() <= fact.upper + 1e-15
    if np.isfinite(fact.lower):
        start = places[found.argmin()]
        best = minimize_scalar(
            lambda z: values(name, np.array([z]))[0], bounds=(start - 1, start + 1),
            method="bounded", options={"xatol": 1e-9},
        ).fun  # fmt: skip
        assert min(best, found.min()) == pytest.approx(fact.lower, abs=0.02 if name in (
            "softsign", "squareplus", "squareplus_1") else 1e-10)  # fmt: skip
    if np.isfinite(fact.upper):
        assert found.max() == pytest.approx(fact.upper, abs=0.02 if name == "softsign" else 1e-10)


class Called(TorchFunctionMode):
    """The names of torch's functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.__name__.strip("_"))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", EVERY)
def test_a_module_calls_the_function_that_the_table_names(name: str) -> None:
    with Called() as called:
        make(name)(torch.ones(1, 1))
    assert bool(called.names & set(operations(name))) == (name != "identity")


def test_learnable_ones_have_their_own_parameter() -> None:
    learnable = [n for n in names() if get(n).learnable]
    assert learnable == [n for n in names() if list(make(n).parameters())]
    assert learnable == ["prelu"]
    assert make("prelu_0.1").weight.item() == pytest.approx(0.1)  # type: ignore[union-attr,operator]
    assert make("prelu") is not make("prelu")


@pytest.mark.parametrize("name", ["smelu_0.5", "squareplus_2", "gauss_relu_0.7"])
def test_own_modules_have_right_gradients(name: str) -> None:
    z = torch.tensor([-2.0, -0.4, 0.1, 0.3, 1.7], dtype=torch.float64, requires_grad=True)
    module = make(name)
    assert torch.autograd.gradcheck(module, z)
    assert torch.autograd.gradgradcheck(module, z)
    batched = torch.func.vmap(module)(z[:, None])
    torch.testing.assert_close(batched[:, 0], module(z))


@given(st.floats(-50, 50), st.floats(0.01, 5))
def test_smelu_lies_above_relu_by_at_most_a_quarter_of_beta(z: float, beta: float) -> None:
    smooth = smelu(torch.tensor(z, dtype=torch.float64), beta).item()
    gap = smooth - max(z, 0.0)
    assert -1e-12 <= gap <= beta / 4 + 1e-12


def test_unknown_names_list_the_known_and_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"\(did you mean 'relu'\?\); known: identity, relu"):
        get("rellu")
    with pytest.raises(ValueError, match="gelu has no parameter"):
        get("gelu_0.5")
    with pytest.raises(ValueError, match="must be > 0"):
        make("smelu_0")
    for name in ("", "ReLU", "relu_", "leaky_relu_x", "leaky-relu"):
        with pytest.raises(ValueError, match="unknown activation"):
            get(name)


@pytest.mark.parametrize("base", ["gelu", "elu", "tanh"])
def test_piecewise_linear_twins_approach_their_base_like_the_square_of_the_spacing(
    base: str,
) -> None:
    places = np.linspace(-12, 12, 9001)
    wanted = values(base, places)
    errors = [
        np.abs(values(f"pwl_{base}_{h}", places) - wanted).max() for h in (0.4, 0.2, 0.1, 0.05)
    ]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates == pytest.approx(2, abs=0.15)


def test_knots_are_interpolated_exactly() -> None:
    line = polyline("gelu", 0.25)
    assert values("pwl_gelu_0.25", np.array(line.knots)) == pytest.approx(line.values, abs=1e-15)
    assert values("gelu", np.array(line.knots)) == pytest.approx(line.values, abs=1e-15)


def test_gaussian_smoothing_is_the_mean_of_relu_over_the_noise() -> None:
    nodes = np.linspace(-9, 9, 100_001)
    weights = np.exp(-(nodes**2) / 2)
    for z in (-1.0, -0.1, 0.0, 0.7):
        mean = weights @ np.maximum(z + 0.3 * nodes, 0) / weights.sum()
        assert values("gauss_relu_0.3", np.array([z]))[0] == pytest.approx(mean, abs=1e-8)


@pytest.mark.parametrize("spacing", ["0.0001", "0"])
def test_knots_too_close_are_refused(spacing: str) -> None:
    with pytest.raises(ValueError, match=r"must be > 0|spacing of knots must be >= 0\.001"):
        get(f"pwl_gelu_{spacing}")
