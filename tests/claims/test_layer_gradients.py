"""Gradients and Jacobians of layers, against closed forms."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from landscape import Problem
from landscape.claims.layer_gradients import layer_gradients, mean_outputs
from landscape.claims.watching import watched


def seeded(*layers):
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def batch(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_linear_network():
    """W3 W2 W1 x with loss of mean squares: every gradient and Jacobian is a matrix product."""
    straight = lambda: nn.LeakyReLU(1.0)  # noqa: E731
    model = seeded(nn.Linear(4, 5, bias=False), straight(), nn.Linear(5, 3, bias=False),
                   straight(), nn.Linear(3, 2, bias=False))  # fmt: skip
    x, y = batch(7, 4), batch(7, 2, seed=2)

    def squares(output, target):
        return (output - target).square().sum(dim=1) / 2

    found = layer_gradients(Problem(model, squares, (x, y)), jacobians=7)
    first, second, third = (p.detach() for p in model.parameters())
    h1, h2 = x @ first.T, x @ first.T @ second.T
    error = h2 @ third.T - y
    d2 = error @ third
    d1 = d2 @ second
    wanted = [d1.T @ x / 7, d2.T @ h1 / 7, error.T @ h2 / 7]
    assert found.parameter_norms == pytest.approx([float(w.norm()) for w in wanted])
    sizes = [float(d.square().sum() / 7) ** 0.5 for d in (d1, d2)]
    assert found.gradient_norms == pytest.approx(sizes)
    assert found.survival == pytest.approx(sizes[0] / sizes[1])
    for row, weight in enumerate((first, second)):
        values = np.quantile(np.tile(torch.linalg.svdvals(weight), 7), [0, 0.25, 0.5, 0.75, 1])
        assert found.weight[row] == pytest.approx(values)
        assert found.jacobian[row] == pytest.approx(values)
    assert found.activation == pytest.approx(np.ones((2, 5)))
    assert found.activation_factors == pytest.approx([1.0, 1.0])
    assert found.saturated == pytest.approx([0.0, 0.0])


def test_the_norm_splits_without_a_rest():
    """|J|^2 = sum of act'^2 |row|^2, for tanh with its known derivative."""
    model = seeded(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = batch(5, 3)
    found = layer_gradients(Problem(model, "mse", (x, batch(5, 2, seed=3))), jacobians=5)
    weight, bias = (p.detach() for p in list(model.parameters())[:2])
    slopes = 1 - torch.tanh(x @ weight.T + bias).square()
    rows = weight.square().sum(dim=1)
    split = (slopes.square() * rows).sum(dim=1).mean().sqrt()
    assert found.jacobian_norms[0] == pytest.approx(float(split))
    assert found.weight_norms[0] == pytest.approx(float(weight.norm()))
    assert found.activation[0] == pytest.approx(np.quantile(slopes, [0, 0.25, 0.5, 0.75, 1]))
    values = torch.linalg.svdvals(slopes[:, :, None] * weight)
    assert found.jacobian[0][-1] == pytest.approx(float(values.max()))


def test_a_saturated_network():
    model = seeded(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.mul_(1e-3)
        model[0].bias.copy_(torch.tensor([50.0, -50.0, 0.0, 0.0]))
    x = batch(6, 3)
    found = layer_gradients(Problem(model, "mse", (x, batch(6, 2))))
    # Two units of four are saturated; sigmoid' at 0 is its largest, 1/4.
    assert found.saturated == pytest.approx([0.5])
    assert found.activation[0][-1] == pytest.approx(0.25, rel=1e-5)
    calls = watched(model, x).calls
    assert calls[0].steepest() == pytest.approx(0.25)
    assert mean_outputs(calls) == pytest.approx([(1 + 0 + 0.5 + 0.5) / 4], abs=1e-3)


class Functional(nn.Module):
    """Activations as functions, one of them in place, in two dimensions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.head = nn.Linear(12, 2)

    def forward(self, inputs):
        hidden = functional.relu_(self.conv(inputs))
        return self.head(torch.tanh(hidden).flatten(1))


def test_functional_calls_and_channels_are_seen_and_nothing_moves():
    torch.manual_seed(0)
    model = Functional().double()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = batch(4, 1, 4, 4)
    run = watched(model, x)
    assert [call.operation for call in run.calls] == ["relu", "tanh"]
    assert run.calls[0].weights == ("conv.weight", "conv.bias")
    assert run.calls[1].weights == ()
    assert torch.equal(run.calls[0].inputs, model.conv(x))
    assert torch.equal(run.output, model(x))
    found = layer_gradients(Problem(model, "mse", (x, batch(4, 2))))
    assert found.jacobian.shape == (2, 5)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_network_without_activations():
    with pytest.raises(ValueError, match="saw none"):
        watched(nn.Linear(2, 2), torch.zeros(3, 2))


def test_a_layer_that_is_too_wide():
    model = nn.Sequential(nn.Linear(1, 5000), nn.ReLU(), nn.Linear(5000, 1))
    with pytest.raises(ValueError, match="at most 4096 values, 1 has 5,000"):
        layer_gradients(Problem(model, "mse", (torch.zeros(2, 1), torch.zeros(2, 1))))
