"""The one torch-function mode that watches a network run.

A ``TorchFunctionMode`` sees each torch function that is called while the network runs, module or
functional call. A subclass says which calls it deals with; all others are done as torch does them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor
from torch.overrides import TorchFunctionMode

from landscape.networks.watching.operations import Arguments, base_name
from landscape.networks.watching.recurrent import is_packed, written_out

# From the function, its base name and its arguments to the result of the call.
Handler = Callable[[Any, str, Arguments], Any]


class Watcher(TorchFunctionMode):
    """Sees every call inside it.

    Args:
        place: returns the name of the module that is running.

    Attributes:
        unseen: what could not be watched, as phrases.
        written_out: functions that are done in plain operations instead.
    """

    written_out: ClassVar[Mapping[Callable[..., Any], Callable[..., Tensor]]] = MappingProxyType({})

    def __init__(self, place: Callable[[], str]) -> None:
        super().__init__()
        self.unseen: dict[str, None] = {}
        self._place = place
        self._calls: dict[tuple[str, str], int] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do what was called, by a handler if there is one."""
        arguments, name = (args, kwargs or {}), base_name(func)
        handler = self._handler(name, arguments)
        if handler is None:
            return self.written_out.get(func, func)(*args, **arguments[1])
        return handler(func, name, arguments)

    @abstractmethod
    def _handler(self, name: str, arguments: Arguments) -> Handler | None:
        """Return what deals with a call of the function of that base name, None for nothing."""

    def _recurrent(self, _: Any, name: str, arguments: Arguments) -> Any:
        """Do a recurrent layer step by step, and watch each."""
        if is_packed(name, arguments[0]):
            self._miss(f"{name} of packed sequences")
            return written_out(name, arguments[0])
        with self:
            return written_out(name, arguments[0])

    def _named(self, operation: str = "") -> str:
        """Return the running module, with a number from the second call of an operation on."""
        layer = self._place()
        number = self._calls[layer, operation] = self._calls.get((layer, operation), 0) + 1
        return layer if number == 1 else f"{layer}#{number}"

    def _miss(self, what: str) -> None:
        self.unseen[f"{what} in {self._place()}"] = None
