"""Recurrent layers written out step by step: fused, nobody could watch their gates bend and kink.

Gates of one kind are taken together, so that a step of an LSTM is two calls of a bend for its gates
and one for its state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

# Of one layer in one direction: both weights, both biases or none, the projection or none.
Weights = Sequence[Tensor]
# (input, state, weights, whether there are biases) to the next state; the output comes first.
_Cell = Callable[[Tensor, tuple[Tensor, ...], Weights, bool], tuple[Tensor, ...]]


def _lstm(
    inputs: Tensor, state: tuple[Tensor, ...], weights: Weights, biased: bool
) -> tuple[Tensor, ...]:
    """Return (h, c) after a step: c' = f c + i g, h' = o tanh(c'), projected if it is."""
    hidden, cell = state
    gates = _linear(inputs, weights, biased, 0) + _linear(hidden, weights, biased, 1)
    i, f, g, o = gates.chunk(4, dim=1)
    i, f, o = torch.sigmoid(torch.cat([i, f, o], dim=1)).chunk(3, dim=1)
    cell = f * cell + i * torch.tanh(g)
    hidden = o * torch.tanh(cell)
    projected = len(weights) % 2 == 1
    return (functional.linear(hidden, weights[-1]) if projected else hidden), cell


def _gru(
    inputs: Tensor, state: tuple[Tensor, ...], weights: Weights, biased: bool
) -> tuple[Tensor, ...]:
    """Return h after a step: h' = n + z (h - n), n = tanh(W x + r U h)."""
    hidden = state[0]
    size = hidden.shape[1]
    new, old = _linear(inputs, weights, biased, 0), _linear(hidden, weights, biased, 1)
    r, z = torch.sigmoid(new[:, : 2 * size] + old[:, : 2 * size]).chunk(2, dim=1)
    n = torch.tanh(new[:, 2 * size :] + r * old[:, 2 * size :])
    return (n + z * (hidden - n),)


def _elman(activation: Callable[[Tensor], Tensor]) -> _Cell:
    def step(
        inputs: Tensor, state: tuple[Tensor, ...], weights: Weights, biased: bool
    ) -> tuple[Tensor, ...]:
        new, old = _linear(inputs, weights, biased, 0), _linear(state[0], weights, biased, 1)
        return (activation(new + old),)

    return step


def _linear(inputs: Tensor, weights: Weights, biased: bool, number: int) -> Tensor:
    return functional.linear(inputs, weights[number], weights[2 + number] if biased else None)


_CELLS: Mapping[str, _Cell] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn_tanh": _elman(torch.tanh), "rnn_relu": _elman(torch.relu)}
)
# torch's names of whole layers and of single cells.
RECURRENT = frozenset({*_CELLS, *(f"{name}_cell" for name in _CELLS)})


def written_out(name: str, args: Sequence[Any]) -> Any:
    """Do a call of a fused recurrent function in plain operations.

    Args:
        name: of :data:`RECURRENT`.
        args: as torch's layers give them.

    Raises:
        ValueError: for dropout that is on.
    """
    if name.endswith("_cell"):
        return _one_step(name, args)
    packed = is_packed(name, args)
    if packed:
        data, sizes, state, weights, biased, layers, dropout, training, both = args
        steps = data.split(sizes.tolist())
    else:
        data, state, weights, biased, layers, dropout, training, both, batch_first = args
        axis = 1 if batch_first else 0
        steps = data.unbind(axis)
    options = (weights, biased, layers, both)
    outputs, ends = _layers(name, steps, state, options, dropout and training)
    return torch.cat(outputs) if packed else torch.stack(outputs, dim=axis), *ends


def is_packed(name: str, args: Sequence[Any]) -> bool:
    """Return whether sequences are packed: their sizes then come before the state."""
    weights = args[1] if name == "lstm" else args[2]
    return not (name.endswith("_cell") or isinstance(weights, tuple | list))


def _one_step(name: str, args: Sequence[Any]) -> Any:
    inputs, state, *weights = args
    given = [weight for weight in weights if weight is not None]
    state = tuple(state) if isinstance(state, tuple | list) else (state,)
    new = _CELLS[name.removesuffix("_cell")](inputs, state, given, len(given) == 4)
    return new if len(new) > 1 else new[0]


def _layers(
    name: str, steps: Sequence[Tensor], state: Any, of: tuple[Any, ...], dropout: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the outputs of the last layer at each step, and the last states of all layers.

    Args:
        name: of the function.
        steps: inputs of each step; packed sequences have fewer rows in later ones.
        state: at the start, each part [layers * directions, rows, units].
        of: weights, whether there are biases, number of layers, whether in both directions.
        dropout: whether it is on.
    """
    if dropout:
        raise ValueError(f"dropout of {name} draws anew at each call; call model.eval()")
    weights, biased, layers, both = of
    states = tuple(state) if isinstance(state, tuple | list) else (state,)
    directions = (1, -1) if both else (1,)
    each = len(weights) // (layers * len(directions))
    last: list[tuple[Tensor, ...]] = []
    for _ in range(layers):
        outputs = []
        for direction in directions:
            number = len(last)
            layer_weights = weights[number * each : (number + 1) * each]
            start = tuple(s[number] for s in states)
            hidden, end = _along(_CELLS[name], steps[::direction], start, (layer_weights, biased))
            outputs.append(hidden[::direction])
            last.append(end)
        steps = [torch.cat(parts, dim=1) for parts in zip(*outputs, strict=True)]
    return list(steps), [torch.stack(list(parts)) for parts in zip(*last, strict=True)]


def _along(
    cell: _Cell, steps: Sequence[Tensor], start: tuple[Tensor, ...], of: tuple[Weights, bool]
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Return the output at every step, and the last state of each row."""
    outputs, state = [], start
    for inputs in steps:
        rows = len(inputs)
        now = cell(inputs, tuple(s[:rows] for s in state), *of)
        outputs.append(now[0])
        state = tuple(torch.cat([new, s[rows:]]) for new, s in zip(now, state, strict=True))
    return outputs, state
