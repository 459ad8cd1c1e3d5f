"""Contrasts that decide, with families and margins: read from a file that stands before a sweep.

The file, ``primary.toml`` beside this module, is the only place where margins are written. Its
digest is noted in every measurement, so that a report can tell whether margins were changed since.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from landscape.claims.effects import SCALES, Scale
from landscape.records.choices import check_known, known_names

# Contrasts that decide belong to one of these.
FAMILIES = ("bounce", "speed", "stability")
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    """A quantity by which a claim is measured, fixed before.

    Attributes:
        claim: 1 to 10.
        name: of the quantity.
        margin: a share for ``log``, otherwise in the quantity's unit.
        scale: ``log`` or ``linear``.
        claimed: sign of the first of a pair minus the second if the claim is true.
        pairs: which are compared; the deciding twins if none are given.
        family: of contrasts that decide; "" of a quantity that is exploratory.
        variant: of its variants the one that decides; "" if it has none.
    """

    claim: int
    name: str
    margin: float
    scale: Scale
    claimed: int
    pairs: Pairs = ()
    family: str = ""
    variant: str = ""

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"the margin of {self.name!r} must be > 0, got {self.margin}")
        if self.scale not in SCALES or self.claimed not in (-1, 1):
            raise ValueError(f"{self.name!r} has an unknown scale or sign")
        if self.family:
            check_known("family", self.family, FAMILIES)

    @property
    def bound(self) -> float:
        """The margin in the unit of the effect: of logarithms where these are compared."""
        return math.log1p(self.margin) if self.scale == "log" else self.margin


def primary(claim: int, name: str) -> Primary:
    """Return what was fixed about a quantity.

    Raises:
        ValueError: if nothing was; the message lists the quantities of the claim.

    >>> primary(8, "steps at the best rate").margin
    0.1
    """
    known = [quantity for quantity in every() if quantity.claim == claim]
    for quantity in known:
        if quantity.name == name:
            return quantity
    raise ValueError(
        f"{name!r} was not fixed for claim {claim}; {known_names(repr(q.name) for q in known)}"
    )


@cache
def every() -> tuple[Primary, ...]:
    """Return all quantities of the file, in its order."""
    twins = deciding_twins()
    return tuple(
        Primary(**{**entry, "pairs": tuple(map(tuple, entry.get("pairs", twins)))})
        for entry in _parsed()["contrast"]
    )


def family_of(claim: int) -> str:
    """Return the family of the contrasts that decide a claim; "" of a claim that none does.

    >>> family_of(8), family_of(3)
    ('speed', '')
    """
    return next((q.family for q in every() if q.claim == claim and q.family), "")


def deciding_twins() -> Pairs:
    """Return the pairs of activations, kinked and smooth, that decide."""
    return tuple((kinked, smooth) for kinked, smooth in _parsed()["twins"])


def deciding_arm(arms: Any) -> str:
    """Return which of some arms decides: the first in the order of the file.

    Raises:
        ValueError: if none of them is known.
    """
    known = [str(arm) for arm in _parsed()["arms"]]
    for arm in known:
        if arm in arms:
            return arm
    raise ValueError(f"one of the arms {', '.join(known)} must be there, got {sorted(arms)}")


def level() -> float:
    """Return the level of verdicts, 1 - alpha."""
    return float(_parsed()["level"])


def most_seeds() -> int:
    """Return the number of seeds beyond which a contrast is left undecided."""
    return int(_parsed()["most_seeds"])


def digest() -> str:
    """Return the SHA-256 of the file."""
    return hashlib.sha256(_content()).hexdigest()


@cache
def _content() -> bytes:
    return (files("landscape") / "claims" / "primary.toml").read_bytes()


@cache
def _parsed() -> dict[str, Any]:
    return tomllib.loads(_content().decode("utf-8"))
