"""The steps of many copies of a network at once, as torch's SGD and Adam take them.

References:
    Kingma and Ba (2015), Adam, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape.records.arrays import Floats

MOMENTUM = 0.9
# Names of methods without momentum.
_PLAIN = ("gd", "sgd")
# Of Adam, torch's defaults: the decay of the mean square, and what keeps a division finite.
_DECAY, _EPSILON = 0.999, 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Methods:
    """K ways to descend; torch's SGD: v <- momentum v + g, theta <- theta - rate v.

    Attributes:
        rates: learning rates, [K].
        momenta: [K]; 0 is gradient descent. Of Adam the decay of the mean.
        nesterov: whether the step is ``rate (g + momentum v)`` instead, [K].
        adaptive: whether all of them are torch's Adam.
    """

    rates: Floats
    momenta: Floats
    nesterov: Floats
    adaptive: bool = False

    def __post_init__(self) -> None:
        count = np.shape(self.rates)
        for name in ("rates", "momenta", "nesterov"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if len(count) != 1 or values.shape != count:
                raise ValueError(f"{name} must have shape {count} = (K,), got {values.shape}")
            object.__setattr__(self, name, values)
        if not (self.rates > 0).all():
            raise ValueError(f"rates must be > 0, got {self.rates.min():g}")
        if not ((self.momenta >= 0) & (self.momenta < 1)).all():
            raise ValueError("momenta must be in [0, 1)")


def methods_at(
    rates: Floats, names: Sequence[str] = ("gd",), *, momentum: float = MOMENTUM
) -> Methods:
    """Return each of M methods at each of its rates [M, R], as M R methods.

    Args:
        rates: [M, R], or [R] for a single method.
        names: ``gd`` or ``sgd``, without momentum; ``heavy_ball`` or ``momentum``; ``nesterov``;
            ``adam``, by itself.
        momentum: of those that have one.
    """
    each = np.shape(rates)[-1]
    momenta = [0.0 if name in _PLAIN else momentum for name in names]
    ahead = [float(name == "nesterov") for name in names]
    return Methods(np.reshape(rates, -1), np.repeat(momenta, each), np.repeat(ahead, each),
                   adaptive="adam" in names)  # fmt: skip


class Optimizer:
    """The optimizer of K copies.

    Args:
        methods: of the copies.
        thetas: where they start, [K, P].
    """

    def __init__(self, methods: Methods, thetas: Tensor) -> None:
        self._rates, self._momenta, self._ahead = (
            torch.from_numpy(v).to(thetas)[:, None]
            for v in (methods.rates, methods.momenta, methods.nesterov)
        )
        self._adaptive, self._taken = methods.adaptive, 0
        self._mean, self._square = torch.zeros_like(thetas), torch.zeros_like(thetas)

    def step(self, gradients: Tensor, factor: float) -> Tensor:
        """Return what is taken from the parameters, [K, P].

        Args:
            gradients: [K, P].
            factor: of the schedule, by which the rates are multiplied.
        """
        rates = self._rates * factor
        if self._adaptive:
            return rates * self._adapted(gradients)
        self._mean = self._momenta * self._mean + gradients
        # Plain, heavy ball: v. Nesterov: g + momentum v.
        ahead = gradients + self._momenta * self._mean
        return rates * torch.where(self._ahead > 0, ahead, self._mean)

    def _adapted(self, gradients: Tensor) -> Tensor:
        self._taken += 1
        self._mean = self._momenta * self._mean + (1 - self._momenta) * gradients
        self._square = _DECAY * self._square + (1 - _DECAY) * gradients.square()
        mean = self._mean / (1 - self._momenta**self._taken)
        return mean / ((self._square / (1 - _DECAY**self._taken)).sqrt() + _EPSILON)
