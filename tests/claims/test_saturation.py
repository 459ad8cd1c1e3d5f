"""Effective rank in closed form, units saturated by hand, and what is left to the others."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem
from landscape.claims.saturation import effective_rank, example_gradients, saturate, share_of_flat


def network(act=nn.Tanh):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), act(), nn.Linear(8, 8), act(), nn.Linear(8, 2)).double()


def batch(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_effective_rank_in_closed_form():
    assert effective_rank(7.0 * np.eye(5)) == 5.0
    assert effective_rank(np.outer([1, 2, 3], [1, -1])) == 1.0
    assert effective_rank(np.zeros((3, 4))) == 0.0
    # Singular values 3 and 1: entropy of (3/4, 1/4).
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(math.exp(entropy))
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))[0]
    assert effective_rank(turned @ np.diag([3.0, 1.0])) == pytest.approx(math.exp(entropy))


def test_gradients_of_single_examples():
    model, x, y = network(), batch(6, 3), torch.tensor([0, 1, 0, 1, 1, 0])
    found = example_gradients(Problem(model, "cross_entropy", (x, y)))
    for row in range(6):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[row : row + 1]), y[row : row + 1]).backward()
        alone = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
        assert torch.allclose(found[row], alone)


@pytest.mark.parametrize("act", [nn.Tanh, nn.ReLU, nn.ELU, nn.GELU, nn.Sigmoid])
def test_what_is_saturated_by_hand_gets_no_gradient(act):
    model, x, y = network(act), batch(20, 3), batch(20, 2, seed=2)
    bound = saturate(model, x[:2], 0.5)
    # Four of eight units with 3 weights and a bias, four with 8 and a bias.
    assert int(bound.sum()) == 4 * 4 + 4 * 9
    gradients = example_gradients(Problem(model, "mse", (x, y)))
    assert float(gradients[:, bound].abs().max()) < 1e-9
    assert float(gradients[:, ~bound].abs().max()) > 1e-3
    assert share_of_flat(model, x) >= 0.5
    if act is nn.Tanh:
        assert share_of_flat(model, x) == 0.5


def test_a_larger_share_contains_the_smaller():
    few, many = saturate(network(), batch(2, 3), 0.25), saturate(network(), batch(2, 3), 0.75)
    assert bool((many | ~few).all())
    assert not saturate(network(), batch(2, 3), 0.0).any()
    other = saturate(network(), batch(2, 3), 0.25, seed=1)
    assert not torch.equal(other, few)


def test_what_cannot_be_saturated():
    with pytest.raises(ValueError, match="between 0 and 1, got 2"):
        saturate(network(), batch(2, 3), 2)
    bare = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh()).double()
    with pytest.raises(ValueError, match="must follow a layer with a bias"):
        saturate(bare, batch(2, 3), 0.5)
