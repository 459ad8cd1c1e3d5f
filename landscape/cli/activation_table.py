"""What is known of each activation, as a table and as a plate."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from landscape import viz
from landscape.cli.targets import check_ours, write_captioned
from landscape.records.atomic import writable_folder

if TYPE_CHECKING:
    from landscape.records.results import Analysis

FIGURE_FORMATS = (".pdf", ".png", ".svg")
_HEADER = ("name", "label", "class", "bounds", "slope at -inf", "at +inf", "kinks: place, jump")
# More kinks than these are counted.
_LISTED = 3


def print_activations(
    names: Sequence[str], figure: Path | None, style: str, *, force: bool
) -> None:
    """Print what is known of activations, and draw them with their first two derivatives.

    Bounds and kinks are those of the registry, slopes are measured by autograd in float64.

    Args:
        names: of them, with a parameter as ``leaky_relu_0.3``, or patterns; none for all.
        figure: the file of the plate; None for none.
        style: its look.
        force: whether files that this program did not write are replaced.

    Raises:
        ValueError: for an unknown activation or style, another format, or a file of somebody else.
        OSError: if the folder of the plate cannot be written.
    """
    from landscape.networks import activations

    if figure is not None and figure.suffix not in FIGURE_FORMATS:
        raise ValueError(f"a plate is written as {', '.join(FIGURE_FORMATS)}, got {figure.name!r}")
    matching = [fnmatch.filter(activations.names(), name) or [name] for name in names]
    chosen = list(dict.fromkeys(chain(*matching))) or list(activations.names())
    low, high = activations.usual_range(chosen)
    looks = viz.Style.of(style)
    if figure is not None:
        check_ours(figure, force=force, captions=(".md",))
        writable_folder(figure.parent)
    # Derivatives on a range are for the figure; for the table three points are enough.
    points = 801 if figure else 3
    records = [activations.profile(name, low=low, high=high, points=points) for name in chosen]
    plate = None if figure is None else viz.activation_plate(records, style=looks)
    written = [] if figure is None else write_captioned(plate, figure)
    print_table(records)
    for path in written:
        print(f"wrote {path}")


def print_table(records: Sequence[Analysis]) -> None:
    """Print a line for each activation."""
    rows = [_HEADER, *map(_row, records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        print(
            "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        )


def _row(record: Analysis) -> tuple[str, ...]:
    settings, arrays = record.settings, record.arrays
    lower, upper = (float(v) for v in arrays["bounds"])
    left, right = (float(v) for v in arrays["slopes"])
    bounds = ("(" if math.isinf(lower) else "[") + f"{lower:.4g}, {upper:.4g}" + (
        ")" if math.isinf(upper) else "]"
    )  # fmt: skip
    name = str(settings["name"]) + (" (learnable)" if settings["learnable"] else "")
    return (name, str(settings["label"]), str(settings["smoothness"]), bounds, f"{left:.4g}",
            f"{right:.4g}", _kinks(record))  # fmt: skip


def _kinks(record: Analysis) -> str:
    kinks = record.arrays["kinks"]
    if len(kinks) > _LISTED:
        return f"{len(kinks)} from {kinks[0, 0]:g} to {kinks[-1, 0]:g}"
    return "; ".join(f"{place:g}, {jump:+.4g}" for place, jump in kinks) or "none"
