"""Parameters that cannot be varied are refused; those of unusual modules that can are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing._internal.two_tensor import TwoTensor

from landscape import Problem, TrajectoryRecorder, gradient, gradient_segment, random_plane
from landscape.networks.parameters import flatten, layout_of
from landscape.training.recording.checkpoints import load_into


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))


class Packed(nn.Module):
    """As AWQ and GPTQ keep them: integers in buffers, the rest in floating point."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("qweight", torch.ones(2, 2, dtype=torch.int32))
        self.bias = nn.Parameter(torch.ones(2))


class Wrapped(nn.Module):
    """A tensor made of other tensors, as quantised and sharded ones are."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(TwoTensor(torch.ones(2, 2), torch.ones(2, 2)))


class Integers(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 2).to(dtype), requires_grad=False)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.LazyLinear(3)), r"parameter 0.weight has no shape yet.*once on a batch"),
        (Complex(), r"w is torch.complex64.*real and imaginary"),
        (Wrapped(), r"plain tensors, w is a TwoTensor; load the model in one process"),
        (Integers(torch.int8), r"w is torch.int8; de-quantise"),
        (Integers(torch.float8_e4m3fn), r"w is torch.float8_e4m3fn; de-quantise"),
        (nn.Sequential(nn.Linear(2, 2), Packed()), r"1 \(Packed\) keeps them quantised.*without"),
        (nn.ReLU(), "no parameters"),
        (nn.Linear(2, 2, device="meta"), "parameter weight has no values.*meta"),
    ],
    ids=["lazy", "complex", "wrapped", "int8", "float8", "packed", "none", "meta"],
)
def test_parameters_that_cannot_be_varied_are_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_plane(model)


def test_quantised_layers_are_refused_even_beside_others() -> None:
    quantised = pytest.importorskip("torch.ao.nn.quantized.dynamic")
    if "qnnpack" not in torch.backends.quantized.supported_engines:
        pytest.skip("no quantised kernels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(nn.Conv2d(1, 1, 1), quantised.Linear(4, 4))
    with pytest.raises(ValueError, match=r"1 \(Linear\) keeps them quantised and packed"):
        layout_of(model)


def scripted(how: str) -> nn.Module:
    bare = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    if how == "script":
        return torch.jit.script(bare)  # type: ignore[no-any-return]
    if how == "trace":
        return torch.jit.trace(bare, torch.ones(2, 4))  # type: ignore[no-any-return]
    if how == "within":
        return nn.Sequential(torch.jit.script(bare), nn.Linear(3, 3))
    if how == "activation":
        return nn.Sequential(nn.Linear(4, 3), torch.jit.script(nn.ReLU()))
    return nn.DataParallel(torch.jit.script(bare))


GIVEN: dict[str, Callable[[nn.Module, Any, Path], object]] = {
    "layout_of": lambda m, _, __: layout_of(m),
    "flatten": lambda m, _, __: flatten(m),
    "random_plane": lambda m, _, __: random_plane(m),
    "gradient_segment": lambda m, d, _: gradient_segment(Problem(m, "cross_entropy", d), rate=0.1),
    "gradient": lambda m, d, _: gradient(Problem(m, "cross_entropy", d)),
    "TrajectoryRecorder": lambda m, _, f: TrajectoryRecorder(m, f),
    "load_into": lambda m, _, f: load_into(m, f),
}


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("how", ["script", "trace", "within", "activation", "wrapped"])
@pytest.mark.parametrize("place", GIVEN)
def test_torch_jit_modules_are_refused_in_one_sentence_everywhere(
    how: str, place: str, tmp_path: Path
) -> None:
    model = scripted(how)
    torch.save(nn.Linear(4, 3).state_dict(), tmp_path / "w.pt")
    given = tmp_path / ("w.pt" if place == "load_into" else "run")
    data = [(torch.ones(2, 4), torch.tensor([0, 1]))]
    with pytest.raises(ValueError, match=r"must be plain torch modules, got .* torch\.jit") as told:
        GIVEN[place](model, data, given)
    assert "model.load_state_dict(scripted.state_dict())" in str(told.value)


def test_an_initialised_lazy_layer_is_like_any_other() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    model(torch.ones(2, 5))
    assert layout_of(model).slots[0].filters == 3
