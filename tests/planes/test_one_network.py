"""Solutions share a line or a plane only if they are of one network, as far as they tell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from landscape import Problem, Trajectory, evaluate_losses, line_between, plane_through
from landscape.networks import build
from landscape.networks.parameters import flatten, layout_of
from landscape.networks.spec import network_spec


class Own(nn.Module):
    """A network that keeps what it does in attributes."""

    def __init__(self, slope: float = 0.1, act: Callable[..., Any] = torch.relu) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.slope, self._act = slope, act
        self.last: torch.Tensor | None = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.last = self._act(self.slope * self.layer(inputs))
        return self.last


class Told(nn.Module):
    """An activation whose setting only its own text shows."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.held = {"beta": beta}

    def extra_repr(self) -> str:
        return f"beta={self.held['beta']}"


def around(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), *middle, nn.Linear(4, 2))


def path(activation: str, seed: int = 0, **settings: Any) -> Trajectory:
    """Two records of a network that says what it is."""
    spec = network_spec("mlp", activation=activation, input_shape=(3,), hidden=(4,), outputs=2)
    model = build(spec, seed=seed, dtype=torch.float64)
    noted = {"activation": activation, "network": spec.to_dict(), **settings}
    thetas = np.stack([flatten(model) + 1, flatten(model)])
    return Trajectory(thetas, np.arange(2), np.ones(2), *[np.ones(1)] * 4, layout_of(model),
                      settings=noted)  # fmt: skip


OTHER: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], str]] = {
    "type": (lambda: around(nn.ReLU()), lambda: around(nn.GELU()),
             "1 is ReLU in the first, GELU in the second"),
    "slope": (lambda: around(nn.LeakyReLU(0.01)), lambda: around(nn.LeakyReLU(0.3)),
              "1.negative_slope is 0.01 in the first, 0.3 in the second"),
    "form": (lambda: around(nn.GELU()), lambda: around(nn.GELU(approximate="tanh")),
             "1.approximate is none in the first, tanh"),
    "eps": (lambda: around(nn.LayerNorm(4)), lambda: around(nn.LayerNorm(4, eps=0.1)),
            "1.eps is 1e-05 in the first, 0.1"),
    "absent": (lambda: around(nn.Tanh(), nn.Identity()), lambda: around(nn.Identity(), nn.Tanh()),
               "1 is Tanh in the first, Identity in the second; 2 is Identity"),
    "attribute": (Own, lambda: Own(0.2), "slope is 0.1 in the first, 0.2"),
    "function": (Own, lambda: Own(act=torch.tanh), "_act is relu in the first, tanh"),
    "bound": (lambda: Own(act=partial(nn.functional.leaky_relu, negative_slope=0.1)),
              lambda: Own(act=partial(nn.functional.leaky_relu, negative_slope=0.2)), "_act is"),
    "text": (lambda: around(Told(1.0)), lambda: around(Told(2.0)),
             "1.settings is beta=1.0 in the first, beta=2.0"),
    "stride": (lambda: nn.Conv1d(2, 2, 3), lambda: nn.Conv1d(2, 2, 3, stride=2), "stride is"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHER)
def test_models_of_other_networks_share_no_line_and_no_plane(kind: str) -> None:
    one, other, said = OTHER[kind]
    with pytest.raises(ValueError, match="of one network, got two: ") as error:
        line_between(one(), other())
    assert said in str(error.value)
    with pytest.raises(ValueError, match="in the third"):
        plane_through(one(), one(), other())
    # Weights alone are evaluated in the first one's network, and that is noted.
    line = line_between(one(), other().state_dict())
    assert line.settings["networks"] == "unknown"


ALIKE: dict[str, Callable[[nn.Module], nn.Module]] = {
    "seed": lambda m: m,
    "precision": lambda m: m.double(),
    "mode": lambda m: m.train(),
    "wrapped": nn.DataParallel,
    "averaged": AveragedModel,
}


@pytest.mark.parametrize("form", ALIKE)
def test_what_changes_no_value_keeps_a_network_the_same(form: str) -> None:
    one, other = (around(nn.ReLU(), nn.Dropout(0.1), nn.BatchNorm1d(4)).eval() for _ in "12")
    other[1].inplace, other[2].p, other[3].momentum = True, 0.5, 0.3
    line = line_between(one, ALIKE[form](other))
    assert line.settings["networks"] == "same"


def test_what_a_module_computed_last_is_no_setting() -> None:
    one, other = Own(), Own()
    one(torch.ones(1, 3))
    assert line_between(one, other).settings["networks"] == "same"


def test_between_of_a_gelu_path_and_a_relu_path_is_refused() -> None:
    said = "activation is relu in the first, gelu in the second"
    with pytest.raises(ValueError, match=said):
        line_between(path("relu"), path("gelu", seed=1))
    with pytest.raises(ValueError, match=r"activation is leaky_relu in the first, leaky_relu_0\.3"):
        line_between(path("leaky_relu"), path("leaky_relu_0.3", seed=1))
    assert line_between(path("gelu"), path("gelu", seed=1)).settings["networks"] == "same"


def test_a_model_and_a_path_are_compared_by_what_the_path_says() -> None:
    relu, gelu = path("relu"), path("gelu", seed=1)
    spec = network_spec("mlp", activation="relu", input_shape=(3,), hidden=(4,), outputs=2)
    model = build(spec, seed=2)
    assert line_between(model, relu).settings["networks"] == "same"
    with pytest.raises(ValueError, match="activation1 is ReLU in the first, GELU in the second"):
        line_between(model, gelu)
    silent = replace(gelu, settings={})
    assert line_between(model, silent).settings["networks"] == "unknown"
    assert line_between(relu, silent).settings["networks"] == "unknown"
    words = replace(gelu, settings={"network": "a mixer"})
    assert line_between(model, words).settings["networks"] == "unknown"
    with pytest.raises(ValueError, match="network is a mixer in the first, another in the second"):
        line_between(words, replace(relu, settings={"network": "another"}))


def test_other_seeds_and_ways_of_training_are_fine_and_other_data_are_noted() -> None:
    one = path("relu", optimizer="gd", data={"name": "digits"}, loss="cross_entropy")
    other = path("relu", 1, optimizer="adam", data={"name": "digits"}, loss="cross_entropy")
    assert "trained_apart" not in line_between(one, other).settings
    apart = replace(other, settings={**other.settings, "data": {"name": "wine"}, "loss": "mse"})
    assert line_between(one, apart).settings["trained_apart"] == ["data", "loss"]
    third = path("relu", 2)
    assert plane_through(one, third, apart).settings["trained_apart"] == ["data", "loss"]


def test_the_losses_of_a_gelu_path_are_not_evaluated_in_the_relu_network() -> None:
    relu, gelu = path("relu"), path("gelu")
    spec = network_spec("mlp", activation="relu", input_shape=(3,), hidden=(4,), outputs=2)
    model = build(spec, seed=2, dtype=torch.float64)
    data = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1])
    assert np.isfinite(evaluate_losses(Problem(model, "cross_entropy", data), relu).losses).all()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="activation1 is ReLU in the model, GELU in the traj"):
        evaluate_losses(Problem(model, "cross_entropy", data), gelu)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
