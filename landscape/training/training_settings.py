"""How a network is trained: optimizer, learning rate, schedule, batches, records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from landscape.records.choices import check_known, check_least

Optimizer = Literal["gd", "sgd", "momentum", "nesterov", "adam", "adamw"]
Schedule = Literal["constant", "linear", "cosine", "step"]
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
SCHEDULES: tuple[str, ...] = get_args(Schedule)

# With momentum 0.9 a rate ten times smaller moves as far in the long run: lr / (1 - momentum).
DEFAULT_RATES: Mapping[str, float] = MappingProxyType(
    {"gd": 0.3, "sgd": 0.1, "momentum": 0.03, "nesterov": 0.03, "adam": 0.003, "adamw": 0.003}
)


def check_optimizer(name: str) -> str:
    """Return ``name`` if it is an optimizer.

    Raises:
        ValueError: otherwise; the message lists the known.
    """
    check_known("optimizer", name, OPTIMIZERS)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How every run of a study is trained; the same for every activation.

    Attributes:
        steps: optimizer steps.
        batch_size: examples per step; 0 takes the whole data set (``gd`` always does).
        record_every: steps between recorded parameter vectors (the first and last are always
            recorded).
        record_pairs: whether the vector one step after each record, and the one before the last,
            are recorded too, so that single optimizer steps can be measured. It doubles the
            number of vectors (from ``record_every=2`` on; every step is recorded at 1 and 2).
        learning_rates: learning rate of each optimizer.
        momentum: momentum of ``momentum`` and ``nesterov``.
        weight_decay: added to the gradient; decoupled in ``adamw``.
        schedule: ``constant``; ``linear`` or ``cosine`` down to 0; ``step`` divides by 10 after
            half and after three quarters of the steps.
        warmup_steps: steps over which the rate first rises linearly.
    """

    steps: int = 300
    batch_size: int = 0
    record_every: int = 3
    record_pairs: bool = True
    learning_rates: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_RATES))
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        check_least(1, steps=self.steps, record_every=self.record_every)
        check_least(0, batch_size=self.batch_size, warmup_steps=self.warmup_steps)
        for optimizer, rate in self.learning_rates.items():
            check_optimizer(optimizer)
            if not (math.isfinite(rate) and rate > 0):
                raise ValueError(f"learning rate of {optimizer} must be finite and > 0, got {rate}")
        object.__setattr__(
            self, "learning_rates", MappingProxyType({**DEFAULT_RATES, **self.learning_rates})
        )
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay must be finite and >= 0, got {self.weight_decay}")
        check_known("schedule", self.schedule, SCHEDULES)

    @property
    def records(self) -> int:
        """Number of parameter vectors a run records, the first and the last among them."""
        return sum(map(self.is_recorded, range(self.steps + 1)))

    def is_recorded(self, step: int) -> bool:
        """Whether the parameters after so many steps are recorded.

        >>> [step for step in range(9) if TrainingConfig(steps=8, record_every=4).is_recorded(step)]
        [0, 1, 4, 5, 7, 8]
        """
        if step % self.record_every == 0 or step == self.steps:
            return True
        return self.record_pairs and (step % self.record_every == 1 or step == self.steps - 1)

    def batch_size_of(self, optimizer: str) -> int:
        """Return the batch size used by ``optimizer``; 0 is the whole data set.

        Raises:
            ValueError: for ``sgd`` without a batch size, which would be ``gd``.
        """
        if optimizer == "gd":
            return 0
        if optimizer == "sgd" and self.batch_size == 0:
            raise ValueError(
                "sgd needs batch_size >= 1, got 0 (the whole data set); "
                "set a batch size, or use the optimizer gd"
            )
        return self.batch_size

    def rate_at(self, step: int, base: float) -> float:
        """Return the learning rate of ``step`` (counted from 0).

        >>> TrainingConfig(steps=100, schedule="linear").rate_at(50, 1.0)
        0.5
        """
        if step < self.warmup_steps:
            return base * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        match self.schedule:
            case "linear":
                return base * (1 - done)
            case "cosine":
                return base * 0.5 * (1 + math.cos(math.pi * done))
            case "step":
                return base * (0.1 if done >= 0.5 else 1.0) * (0.1 if done >= 0.75 else 1.0)
            case _:
                return base
