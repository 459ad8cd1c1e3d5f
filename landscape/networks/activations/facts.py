"""What is known of an activation. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from landscape.records.naming import check_name


class Smoothness(StrEnum):
    """How many derivatives are continuous everywhere."""

    DISCONTINUOUS = "discontinuous"
    KINKED = "C0"
    C1 = "C1"
    C2 = "C2"
    SMOOTH = "C-infinity"


@dataclass(frozen=True, slots=True)
class Kink:
    """A place where the derivative jumps.

    Attributes:
        place: z0.
        jump: act'(z0+) - act'(z0-).
        share: share of the jump in the derivative that torch returns at z0 itself: 0 for the slope
            on the left, 1 for that on the right.
    """

    place: float
    jump: float
    share: float = field(default=0.0, repr=False)


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise activation.

    Attributes:
        name: its name in the registry, with its parameter if that is not the default.
        label: its usual spelling, for figures.
        smoothness: its class.
        kinks: jumps of the derivative; for a learnable one those of its initial parameter.
        lower: greatest lower bound of its values.
        upper: least upper bound of its values.
        curved: whether it bends between its kinks.
        parameter: value of its one parameter (slope, alpha, beta, lambda), None without one.
        learnable: whether the parameter is trained.
    """

    name: str
    label: str
    smoothness: Smoothness
    kinks: tuple[Kink, ...] = ()
    lower: float = -math.inf
    upper: float = math.inf
    curved: bool = True
    parameter: float | None = None
    learnable: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "activation")
        if bool(self.kinks) != (self.smoothness is Smoothness.KINKED):
            raise ValueError(
                f"{self.name} must have kinks if and only if it is {Smoothness.KINKED}"
            )
