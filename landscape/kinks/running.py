"""Which module is running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def module_names(model: nn.Module) -> Iterator[Callable[[], str]]:
    """Follow which module is running; yields a function that returns its name.

    Hooks are set for the time of the context only.
    """
    running: list[str] = []
    handles = []

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: running.append(name)

    def leave(*_: Any) -> None:
        if running:
            running.pop()

    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(enter(name or "(model)")))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield lambda: running[-1] if running else "(loss)"
    finally:
        for handle in handles:
            handle.remove()
