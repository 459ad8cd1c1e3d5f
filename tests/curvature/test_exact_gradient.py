"""The gradient to the last bit: numbers that were stored must come out again."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem, gradient
from landscape.curvature.expected_hessian import hessian_product


@pytest.mark.parametrize("examples", [3, 7, 26, 49])
def test_a_mean_gradient_is_the_sum_divided_by_the_number_of_examples(examples):
    """It was multiplied by the rounded reciprocal, and differed in its last bit."""
    generator = torch.Generator().manual_seed(examples)
    inputs = torch.randn(examples, 3, generator=generator, dtype=torch.float64)
    model = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.3, -1.7, 0.9]]))
    summed = (model(inputs) - 1).square().sum()
    (wanted,) = torch.autograd.grad(summed, model.weight)
    problem = Problem(model, "mse", (inputs, torch.ones(examples, 1)))
    np.testing.assert_array_equal(gradient(problem), wanted[0].numpy() / examples)
    along = hessian_product(problem) @ np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(along, (2 * inputs.T @ inputs)[0] / examples, rtol=1e-13)
