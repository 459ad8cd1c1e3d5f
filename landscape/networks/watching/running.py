"""How a watched network runs: which module is at work, and checkpoints as plain calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch.utils.checkpoint
from torch import nn

# Where something happens while no module of the network runs.
LOSS = "(loss)"


@contextmanager
def module_names(model: nn.Module) -> Iterator[Callable[[], str]]:
    """Follow which module is running; yields a function that returns its name.

    Hooks are set for the time of the context only.
    """
    running: list[str] = []
    modules = dict(model.named_modules())

    def enter(name: str, *_: Any) -> None:
        running.append(name or "(model)")

    def leave(*_: Any) -> None:
        if running:
            running.pop()

    with before_calls(modules, enter):
        handles = [m.register_forward_hook(leave, always_call=True) for m in modules.values()]
        try:
            yield lambda: running[-1] if running else LOSS
        finally:
            for handle in handles:
                handle.remove()


@contextmanager
def before_calls(modules: Mapping[str, nn.Module], note: Callable[..., None]) -> Iterator[None]:
    """Call ``note(name, module, arguments)`` before every call of a module, inside the context."""
    handles = [module.register_forward_pre_hook(partial(note, name))
               for name, module in modules.items()]  # fmt: skip
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def without_checkpoints() -> Iterator[None]:
    """Let checkpointed blocks run like any others, without computing anything again.

    They give the same values and derivatives, for more memory; nested forward derivatives and vmap
    do not go through torch's checkpoints. Where a version of torch names its parts otherwise,
    nothing is changed, and torch says what does not work.
    """
    home: Any = torch.utils.checkpoint
    plain = {"_checkpoint_without_reentrant_generator": _nothing_around,
             "CheckpointFunction": _Direct}  # fmt: skip
    saved = {name: getattr(home, name) for name in plain if hasattr(home, name)}
    try:
        for name in saved:
            setattr(home, name, plain[name])
        yield
    finally:
        for name, value in saved.items():
            setattr(home, name, value)


def _nothing_around(*_: Any, **__: Any) -> Iterator[None]:
    """Stand where torch runs code before and after a block."""
    yield


class _Direct:
    """Stands where torch runs a block without recording it."""

    @staticmethod
    def apply(function: Callable[..., Any], _preserve: bool, *args: Any) -> Any:
        """Call the block."""
        return function(*args)
