"""Recurrent layers: written out they have torch's values, and their gates bend and kink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from landscape import Problem, random_segment, slope_budget
from landscape.networks.watching.recurrent import RECURRENT, written_out

LAYERS: dict[str, Callable[..., nn.Module]] = {
    "LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN,
    "RNN of ReLU": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}  # fmt: skip
CELLS: dict[str, Callable[..., nn.Module]] = {
    "LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN": nn.RNNCell,
    "RNN of ReLU": lambda *a, **k: nn.RNNCell(*a, nonlinearity="relu", **k),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {}, "batch first": {"batch_first": True}, "three layers": {"num_layers": 3},
    "both directions": {"bidirectional": True},
    "both directions, two layers": {"bidirectional": True, "num_layers": 2, "batch_first": True},
    "no biases": {"bias": False}, "dropout that is off": {"num_layers": 2, "dropout": 0.5},
}  # fmt: skip
PROJECTED: dict[str, dict[str, Any]] = {
    "projected": {"proj_size": 2},
    "projected, both directions": {"proj_size": 2, "bidirectional": True, "num_layers": 2},
    "projected without biases": {"proj_size": 3, "bias": False},
}


class WrittenOut(TorchFunctionMode):
    """Does recurrent functions in plain operations, and counts them."""

    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__
        if name not in RECURRENT:
            return func(*args, **(kwargs or {}))
        self.calls += 1
        return written_out(name, args)


def flat(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor) or values is None:
        return [] if values is None else [values]
    return [t for v in values for t in flat(v)]


def same(layer: nn.Module, *inputs: Any) -> None:
    wanted = flat(layer(*inputs))
    with WrittenOut() as mode:
        found = flat(layer(*inputs))
    assert mode.calls == 1
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(k, o) for k in LAYERS for o in OPTIONS] + [("LSTM", o) for o in PROJECTED],
)
def test_what_is_written_out_has_the_values_of_torch(kind: str, options: str) -> None:
    torch.manual_seed(0)
    chosen = {**OPTIONS, **PROJECTED}[options]
    layer = LAYERS[kind](3, 4, **chosen).double().eval()
    inputs = torch.randn(5, 6, 3, dtype=torch.float64)
    same(layer, inputs)
    same(layer, inputs[0])
    last = layer(inputs)[1]
    state = tuple(s + 1 for s in last) if isinstance(last, tuple) else last + 1
    same(layer, inputs, state)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_that_is_written_out_has_the_values_of_torch(kind: str, bias: bool) -> None:
    torch.manual_seed(0)
    cell = CELLS[kind](3, 4, bias=bias).double()
    inputs = torch.randn(5, 3, dtype=torch.float64)
    same(cell, inputs)
    same(cell, inputs, cell(inputs))


@pytest.mark.parametrize("options", ["plain", "both directions, two layers", "no biases"])
@pytest.mark.parametrize("kind", LAYERS)
def test_packed_sequences_have_the_values_of_torch(kind: str, options: str) -> None:
    torch.manual_seed(0)
    chosen = {k: v for k, v in OPTIONS[options].items() if k != "batch_first"}
    layer = LAYERS[kind](3, 4, **chosen).double()
    inputs, lengths = torch.randn(6, 4, 3, dtype=torch.float64), torch.tensor([3, 6, 1, 4])
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, enforce_sorted=False)
    same(layer, packed)


def test_dropout_that_is_on_is_refused() -> None:
    layer = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    with WrittenOut(), pytest.raises(ValueError, match="draws anew at each call"):
        layer(torch.randn(5, 6, 3))


class Network(nn.Module):
    """A recurrent layer with a linear head; nothing else bends."""

    def __init__(self, kind: str, *, packed: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = LAYERS[kind](3, 6, batch_first=True)
        self.head, self.packed = nn.Linear(6, 4), packed
        self.double()

    def forward(self, inputs: Tensor) -> Tensor:
        if self.packed:
            lengths = torch.full((len(inputs),), inputs.shape[1])
            inputs = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True)
        last = self.layer(inputs)[1]
        return self.head((last[0] if isinstance(last, tuple) else last)[-1])


def budget(model: nn.Module) -> Any:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(12, 5, 3, generator=generator, dtype=torch.float64)
    pair = inputs, torch.arange(12) % 4
    return slope_budget(Problem(model, "cross_entropy", pair), random_segment(model, span=0.3))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_gates_of_a_fused_layer_are_seen(kind: str) -> None:
    found = budget(Network(kind))
    assert not found.unseen
    assert found.passed
    assert found.bend_share > 0.05
    assert (found.crossings > 10) == (found.kink_share > 0) == (kind == "RNN of ReLU")
    steps = {"LSTM": 3, "GRU": 2, "RNN": 1, "RNN of ReLU": 1}[kind]
    assert len(found.layers) == 5 * steps


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("kind", LAYERS)
def test_packed_sequences_are_named_as_unseen(kind: str) -> None:
    found = budget(Network(kind, packed=True))
    assert len(found.unseen) == 1
    assert "packed sequences" in found.unseen[0]
    assert "in layer" in found.unseen[0]
