"""The table of what was measured along paths: a line for the first and the last third of each."""

from __future__ import annotations

from typing import Any

COLUMNS = ("run", "steps", "change", "kinks", "missed", "error", "cost", "swapped", "undone")
NOTE = (
    "Along single steps d of the first and the last third of each path, sums over steps, of the "
    "loss that each step goes down (that of its own minibatch, if there are such). Change: "
    "of the slope along the step, over what the gradient promises, |g.d|; kinks: the part of it "
    "that sits in kinks. Missed: share of the change that autograd's curvature misses, of steps "
    "that change by over 1 % of |g.d|. Error: median, of the change as predicted from the start of "
    "the step. Cost: loss that kinks add, over |g.d|. Swapped: the change with the activation's "
    "copy on the same weights. Undone: crossings of kinks that the next step takes back. -: not "
    "measured, as no copy of the activation is known, or the next step is neither on record nor "
    "that of plain gradient descent."
)


def path_rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the cells of every run that was followed.

    Args:
        found: what :func:`landscape.study.analysis_summaries.report` returns.
    """
    return [
        _row(name, entry["along_path"][part], entry.get("swap_control", {}).get(part, {}))
        for name, entry in found["runs"].items()
        if "along_path" in entry
        for part in ("first", "last")
        if part in entry["along_path"]
    ]


def _row(name: str, values: dict[str, Any], swapped: dict[str, Any]) -> list[str]:
    def cell(found: dict[str, Any], key: str, form: str = ".1%") -> str:
        value = found.get(key)
        if isinstance(value, dict):
            value = value["median"]
        if value is None:
            return "-"
        text = format(value, form)
        return text if float(text[:-1]) else text.removeprefix("-")

    return [
        name,
        f"{values['from_step']} to {values['to_step']}",
        cell(values, "slope_change_of_promise"),
        cell(values, "kink_of_promise", ".2%"),
        cell(values, "missed"),
        cell(values, "predicted_error"),
        cell(values, "taken_back_of_promise", ".2%"),
        cell(swapped, "swapped"),
        cell(swapped, "undone", ".0%"),
    ]
