"""Cubics through values and slopes at both ends, against the polynomials they were taken from."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape.kinks.cubics import Cubic

COEFFICIENTS = st.lists(st.floats(-5, 5), min_size=4, max_size=4)
PLACES = torch.linspace(0, 1, 2001, dtype=torch.float64)


def taken(polynomial: np.polynomial.Polynomial) -> Cubic:
    ends, slope = np.array([0.0, 1.0]), polynomial.deriv()
    return Cubic(*(torch.from_numpy(f(ends).reshape(2, 1)) for f in (polynomial, slope)))


@given(COEFFICIENTS)
def test_the_cubic_is_the_polynomial(coefficients: list[float]) -> None:
    polynomial = np.polynomial.Polynomial(coefficients)
    cubic, places = taken(polynomial), PLACES.numpy()
    np.testing.assert_allclose(cubic(PLACES), polynomial(places), atol=1e-12)
    np.testing.assert_allclose(cubic.slope(PLACES), polynomial.deriv()(places), atol=1e-12)


@given(COEFFICIENTS)
def test_nothing_on_the_way_is_lower_than_the_lowest_value(coefficients: list[float]) -> None:
    polynomial = np.polynomial.Polynomial(coefficients)
    lowest = taken(polynomial).lowest().item()
    seen = polynomial(PLACES.numpy()).min()
    # A step of the places hides at most the bend over it.
    assert seen - 1e-5 <= lowest <= seen + 1e-9


@given(st.floats(0.01, 0.99), st.floats(0.1, 5), st.sampled_from([-1.0, 1.0]))
def test_the_root_is_where_the_polynomial_is_zero(root: float, tilt: float, sign: float) -> None:
    factors = np.polynomial.Polynomial([-root, 1.0]), np.polynomial.Polynomial([tilt, 0.0, 1.0])
    np.testing.assert_allclose(taken(sign * factors[0] * factors[1]).root().item(), root, atol=1e-9)
