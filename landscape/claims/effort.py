"""How much work the measurement of a claim may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from landscape.records.choices import check_known, check_least
from landscape.records.plain import to_plain
from landscape.training.training_settings import SCHEDULES, Schedule

Arm = Literal["identical", "gain"]
ARMS: tuple[str, ...] = get_args(Arm)
Twins = Literal["few", "all"]
TWINS: tuple[str, ...] = get_args(Twins)
Stepper = Literal["sgd", "momentum", "nesterov", "adam"]
STEPPERS: tuple[str, ...] = get_args(Stepper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much work a claim may be, for one seed.

    Attributes:
        steps: optimizer steps of a run.
        rates: learning rates of a grid.
        factor: between neighbouring rates.
        records: times during a run at which something costly is measured.
        centres: crossings across which differences are taken.
        batch_sizes: examples per step; 0 is all.
        depths: numbers of hidden layers.
        twins: ``few`` pairs of activations or ``all``.
        optimizer: of claims 8 and 10: ``sgd``, with all examples in a step gradient descent;
            ``momentum``, ``nesterov`` with momentum 0.9; ``adam``.
        schedule: of the rates of claims 8 and 10: ``constant``, ``linear``, ``cosine``, ``step``.
        record_every: steps between records of the loss, of claims 8 and 10.
    """

    steps: int = 60
    rates: int = 14
    factor: float = 1.5
    records: int = 4
    centres: int = 6
    batch_sizes: tuple[int, ...] = (0, 64)
    depths: tuple[int, ...] = (2, 4, 8, 16)
    twins: Twins = "few"
    optimizer: Stepper = "sgd"
    schedule: Schedule = "constant"
    record_every: int = 2

    def __post_init__(self) -> None:
        check_least(1, steps=self.steps, rates=self.rates, records=self.records,
                    centres=self.centres, record_every=self.record_every)  # fmt: skip
        if not 1 < self.factor <= 2:
            raise ValueError(f"factor must be above 1 and at most 2, got {self.factor}")
        if any(size < 0 for size in self.batch_sizes) or not self.batch_sizes:
            raise ValueError(f"batch_sizes must be numbers >= 0, got {list(self.batch_sizes)}")
        if any(depth < 1 for depth in self.depths) or not self.depths:
            raise ValueError(f"depths must be numbers >= 1, got {list(self.depths)}")
        for name, known in (("twins", TWINS), ("optimizer", STEPPERS), ("schedule", SCHEDULES)):
            check_known(name, getattr(self, name), known)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return to_plain(self)
