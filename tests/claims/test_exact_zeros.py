from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem
from landscape.claims.exact_zeros import DTYPES, train_and_count, verdict
from landscape.claims.replaced import ReLUWithSlope, with_slope_at_zero
from landscape.records.results import Analysis


def network(*, bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4, bias=bias), nn.ReLU(), nn.Linear(4, 2)).double()


def test_units_without_bias_are_exactly_zero_on_blank_inputs():
    inputs = torch.zeros(5, 3, dtype=torch.float64)
    inputs[:2] = 1.0
    problem = Problem(network(bias=False), "cross_entropy", (inputs, torch.zeros(5, dtype=int)))
    assert train_and_count(problem, steps=1, rate=0.1)["zeros"][0] == (3 * 4) / (5 * 4)


def test_biases_that_start_at_zero_make_zeros_until_the_first_step():
    model = network()
    nn.init.zeros_(model[0].bias)
    inputs = torch.zeros(4, 3, dtype=torch.float64)
    targets = torch.tensor([0, 1, 1, 0])
    log = train_and_count(Problem(model, "cross_entropy", (inputs, targets)), steps=2, rate=0.1)
    assert log["zeros"][0] == 1.0
    # ReLU'(0) = 0: nothing reaches the first layer, which stays where it is.
    np.testing.assert_array_equal(log["zeros"], 1.0)
    np.testing.assert_array_equal(log["crossings"], 0.0)


def test_the_slope_chosen_at_zero_can_decide_whether_anything_is_learnt():
    inputs, targets = torch.zeros(4, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 1])
    moved = []
    for slope in (0.0, 1.0):
        model = with_slope_at_zero(network(), slope)
        nn.init.zeros_(model[0].bias)
        log = train_and_count(Problem(model, "cross_entropy", (inputs, targets)), steps=1, rate=0.1)
        moved.append(float(model[0].bias.detach().abs().sum()))
        assert log["zeros"][0] == 1.0
    assert moved[0] == 0.0
    assert moved[1] > 0.0


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_values_and_slopes_of_a_chosen_derivative(slope):
    z = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
    out = ReLUWithSlope(slope)(z)
    (gradient,) = torch.autograd.grad(out.sum(), z)
    assert out.tolist() == [0.0, 0.0, 3.0]
    assert gradient.tolist() == [0.0, slope, 1.0]


def test_a_network_without_relu_is_refused(model):
    with pytest.raises(ValueError, match="must have modules of ReLU, got none"):
        with_slope_at_zero(model, 0.5)


@pytest.mark.parametrize(("sign", "share"), [(-1.0, 0.0), (1.0, 0.5)])
def test_crossings_are_counted_per_example_and_unit(sign, share):
    # One unit z = w x + b with w = 0, b = 1/2 on x = 1, -3: the gradient of the mean of z is
    # (-1, 1). Up, z becomes 1/2 and 9/2; down, 1/2 and -7/2, of which the second crossed.
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU()).double()
    with torch.no_grad():
        model[0].weight.fill_(0.0)
        model[0].bias.fill_(0.5)
    inputs = torch.tensor([[1.0], [-3.0]], dtype=torch.float64)
    problem = Problem(model, lambda z, _: sign * z[:, 0], (inputs, torch.zeros(2)))
    log = train_and_count(problem, steps=1, rate=1.0)
    np.testing.assert_array_equal(log["crossings"], [share])


def test_zeros_of_a_run_that_diverged_are_not_known():
    """What is no number is not 0, and was counted as if it were another number."""
    analyses = []
    for seed in range(3):
        arrays = {"zeros": np.full((3, 3, 4), 0.5), "losses": np.ones((3, 3, 4)),
                  "crossings": np.zeros((3, 3, 3)), "distances": np.zeros((3, 3))}  # fmt: skip
        if seed == 1:
            arrays["losses"][DTYPES.index("float32"), 0, -1] = np.nan
        analyses.append(Analysis("claims", arrays, {"seed": seed, "group": "made"}))
    (deciding,) = verdict(analyses).contrasts
    assert (deciding.effect.n, deciding.effect.censored) == (3, 1)
