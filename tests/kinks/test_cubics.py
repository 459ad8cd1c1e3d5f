"""Cubics through values and slopes at both ends, against the polynomials they were taken from."""

from __future__ import annotations

import numpy as np
import torch
from numpy.polynomial.polynomial import polyder, polyval

from landscape.kinks.cubics import Cubic

COEFFICIENTS = np.random.default_rng(0).uniform(-5, 5, (4, 300))
PLACES = np.linspace(0, 1, 2001)


def taken(coefficients: np.ndarray) -> Cubic:
    """Return the cubics that have the values and slopes of polynomials [4, M] at 0 and 1."""
    ends = np.array([0.0, 1.0])
    values, slopes = (polyval(ends, c).T for c in (coefficients, polyder(coefficients)))
    return Cubic(torch.from_numpy(values), torch.from_numpy(slopes))


def test_the_cubic_is_the_polynomial() -> None:
    cubic, places = taken(COEFFICIENTS), torch.from_numpy(PLACES[:, None])
    np.testing.assert_allclose(cubic(places).T, polyval(PLACES, COEFFICIENTS), atol=1e-12)
    slopes = polyval(PLACES, polyder(COEFFICIENTS))
    np.testing.assert_allclose(cubic.slope(places).T, slopes, atol=1e-12)


def test_nothing_on_the_way_is_lower_than_the_lowest_value() -> None:
    lowest = taken(COEFFICIENTS).lowest().numpy()
    seen = polyval(PLACES, COEFFICIENTS).min(axis=1)
    assert np.all(lowest <= seen + 1e-12)
    # Between two places the polynomial falls by at most a quarter of its bend, 40, times step^2.
    np.testing.assert_allclose(lowest, seen, atol=10 * (PLACES[1] - PLACES[0]) ** 2)
    assert np.sum(lowest < np.minimum(*polyval(np.array([0.0, 1.0]), COEFFICIENTS).T)) > 50


def test_the_root_is_where_the_polynomial_is_zero() -> None:
    draws = np.random.default_rng(1)
    roots, tilts = draws.uniform(0, 1, 300), draws.uniform(0.1, 5, 300)
    sign = draws.choice([-1.0, 1.0], 300)
    # (x - root) (x^2 + tilt), which has no other root.
    product = sign * np.array([-roots * tilts, tilts, -roots, np.ones(300)])
    np.testing.assert_allclose(taken(product).root(), roots, atol=1e-11)
