"""Write what was measured where people train as Markdown: a table for each quantity, a row a cell.

    landscape report practice.h5 --csv docs/claims/practice.csv
    python docs/claims/practice_table.py docs/claims/practice.csv

writes ``docs/claims/practice.md`` beside the table of effects.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, str]
# Quantity, as contrasts are named; title; what stands below it.
TABLES = (
    ("steps at the best rate", "Steps to the target, each at its own best rate",
     "Kinked over smooth. This is speed: above 1 the kinked twin needs more steps."),
    ("held-out accuracy at the best rate", "Held-out accuracy at the end",
     "Kinked minus smooth, in points of 100, at the best rate of each."),
    ("extra steps at the smooth twin's rate", "Extra steps at one rate",
     "Steps by which the kinked twin arrives later at the rate that is best for the smooth twin. "
     "This is mechanism, not speed."),
    ("loss at the end at the smooth twin's rate", "Loss at the end, at one rate",
     "Kinked over smooth, at the rate that is best for the smooth twin. Mechanism, not speed."),
    ("seconds of training at the best rate", "Seconds for the same steps",
     "Kinked over smooth, process time of the steps, side by side in one process. ReLU is one "
     "operation of torch, SmeLU and the copies are several: this compares implementations."),
)  # fmt: skip
TWINS = ("relu against smelu_0.1", "relu against smelu_0.3", "pwl_gelu_0.5 against gelu",
         "pwl_tanh_0.5 against tanh", "pwl_elu_0.5 against elu")  # fmt: skip


def page(rows: Sequence[Row], source: str) -> str:
    """Return the page: the tables of every quantity that was measured."""
    found = {_place(row): row for row in rows}
    cells = list(dict.fromkeys((group, size) for _, size, _, group in found))
    seeds = sorted({int(row["n"]) for row in found.values()})
    span = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    lines = [
        f"# Twins where people train: `{source}`",
        "",
        f"{len(cells)} cells (network, optimizer, schedule, batch size) with {span} seeds each; "
        "three other seeds choose the rates of every seed. Effects are medians with 95 % intervals "
        "that are not corrected for their number. The number of censored seeds is in brackets. All "
        "effects are exploratory: estimated, not judged. "
        "[claims.md](../claims.md#where-people-train) describes the measurement, "
        "[practice_costs.csv](practice_costs.csv) the cost of every cell, measured or not.",
        "",
    ]
    for quantity, title, note in TABLES:
        lines += [f"## {title}", "", note, "", "| cell | " + " | ".join(TWINS) + " |",
                  "|---" * (len(TWINS) + 1) + "|"]  # fmt: skip
        for group, size in cells:
            told = [_effect(found.get((quantity, size, twin, group))) for twin in TWINS]
            lines.append(f"| {_cell(group)}, {size} | " + " | ".join(told) + " |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def measured(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the tables' quantities and twins."""
    known = {quantity for quantity, *_ in TABLES}
    return [row for row in rows if _place(row)[0] in known and _place(row)[2] in TWINS]


def _place(row: Row) -> tuple[str, str, str, str]:
    """Return quantity, batch size, twin and group of a contrast."""
    name, _, where = row["contrast"].partition(": ")
    quantity, _, size = name.rpartition(", ")
    twin, _, group = where.partition(", ")
    return quantity, size, twin, group


def _cell(group: str) -> str:
    return group.removeprefix("digits.").removesuffix(".identical")


def _effect(row: Row | None) -> str:
    if row is None or not row["estimate"]:
        return "–"
    log, points = row["scale"] == "log", row["contrast"].startswith("held-out accuracy")
    told = [_number(row[key], log=log, points=points) for key in ("estimate", "low", "high")]
    censored = f" [{row['censored']}]" if int(row["censored"]) else ""
    return f"{'×' if log else ''}{told[0]} ({told[1]} to {told[2]}){censored}"


def _number(value: str, *, log: bool, points: bool) -> str:
    if not value:
        return "–"
    number = float(value)
    if log:
        return f"{math.exp(number):.3g}"
    # Adding 0 takes the sign from a rounded -0.
    return f"{round(100 * number, 2) + 0.0:+.2f}" if points else f"{number:+.3g}"


def main(table: Path) -> Path:
    """Write the page beside a table, and return its path."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = measured(list(csv.DictReader(file)))
    target = table.with_suffix(".md")
    target.write_text(page(rows, table.name), encoding="utf-8")
    return target


if __name__ == "__main__":
    print(f"wrote {main(Path(sys.argv[1]))}")
