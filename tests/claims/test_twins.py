from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from landscape.claims.replaced import CrossedActivation
from landscape.claims.setting import Setting
from landscape.claims.twins import NULL, activations_of, apart, mean_square, twins
from landscape.claims.watching import pre_activations
from landscape.networks import activations
from landscape.networks.spec import MLPSpec


def setting(**options) -> Setting:
    torch.manual_seed(0)
    inputs = torch.randn(50, 6, dtype=torch.float64)
    made = {"inputs": inputs, "targets": torch.arange(50) % 3, "seed": 1,
            "network": MLPSpec(input_shape=(6,), hidden=(8, 8), outputs=3)}  # fmt: skip
    return Setting(data="made", **{**made, **options})


@pytest.mark.parametrize("which", ["few", "all"])
def test_a_twin_differs_by_its_kinks(which):
    for twin in twins(which):
        if "/" in twin.kinked + twin.smooth:
            continue
        assert activations.get(twin.kinked).kinks
        assert not activations.get(twin.smooth).kinks


def test_all_twins_are_what_fairness_asks_for():
    every = twins("all")
    assert sum(t.kinked == "relu" and t.smooth.startswith("smelu") for t in every) == 6
    for base in ("gelu", "elu", "tanh"):
        assert sum(twin.smooth == base for twin in every) == 4
    assert {twin.name for twin in twins("few") if twin.primary} == {
        twin.name for twin in every if twin.primary
    }
    assert activations_of(every)[:2] == NULL


def test_the_crossed_activation_has_the_values_of_one_and_the_slope_of_the_other():
    z = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    crossed = CrossedActivation(nn.ReLU(), activations.make("smelu_1"))
    out = crossed(z)
    (slope,) = torch.autograd.grad(out.sum(), z)
    torch.testing.assert_close(out, torch.relu(z), atol=1e-12, rtol=0)
    torch.testing.assert_close(slope, ((z + 1) / 2).clamp(0, 1).detach())


def test_a_network_can_be_built_with_either_side_kinked():
    made, inputs = setting(), setting().inputs
    crossed, plain = made.model("relu/smelu_1"), made.model("relu")
    torch.testing.assert_close(crossed(inputs), plain(inputs))
    grads = [
        torch.autograd.grad(m(inputs).square().sum(), next(m.parameters()))[0]
        for m in (crossed, plain)
    ]
    assert not torch.allclose(*grads)


@pytest.mark.parametrize(
    ("name", "value"), [("relu", 0.5), ("identity", 1.0), ("leaky_relu_0.5", 0.625)]
)
def test_mean_squares_are_known(name, value):
    assert mean_square(name) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("width", ["0.01", "0.3", "3"])
def test_the_distance_of_smelu_from_relu_is_known(width):
    """Their difference is (w - |z|)^2 / 4w within the width w, else 0."""
    w = float(width)
    z = np.linspace(-w, w, 20001)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    square = np.trapezoid(((w - np.abs(z)) ** 2 / (4 * w)) ** 2 * density, z)
    assert apart(f"smelu_{width}", "relu") == pytest.approx(np.sqrt(square / 0.5), rel=3e-3)


def test_fair_twins_have_the_same_values():
    """SmeLU(1) is no twin of ReLU: what is found between them may be an effect of values."""
    fair = [("relu", "smelu_0.1"), ("relu", "smelu_0.3"), ("pwl_gelu_0.5", "gelu"),
            ("pwl_tanh_0.5", "tanh"), ("pwl_elu_0.5", "elu")]  # fmt: skip
    assert set(fair) <= {(twin.kinked, twin.smooth) for twin in twins("few")}
    assert max(apart(*pair) for pair in fair) < 0.025
    assert apart("relu", "smelu_1") > 0.1


def test_the_gain_arm_preserves_the_mean_square_of_each_activation():
    wide = MLPSpec(input_shape=(400,), hidden=(400, 400, 400), outputs=3)
    torch.manual_seed(0)
    inputs = torch.randn(60, 400, dtype=torch.float64)
    for name in ("relu", "tanh", "gelu"):
        made = setting(network=wide, inputs=inputs, arm="gain")
        found = pre_activations(made.model(name), inputs)
        squares = [float(z.square().mean()) for z in found.values()]
        np.testing.assert_allclose(squares, 1.0, atol=0.2)


def test_the_identical_arm_starts_every_activation_from_the_same_weights():
    thetas = [
        torch.cat([p.detach().reshape(-1) for p in setting().model(name).parameters()])
        for name in ("relu", "smelu_1", "relu/smelu_1")
    ]
    assert torch.equal(thetas[0], thetas[1])
    assert torch.equal(thetas[0], thetas[2])


def test_pre_activations_are_the_inputs_of_the_activations(model, examples):
    found = pre_activations(model, examples[0])
    assert list(found) == ["1"]
    torch.testing.assert_close(found["1"], model[0](examples[0]))


def test_a_network_without_activations_is_refused(examples):
    with pytest.raises(ValueError, match="must have activations"):
        pre_activations(nn.Linear(4, 2).double(), examples[0])
