"""A network that is watched while it runs with other parameters: what lines and planes share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape.networks.parameters import unflatten
from landscape.networks.watching.observer import Observer
from landscape.networks.watching.running import module_names, without_checkpoints
from landscape.problem.example_losses import checked, per_example_loss
from landscape.problem.examples import Part, count, map_tensors, take
from landscape.problem.network import Network
from landscape.records.arrays import Floats

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(slots=True, kw_only=True)
class Probe:
    """A network with its loss.

    Attributes:
        network: private, in float64; its parameters are not used, its buffers are.
        loss: one value per example.
        place: name of the module that is running.
        unseen: what may kink and could not be watched.
        vmaps: whether the network goes through vmap, as far as was tried.
    """

    network: Network
    loss: Callable[[Any, Any], Tensor]
    place: Callable[[], str]
    unseen: dict[str, None] = field(default_factory=dict)
    vmaps: bool = True

    def tensor(self, values: Floats) -> Tensor:
        """Return numbers in float64 where the network is."""
        return torch.from_numpy(np.array(values, dtype=np.float64)).to(self.network.device)

    def named(self, vector: Floats) -> dict[str, Tensor]:
        """Return a vector [P] as named parameters."""
        return unflatten(self.tensor(vector), self.network.layout)

    def losses(
        self, parameters: Mapping[str, Tensor], part: Part, *, whole: bool = False
    ) -> Tensor:
        """Return the losses of n examples, [n], or their sum if they count as one, [1]."""
        # Copies made here: a transform lets nothing be written into what was there before.
        tensors = {**self.network.buffers(), **parameters}
        part, args, kwargs = self.network.inputs(part)

        def value(net: nn.Module) -> Tensor:
            output = net(*args, **kwargs)
            if not whole:
                return self.loss(output, part[1])
            return self.network.objective.parts(output, part[1], count(part))[0].reshape(1)

        return self.network.called(tensors, value)  # type: ignore[no-any-return]

    def watched(
        self, parameters: Mapping[str, Tensor], part: Part, *, whole: bool = False, **options: Any
    ) -> tuple[Tensor, Observer]:
        """Return the losses and what was seen; options are those of the observer."""
        examples = 1 if whole else count(part)
        with Observer(examples, self.place, **options) as observer:
            losses = self.losses(parameters, part, whole=whole)
        self.unseen.update(observer.unseen)
        return checked(losses, examples), observer


@contextmanager
def prepared(network: Network) -> Iterator[dict[str, Any]]:
    """Prepare a network, private and in float64; yields the arguments of a probe.

    Raises:
        ValueError: if the loss cannot give a value per example.
    """
    with network.ready(), without_checkpoints(), module_names(network.inner) as place:
        yield {"network": network, "loss": per_example_loss(network.objective), "place": place}


def attempted(run: Callable[[], _Result], without: str) -> _Result | None:
    """Return what a function returns, None where torch lacks something that the network needs.

    Args:
        run: the function.
        without: what is done without it, for the log.
    """
    try:
        return run()
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        _LOG.info("%s (%s)", without, error)
        return None


def singles(part: Part) -> Any:
    """Return the examples of a batch as batches of one, for vmap, which knows no missing target."""
    whole = part if part[1] is not None else (part[0], torch.zeros(count(part)))
    return map_tensors(lambda x: x.unsqueeze(1), whole)


def subset(part: Part, members: NDArray[np.int64]) -> Part:
    """Return some examples of a batch."""
    return take(part, torch.from_numpy(members))  # type: ignore[no-any-return]
