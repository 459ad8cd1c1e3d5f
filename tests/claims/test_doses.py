"""Effects against the size of kinks, on analyses whose numbers are made."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.claims.comparing import Quantity
from landscape.claims.doses import doses
from landscape.claims.twins import SPACINGS, WIDTHS, activations_of, apart, twins
from landscape.records.results import Analysis

NAMES = activations_of(twins("all"))


def made(value, names=NAMES, seeds=3):
    """Make analyses in which an activation's number is ``value(name)``."""
    arrays = {"x": np.array([value(name) for name in names])}
    return [Analysis("claims", arrays, {"seed": seed, "group": "g", "activations": list(names)})
            for seed in range(seeds)]  # fmt: skip


def picked(scale):
    return Quantity(name="x", values=lambda a, i: float(a.arrays["x"][i]), claimed=1, margin=0.1,
                    scale=scale)  # fmt: skip


def smoothed(name):
    """Steps: 10 of ReLU and the copies, fewer by the width, or of the smooth one 5."""
    if name.startswith("smelu_") and "/" not in name:
        return 10.0 - float(name.removeprefix("smelu_"))
    return 5.0 if name in ("gelu", "elu", "tanh") else 10.0


def test_a_known_dependence_on_the_width_is_found():
    rounded, copied = doses(made(smoothed), picked("linear"))
    np.testing.assert_allclose(rounded.doses, [float(w) for w in WIDTHS])
    np.testing.assert_allclose(rounded.effects["ReLU"], np.tile(rounded.doses, (3, 1)))
    assert copied.effects.keys() == {"gelu", "elu", "tanh"}
    np.testing.assert_allclose(copied.effects["gelu"], np.full((3, len(SPACINGS)), 5.0))


def test_how_far_the_values_are_apart_stands_beside_each_dose():
    rounded, copied = doses(made(smoothed), picked("linear"))
    wanted = [apart(f"smelu_{width}", "relu") for width in WIDTHS]
    np.testing.assert_array_equal(rounded.apart["ReLU"], wanted)
    assert 0.004 < wanted[WIDTHS.index("0.1")] < 0.005 < 0.13 < wanted[WIDTHS.index("1")] < 0.15
    # Between knots an error of the second order: twice the spacing, four times the distance.
    for family in ("gelu", "tanh", "elu"):
        factors = copied.apart[family][1:] / copied.apart[family][:-1]
        np.testing.assert_allclose(factors, 4, rtol=0.1)


def test_quantities_that_multiply_give_factors_and_what_did_not_arrive_a_gap():
    analyses = made(lambda name: np.inf if name == "smelu_3" else smoothed(name))
    rounded, copied = doses(analyses, picked("log"))
    assert np.isnan(rounded.effects["ReLU"][:, -1]).all()
    assert copied.effects["elu"][0] == pytest.approx(2.0)


def test_few_twins_have_no_doses():
    assert doses(made(smoothed, activations_of(twins("few"))), picked("log")) == ()
    assert doses([], picked("log")) == ()
