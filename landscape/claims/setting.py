"""What a claim is measured on: one network, one data set, one seed, and how much work it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.effort import Arm, Effort
from landscape.claims.replaced import with_backward
from landscape.claims.twins import equal_gains
from landscape.networks import build
from landscape.networks.spec import NetworkSpec, ResNetSpec
from landscape.problem import Problem
from landscape.records.results import Analysis

# Of the analyses in a study file: ``/analyses/claims/<number>.<group>.seed<seed>``.
KIND = "claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One network on one data set with one seed; the unit of every statistic is the seed.

    Attributes:
        data: name of the data set.
        inputs: examples [N, ...], float64.
        targets: classes [N], or values.
        held_out: pair (inputs, targets) of examples that are not trained on; None if there are
            none.
        network: the network; its activation is replaced by those that are compared.
        loss: ``cross_entropy`` or ``mse``.
        seed: of weights, batches and draws.
        arm: ``identical`` starts every activation from the same weights; ``gain`` scales them so
            that E[act(z)^2] = 1 for standard normal z.
        effort: how many steps, rates, records.
    """

    data: str
    inputs: Tensor
    targets: Tensor
    network: NetworkSpec
    seed: int
    held_out: tuple[Tensor, Tensor] | None = None
    loss: str = "cross_entropy"
    arm: Arm = "identical"
    effort: Effort = field(default_factory=Effort)

    @property
    def examples(self) -> tuple[Tensor, Tensor]:
        """The pair (inputs, targets) that is trained on."""
        return self.inputs, self.targets

    @property
    def group(self) -> str:
        """Data set, network and arm: everything but the seed, as part of an identifier."""
        parts = [f"{self.network.kind}-{self._shape}"]
        parts += ["bn"] if self.normalises else []
        if (self.effort.optimizer, self.effort.schedule) != ("sgd", "constant"):
            parts += [self.effort.optimizer, self.effort.schedule]
        return f"{self.data}.{'-'.join(parts)}.{self.arm}"

    @property
    def _shape(self) -> str:
        if isinstance(self.network, ResNetSpec):
            return f"{self.network.depth}x{self.network.width}"
        sizes = [getattr(self.network, name, ()) for name in ("channels", "hidden")]
        return "-".join("x".join(map(str, some)) for some in sizes if some) or "plain"

    @property
    def normalises(self) -> bool:
        """Whether the network normalises by its batches."""
        return bool(getattr(self.network, "batch_norm", False))

    @property
    def target_loss(self) -> float:
        """The loss that runs are timed to, a share of what equal guesses cost.

        ``ln(classes) / 50`` for classes, a tenth of the variance of standardised targets.
        """
        if self.loss == "cross_entropy":
            return math.log(self.network.outputs) / 50
        return 0.1

    def model(self, activation: str, *, dtype: torch.dtype = torch.float64) -> nn.Module:
        """Build the network with an activation, its weights drawn by the seed.

        Args:
            activation: a name in the registry, or two as ``relu/smelu_1``: the values of the
                first and the derivative of the second.
            dtype: precision.
        """
        forward, _, backward = activation.partition("/")
        spec = replace(self.network, activation=forward)
        if self.arm == "gain":
            spec = replace(spec, initialisation="lecun")
        model = build(spec, seed=self.seed, dtype=dtype)
        if self.arm == "gain":
            equal_gains(model, forward)
        return with_backward(model, forward, backward) if backward else model

    def problem(self, activation: str, *, dtype: torch.dtype = torch.float64) -> Problem:
        """Return the network with an activation, its loss and the examples it is trained on."""
        return Problem(self.model(activation, dtype=dtype), self.loss, self.examples,
                       batch_norm="batch" if self.normalises else "frozen")  # fmt: skip

    def first(self, examples: int, problem: Problem) -> Problem:
        """Return a problem with the first so many of the examples alone."""
        return replace(problem, data=(self.inputs[:examples], self.targets[:examples]))

    def analysis(
        self, claim: int, activations: Sequence[str], arrays: Mapping[str, Any], **facts: Any
    ) -> Analysis:
        """Return what was measured of a claim, with the setting's facts and others."""
        settings = {**self.facts(), "claim": claim, "activations": list(activations), **facts}
        return Analysis(KIND, arrays, settings)

    def facts(self) -> dict[str, Any]:
        """Return what is noted in every analysis, plain values."""
        return {
            "data": self.data,
            "examples": len(self.targets),
            "network": self.network.to_dict(),
            "loss": self.loss,
            "seed": self.seed,
            "arm": self.arm,
            "group": self.group,
            "effort": self.effort.to_dict(),
        }


def stacked(cells: Any) -> dict[str, Any]:
    """Return what was measured in each cell of a nested list, by name, as arrays over the list.

    >>> {name: values.shape for name, values in stacked([[{"rank": 1.0}, {"rank": 2.0}]]).items()}
    {'rank': (1, 2)}
    """
    if isinstance(cells, dict):
        return {name: np.asarray(values) for name, values in cells.items()}
    rows = [stacked(cell) for cell in cells]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
