"""Normalising layers: their curvature along a line is that of double backward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call

from landscape import Problem, random_segment, slope_budget
from landscape.networks.parameters import flatten, layout_of, unflatten
from landscape.networks.watching.normalisers import WRITTEN_OUT
from landscape.records.segment import Segment

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "LayerNorm": lambda: nn.LayerNorm(6),
    "LayerNorm of two axes": lambda: nn.LayerNorm((5, 6)),
    "LayerNorm alone": lambda: nn.LayerNorm(6, elementwise_affine=False),
    "GroupNorm": lambda: nn.GroupNorm(1, 5),
    "RMSNorm": lambda: nn.RMSNorm(6),
    "InstanceNorm": lambda: nn.InstanceNorm1d(5, affine=True),
    "InstanceNorm that tracks": lambda: nn.InstanceNorm1d(5, track_running_stats=True),
    "BatchNorm": lambda: nn.BatchNorm1d(5),
}


class Network(nn.Module):
    """Nothing in it kinks: all change of slope is curvature that autograd sees."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.first, self.layer, self.head = nn.Linear(3, 6), layer, nn.Linear(30, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(torch.tanh(self.layer(self.first(inputs))).flatten(1))


def curvature(model: nn.Module, segment: Segment, inputs: Tensor, targets: Tensor) -> float:
    """Second derivative of the mean loss along a line, by double backward."""
    layout = layout_of(model)
    start, step = (unflatten(torch.from_numpy(np.array(v)), layout)
                   for v in (segment.origin, segment.direction))  # fmt: skip
    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    weights = {name: start[name] + t * step[name] for name in start}
    loss = functional.cross_entropy(functional_call(model.eval(), weights, inputs), targets)
    (slope,) = torch.autograd.grad(loss, t, create_graph=True)
    return float(torch.autograd.grad(slope, t)[0])


@pytest.mark.parametrize("kind", LAYERS)
def test_curvature_through_a_normaliser_is_that_of_double_backward(kind: str) -> None:
    torch.manual_seed(0)
    model = Network(LAYERS[kind]()).double()
    with torch.no_grad():
        for parameter in model.layer.parameters():
            parameter.add_(torch.randn_like(parameter) / 2)
    inputs = torch.randn(7, 5, 3, dtype=torch.float64)
    targets = torch.arange(7) % 4
    direction = np.random.default_rng(0).normal(size=len(flatten(model)))
    segment = Segment(flatten(model), direction, -1e-4, 1e-4)
    budget = slope_budget(Problem(model, "cross_entropy", (inputs, targets)), segment)
    wanted = curvature(model, segment, inputs, targets)
    assert budget.signed_smooth == pytest.approx(2e-4 * wanted, rel=1e-5)
    assert budget.slope_change == pytest.approx(2e-4 * wanted, rel=1e-5)
    assert budget.passed


@pytest.mark.parametrize("kind", ["LayerNorm", "LayerNorm of two axes", "LayerNorm alone",
                                  "InstanceNorm"])  # fmt: skip
def test_what_is_written_out_has_the_same_values(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = LAYERS[kind]().double()
    inputs = torch.randn(7, 5, 6, dtype=torch.float64)
    wanted = layer(inputs)
    name = "instance_norm" if "Instance" in kind else "layer_norm"
    monkeypatch.setattr(functional, name, WRITTEN_OUT[getattr(functional, name)])
    torch.testing.assert_close(layer(inputs), wanted, rtol=1e-12, atol=1e-13)


def test_a_transformer_has_a_budget_that_passes() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.Linear(3, 8), nn.TransformerEncoder(layer, 2), nn.Flatten(),
                          nn.Linear(40, 4)).double()  # fmt: skip
    inputs = torch.randn(4, 5, 3, dtype=torch.float64)
    problem = Problem(model, "cross_entropy", (inputs, torch.arange(4)))
    budget = slope_budget(problem, random_segment(model, span=0.05))
    assert budget.crossings > 10
    assert budget.passed
