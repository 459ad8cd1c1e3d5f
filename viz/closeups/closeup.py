"""A network seen close up: what its best-fitting quadratics leave, and its loss at full scale."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from landscape.records.plurals import counted
from landscape.records.residuals import Residual
from landscape.records.surface import Surface

from ..geometry.window import ends_of


@dataclass(frozen=True, slots=True, eq=False)
class Closeup:
    """What the loss microscope shows of one network.

    Attributes:
        residuals: one window, or several, the widest first; see :func:`landscape.remove_quadratic`.
        title: of the network.
        full: its surface at full scale.
        noise: what the choice of a minibatch adds to one optimizer step, in units of the loss, see
            :func:`landscape.minibatch_noise`; for the caption.

    Raises:
        TypeError: for a value of another type.
        ValueError: for no residual.
    """

    residuals: tuple[Residual, ...]
    title: str = ""
    full: Surface | None = None
    noise: float | None = None

    def __post_init__(self) -> None:
        given: object = self.residuals
        residuals = (given,) if isinstance(given, Residual) else tuple(self.residuals)
        for residual in residuals:
            if not isinstance(residual, Residual):
                raise TypeError(f"residuals must be Residuals, got {type(residual).__name__}; "
                                "landscape.remove_quadratic makes one of a Surface")  # fmt: skip
        if not residuals:
            raise ValueError("a close-up needs at least one residual, got none")
        if not isinstance(self.full, Surface | None):
            raise TypeError(f"full must be a Surface or None, got {type(self.full).__name__}")
        object.__setattr__(self, "residuals", residuals)


def closeups_of(given: Sequence[Closeup | Residual], *, most: int | None = None) -> list[Closeup]:
    """Return close-ups as a list; a residual is one without a title.

    A warning, in the name of the caller's caller, says if the windows of a column differ.

    Args:
        given: at least one.
        most: windows that each may have; None for any number.

    Raises:
        ValueError: for none, other numbers of windows, or a surface at full scale for some alone.
    """
    closeups = [item if isinstance(item, Closeup) else Closeup((item,)) for item in given]
    if not closeups:
        raise ValueError("the microscope needs at least one residual, got none")
    counts = sorted({len(closeup.residuals) for closeup in closeups})
    if len(counts) > 1 or (most is not None and counts[0] > most):
        wanted = "as many residuals as the others" if most is None else counted(most, "residual")
        raise ValueError(f"every close-up must have {wanted}, got {', '.join(map(str, counts))}")
    if len({closeup.full is None for closeup in closeups}) > 1:
        raise ValueError("full must be given for every close-up or for none, got it for some")
    for column in zip(*(closeup.residuals for closeup in closeups), strict=True):
        if len({ends_of(residual.grid) for residual in column}) > 1:
            warnings.warn("the residuals span different windows: compare with care", stacklevel=3)
            break
    return closeups
