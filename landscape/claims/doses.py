"""How the effect of kinks vanishes: against the width of the rounding, and the spacing of knots.

Twins of one family differ by how large their kinks are. An effect of kinks grows with the width
over which ReLU's corner is rounded away, and with the spacing of the knots of a copy; one that does
not is an effect of something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.claims.comparing import Quantity
from landscape.claims.twins import SPACINGS, WIDTHS, apart
from landscape.records.arrays import Floats
from landscape.records.results import Analysis


@dataclass(frozen=True, slots=True, eq=False)
class Doses:
    """Effects of families of twins, kinked minus smooth.

    Attributes:
        what: what the doses are.
        doses: widths or spacings, [X], increasing.
        effects: by family, of every seed: differences, or factors for a quantity of scale ``log``,
            [S, X]; NaN where a run did not arrive.
        apart: by family, how far the values of the twins are apart at each dose, [X], as a share
            of those of ReLU or of what is copied (:func:`landscape.claims.twins.apart`).
    """

    what: str
    doses: Floats
    effects: dict[str, Floats]
    apart: dict[str, Floats]


def doses(analyses: Sequence[Analysis], quantity: Quantity) -> tuple[Doses, ...]:
    """Return the effects of one group's twins by width and by spacing.

    Args:
        analyses: of one claim and one group, a seed each.
        quantity: what is compared.

    Returns:
        Families of which every dose was measured; none where twins were few.
    """
    rounded = {"ReLU": ("relu", [("relu", f"smelu_{width}") for width in WIDTHS])}
    copied = {
        base: (base, [(f"pwl_{base}_{spacing}", base) for spacing in SPACINGS])
        for base in ("gelu", "elu", "tanh")
    }
    every = (
        ("width over which ReLU's corner is rounded", WIDTHS, rounded),
        ("spacing of the knots of the copy", SPACINGS, copied),
    )
    measured = set(analyses[0].settings["activations"]) if analyses else set()
    curves = []
    for what, names, families in every:
        known = {
            family: (base, pairs)
            for family, (base, pairs) in families.items()
            if {name for pair in pairs for name in pair} <= measured
        }
        if known:
            effects = {f: _effects(analyses, pairs, quantity) for f, (_, pairs) in known.items()}
            values = {f: _apart(base, pairs) for f, (base, pairs) in known.items()}
            curves.append(Doses(what, np.array([float(n) for n in names]), effects, values))
    return tuple(curves)


def _apart(base: str, pairs: Sequence[tuple[str, str]]) -> Floats:
    """Return how far the other activation of each pair is from the base, [X]."""
    others = [smooth if kinked == base else kinked for kinked, smooth in pairs]
    return np.array([apart(other, base) for other in others])


def _effects(
    analyses: Sequence[Analysis], pairs: Sequence[tuple[str, str]], quantity: Quantity
) -> Floats:
    rows = []
    for analysis in analyses:
        names = list(analysis.settings["activations"])
        kinked, smooth = (
            np.array([quantity.values(analysis, names.index(pair[side])) for pair in pairs])
            for side in (0, 1)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = kinked / smooth if quantity.scale == "log" else kinked - smooth
        rows.append(np.where(np.isfinite(kinked) & np.isfinite(smooth), effect, np.nan))
    return np.stack(rows)
