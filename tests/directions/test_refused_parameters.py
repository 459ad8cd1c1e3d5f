"""Parameters that cannot be varied are refused; those of unusual modules that can are not."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.testing._internal.two_tensor import TwoTensor

from landscape import layout_of, random_plane


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


def test_scripted_layers_have_the_filters_of_what_was_scripted() -> None:
    slots = layout_of(torch.jit.script(nn.Sequential(nn.ConvTranspose2d(4, 6, 3, groups=2)))).slots
    assert [(s.filter_axis, s.groups, s.role) for s in slots] == [
        (1, 2, "weight"),
        (None, 1, "bias"),
    ]


def test_an_initialised_lazy_layer_is_like_any_other() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    model(torch.ones(2, 5))
    assert layout_of(model).slots[0].filters == 3
