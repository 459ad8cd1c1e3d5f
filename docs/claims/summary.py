"""Write the contrasts of a table of effects that were fixed before as Markdown, claim by claim.

    landscape report claims.h5 --csv docs/claims/primary.csv
    python docs/claims/summary.py docs/claims/primary.csv

writes ``docs/claims/primary.md`` beside the table.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from landscape.claims.statistics import Verdict
from landscape.claims.verdicts import SPOKEN
from landscape.claims.wording import wording

Row = dict[str, str]
_HOW = (
    "An effect is the median over paired seeds of kinked over smooth (×) or kinked minus smooth, "
    "with an exact 95 % interval that is not corrected. *p* tests for no difference, *p signs* by "
    "the sign test alone; *p Holm* is p corrected over the primary contrasts. *p same, Holm* tests "
    "for a difference as large as the margin. *Null* is the effect of the null pair. Contrasts of "
    "no family are exploratory: estimated, not judged. [claims.md](../claims.md) gives the "
    "measurements, [statistics.md](../statistics.md) the rule."
)
# Column and heading.
_COLUMNS = {"n": "n", "censored": "censored", "p": "p", "p_signs": "p signs", "p_holm": "p Holm",
            "p_equivalence_holm": "p same, Holm"}  # fmt: skip


def summary(rows: Sequence[Row], source: str) -> str:
    """Return the page: what was measured, then every claim with its contrasts."""
    # Those that are only shown beside them have no word for a verdict.
    deciding = [row for row in rows if row["verdict"]]
    seeds = sorted({int(row["n"]) for row in deciding})
    span = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    # One on which two claims rest counts once.
    distinct = {row["contrast"]: row["verdict"] for row in deciding}
    every = Counter(distinct.values())
    told = ", ".join(f"{every[v]} {SPOKEN[v]}" for v in SPOKEN if every[v])
    lines = [
        f"# Contrasts of `{source}`",
        "",
        f"{len(distinct)} contrasts over {span} seeds: {told}. {_HOW}",
        "",
    ]
    for number, found in groupby(deciding, key=lambda row: int(row["claim"])):
        lines += _claim(number, list(found))
    return "\n".join(lines).rstrip() + "\n"


def _claim(number: int, rows: Sequence[Row]) -> Iterator[str]:
    said = wording(number)
    yield f"## {number}. {said.title}: {SPOKEN[Verdict(rows[0]['verdict_of_claim'])]}"
    yield ""
    yield f"> {said.quotation}"
    yield ""
    header = ("contrast", "effect", *_COLUMNS.values(), "null", "verdict")
    yield "| " + " | ".join(header) + " |"
    yield "|---" * len(header) + "|"
    for row in rows:
        numbers = (row[key] for key in _COLUMNS)
        cells = (row["contrast"], _effect(row), *map(_short, numbers), _null(row),
                 _spoken(row))  # fmt: skip
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _spoken(row: Row) -> str:
    """Return the verdict, and how many seeds it would need where it is not decided."""
    spoken, needed = SPOKEN[Verdict(row["verdict"])], row["seeds_needed"]
    return f"{spoken}, needs {needed} seeds" if needed else spoken


def _effect(row: Row) -> str:
    values = [row[key] for key in ("estimate", "low", "high")]
    if not values[0]:
        return "–"
    log = row["scale"] == "log"
    told = [("–" if not v else f"{math.exp(float(v)):.3g}" if log else f"{float(v):+.3g}")
            for v in values]  # fmt: skip
    return f"{'×' if log else ''}{told[0]} ({told[1]} to {told[2]})"


def _null(row: Row) -> str:
    size = float(row["null"])
    if not size:
        return "–"
    return f"×{math.exp(size):.3g}" if row["scale"] == "log" else f"{size:.2g}"


def _short(value: str) -> str:
    return f"{float(value):.2g}" if value else "–"


def main(table: Path) -> Path:
    """Write the page beside a table, and return its path."""
    with table.open(encoding="utf-8", newline="") as file:
        page = summary(list(csv.DictReader(file)), table.name)
    target = table.with_suffix(".md")
    target.write_text(page, encoding="utf-8")
    return target


if __name__ == "__main__":
    print(f"wrote {main(Path(sys.argv[1]))}")
