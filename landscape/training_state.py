"""Training that can be taken up again: what was recorded, and the state to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn

Saved = tuple[list[bytes], bytes]


@dataclass(slots=True)
class Keeping:
    """Where a run keeps its progress.

    Attributes:
        save: called with what was recorded since the last call, and the state to go on from; both
            are on record when it returns.
        saved: what an earlier process saved, all pieces and the last state; None to begin anew.
        seconds: least time between two calls.
    """

    save: Callable[[bytes, bytes], None]
    saved: Saved | None = None
    seconds: float = 2.0
    _last: float = field(init=False, default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= self.seconds

    def put(self, piece: dict[str, Any], state: dict[str, Any]) -> None:
        """Save a piece and a state."""
        self.save(_encoded(piece), _encoded(state))
        self._last = time.monotonic()

    def pieces(self) -> list[dict[str, Any]]:
        """Return the pieces an earlier process saved."""
        return [_decoded(piece) for piece in self.saved[0]] if self.saved else []

    def state(self) -> dict[str, Any] | None:
        """Return the state an earlier process saved last, or None."""
        return _decoded(self.saved[1]) if self.saved else None


def state_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, step: int, before: Tensor
) -> dict[str, Any]:
    """Return everything the next steps depend on.

    Args:
        model: with its parameters and buffers.
        optimizer: with its moments.
        step: steps taken.
        before: state of torch's global generator when training began: restored only if training
            draws from it, as dropout does.
    """
    drawn = torch.get_rng_state()
    return {
        "step": step,
        "parameters": {n: p.detach().cpu() for n, p in model.named_parameters()},
        "buffers": {n: b.detach().cpu() for n, b in model.named_buffers()},
        "optimizer": optimizer.state_dict(),
        "generator": None if torch.equal(drawn, before) else drawn,
    }


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> int:
    """Put a model and its optimizer into a state, and return the steps taken."""
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
    return dict(torch.load(BytesIO(data), weights_only=True, map_location="cpu"))
