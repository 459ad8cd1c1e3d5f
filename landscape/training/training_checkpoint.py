"""Training that can be taken up again: what was recorded, and the state to go on from."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape.networks.parameters import unwrapped

Saved = tuple[Iterable[bytes], bytes]
Gather = Callable[[tuple[int, ...], "np.dtype[Any]", Iterable["NDArray[Any]"]], "NDArray[Any]"]
# Bytes of vectors that wait in memory to be saved, at most.
PENDING = 1 << 26


@dataclass(slots=True)
class TrainingCheckpoint:
    """Where a run keeps its progress.

    Attributes:
        save: called with what was recorded since the last call, and the state to go on from; both
            are on record when it returns.
        saved: what an earlier process saved, all pieces and the last state; None to begin anew.
        seconds: least time between two calls, unless much has been recorded since.
        read: called for all pieces that are on record, those of an earlier process as well; the
            vectors that were saved are then not held in memory. None holds them.
        gather: joins blocks of rows to an array of a shape and type; goes with ``read``.
    """

    save: Callable[[bytes, bytes], None]
    saved: Saved | None = None
    seconds: float = 2.0
    read: Callable[[], Iterable[bytes]] | None = None
    gather: Gather | None = None
    _last: float = field(init=False, default_factory=time.monotonic)

    def due(self, pending: int) -> bool:
        """Whether it is time to save, with so many bytes of vectors not yet on record."""
        full = self.read is not None and pending >= PENDING
        return full or time.monotonic() - self._last >= self.seconds

    def put(self, piece: dict[str, Any], state: dict[str, Any]) -> None:
        """Save a piece and a state."""
        self.save(_encoded(piece), _encoded(state))
        self._last = time.monotonic()

    def pieces(self) -> Iterator[dict[str, Any]]:
        """Yield the pieces that are on record, or those an earlier process saved."""
        stored = self.read() if self.read else self.saved[0] if self.saved else ()
        return map(_decoded, stored)

    def state(self) -> dict[str, Any] | None:
        """Return the state an earlier process saved last, or None."""
        return _decoded(self.saved[1]) if self.saved else None


def state_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, step: int, before: Tensor
) -> dict[str, Any]:
    """Return everything the next steps depend on.

    Args:
        model: with its parameters and buffers, named as without a wrapper.
        optimizer: with its moments.
        step: steps taken.
        before: state of torch's global generator when training began: restored only if training
            draws from it, as dropout does.
    """
    drawn, model = torch.get_rng_state(), unwrapped(model)
    return {
        "step": step,
        "parameters": {n: p.detach().cpu() for n, p in model.named_parameters()},
        "buffers": {n: b.detach().cpu() for n, b in model.named_buffers()},
        "optimizer": optimizer.state_dict(),
        "generator": None if torch.equal(drawn, before) else drawn,
    }


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> int:
    """Put a model and its optimizer into a state, and return the steps taken."""
    model = unwrapped(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(state["parameters"][name])
        for name, buffer in model.named_buffers():
            buffer.copy_(state["buffers"][name])
    optimizer.load_state_dict(state["optimizer"])
    if state["generator"] is not None:
        torch.set_rng_state(state["generator"])
    return int(state["step"])


def _encoded(values: dict[str, Any]) -> bytes:
    file = BytesIO()
    torch.save(values, file)
    return file.getvalue()


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        return dict(torch.load(BytesIO(data), weights_only=True, map_location="cpu"))
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError):
        raise ValueError(
            "what was saved of a training in progress is not as this program saves it; remove the "
            "journal beside the study to start anew"
        ) from None
