"""The rates of claim 2 as a table: what was borne beside what a quadratic would bear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape import viz

if TYPE_CHECKING:
    from landscape.records.results import Analysis

_HEADER = ("activation", "method", "largest stable", "limit at start", "limit at end",
           "best rate", "steps at it")  # fmt: skip


def rate_table(analyses: Sequence[Analysis]) -> Any:
    """Return medians over the seeds of the first group, the twins that decide first.

    Args:
        analyses: of claim 2, at least one.
    """
    from landscape.claims.comparing import groups
    from landscape.claims.primary import deciding_twins

    group, seeds = next(iter(groups(analyses).items()))
    names = list(seeds[0].settings["activations"])
    deciding = dict.fromkeys(name for pair in deciding_twins() for name in pair)
    first = [name for name in deciding if name in names]
    ordered = [*first, *(name for name in names if name not in first)]
    rows = [row for name in ordered for row in _rows(seeds, names.index(name), name)]
    return viz.report.Table(
        name="claim-2-rates",
        title="Largest stable rates beside those of a quadratic",
        header=_HEADER,
        rows=tuple(rows),
        listed=len(first) * len(seeds[0].settings["methods"]) or None,
        note=f"{group}, medians over the seeds ({len(seeds)}). Limits: 2 / sharpness and what "
        "momentum makes of it, with the sharpness at the start and the end of gradient descent at "
        "its best rate. The file has all activations.",
    )


def _rows(seeds: Sequence[Analysis], row: int, name: str) -> Iterator[tuple[Any, ...]]:
    for column, method in enumerate(seeds[0].settings["methods"]):
        stable = [_at(seed.arrays["stable_rates"][row], column) for seed in seeds]
        limits = [np.median([seed.arrays["limits"][row, end, column] for seed in seeds])
                  for end in (0, 1)]  # fmt: skip
        best, steps = (np.median([seed.arrays[key][row, column] for seed in seeds])
                       for key in ("best_rates", "steps_to_target"))  # fmt: skip
        yield (name, method.replace("_", " "), *map(float, (np.median(stable), *limits, best,
               steps)))  # fmt: skip


def _at(values: Any, column: int) -> float:
    """Return a rate; NaN of a method that was not measured."""
    return float(values[column]) if column < len(values) else float("nan")
