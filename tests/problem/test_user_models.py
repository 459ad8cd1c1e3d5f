"""Kinds of modules that users bring: all are evaluated, and none is moved."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel

from landscape import Grid, Problem, SamplingConfig, random_plane, sample
from landscape.evaluation.engine import PlaneEvaluator
from landscape.networks.parameters import assign, flatten, unwrapped

POINTS = np.random.default_rng(3).normal(size=(4, 2)) / 4


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cell = kind(1, 5, num_layers=2, batch_first=True, dropout=0.3)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(x[..., None])[0][:, -1])  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layer(x[:, None] * torch.ones(1, 3, 1).to(x)).mean(dim=1))  # type: ignore[no-any-return]


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), *layers, nn.Linear(6, 3))


def frozen() -> nn.Module:
    model = chain()
    model[0].requires_grad_(requires_grad=False)  # type: ignore[index]
    return model


KINDS: dict[str, Callable[[], nn.Module]] = {
    "tied": Tied,
    "frozen": frozen,
    "weight norm": lambda: chain(parametrizations.weight_norm(nn.Linear(6, 6)), nn.Tanh()),
    "spectral norm": lambda: chain(parametrizations.spectral_norm(nn.Linear(6, 6)), nn.Tanh()),
    "parallel": lambda: nn.DataParallel(chain()),
    "averaged": lambda: AveragedModel(chain()),
    "lstm": lambda: Recurrent(nn.LSTM),
    "gru": lambda: Recurrent(nn.GRU),
    "attention": Attention,
    "dropout": lambda: chain(nn.Dropout(0.5)),
}


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return KINDS[kind]().double()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", ["loop", "copy", "gradient"])
def test_every_kind_is_evaluated_as_a_copy_with_the_weights_of_the_point_and_not_moved(
    kind: str, strategy: str, examples: Any
) -> None:
    model = made(kind)
    inputs, targets = examples
    plane = random_plane(model)
    wanted = []
    for theta in plane.points(POINTS):
        twin = copy.deepcopy(model).eval()
        assign(twin, theta)
        wanted.append(float(functional.cross_entropy(twin(inputs), targets).detach()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    grads = [parameter.requires_grad for parameter in model.parameters()]
    engine = SamplingConfig(strategy=strategy, batch_size=16, threads=1)  # type: ignore[arg-type]
    evaluator = PlaneEvaluator(Problem(model, "cross_entropy", examples), plane, config=engine)
    assert evaluator.choice.strategy == strategy
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-11)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert grads == [parameter.requires_grad for parameter in model.parameters()]
    assert all(parameter.grad is None for parameter in model.parameters())
    twin = copy.deepcopy(model).eval()
    at_origin = functional.cross_entropy(twin(inputs), targets)
    assert float(at_origin.detach()) == float(
        functional.cross_entropy(model.eval()(inputs), targets).detach()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_way_is_found_for_every_kind(kind: str, examples: Any) -> None:
    model = made(kind)
    surface = sample(
        Problem(model, "cross_entropy", examples), random_plane(model), grid=Grid.square(3)
    )
    values = Problem(model, "cross_entropy", examples, dtype=torch.float64).evaluator()
    wanted = values(flatten(model)[None])["losses"][0]
    assert surface.losses[1, 1] == pytest.approx(wanted, rel=1e-12)
    assert surface.complete


def test_a_plane_belongs_to_the_model_inside_and_outside_its_wrapper(examples: Any) -> None:
    model = made("frozen")
    parallel = nn.DataParallel(model)
    assert unwrapped(nn.DataParallel(parallel)) is model
    grid = Grid.square(3)
    surfaces = [
        sample(Problem(which, "cross_entropy", examples), random_plane(model), grid=grid)
        for which in (model, parallel)
    ]
    np.testing.assert_allclose(surfaces[0].losses, surfaces[1].losses, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's own
def test_a_compiled_model_is_evaluated_as_what_was_compiled(examples: Any) -> None:
    model = made("frozen")
    compiled = torch.compile(model, backend="eager")
    assert unwrapped(compiled) is model  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_evaluated_in_single_unless_asked_for(
    dtype: torch.dtype, examples: Any
) -> None:
    model = chain().to(dtype)
    inputs, targets = examples
    plane = random_plane(model)
    single = functional.cross_entropy(copy.deepcopy(model).float()(inputs.float()), targets)
    surface = sample(Problem(model, "cross_entropy", examples), plane, grid=Grid.square(3))
    assert surface.losses[1, 1] == pytest.approx(float(single.detach()), rel=1e-5)
    assert surface.settings["dtype"] == "float32"
    assert surface.settings["model_dtype"] == str(dtype).removeprefix("torch.")
    assert next(model.parameters()).dtype is dtype
    half = sample(
        Problem(model, "cross_entropy", examples, dtype=dtype), plane, grid=Grid.square(3)
    )
    assert half.settings["dtype"] == str(dtype).removeprefix("torch.")
    assert half.losses[1, 1] == pytest.approx(float(single.detach()), rel=0.03)
    assert half.losses[1, 1] != surface.losses[1, 1]


@pytest.mark.filterwarnings("ignore:torch.ao.quantization:DeprecationWarning")  # torch's own
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_a_quantised_model_is_refused(examples: Any) -> None:
    model = torch.ao.quantization.quantize_dynamic(chain(), {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ValueError, match="load the model without quantisation"):
        random_plane(model)
