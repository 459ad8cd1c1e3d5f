"""Every effect of the claims of a study as one table, for a file.

What has no family is exploratory: it is estimated, and has no verdict.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape.records.atomic import write_bytes

if TYPE_CHECKING:
    from landscape.store import StudyFile

HEADER = ("claim", "verdict_of_claim", "family", "contrast", "verdict", "n", "censored",
          "estimate", "low", "high", "level", "scale", "margin", "null", "p", "p_signs", "p_holm",
          "p_equivalence_holm", "seeds_needed", "reason")  # fmt: skip
_KEYS = ("family", "name", "verdict", "n", "censored", "estimate", "low", "high", "level", "scale",
         "margin", "floor", "p", "p_signs", "p_difference", "p_equivalence", "seeds_needed",
         "reason")  # fmt: skip


def write_table(study: StudyFile, path: Path) -> int:
    """Write every contrast of every claim, whole or not at all, and return how many there are.

    Numbers have four digits. Effects of scale ``log`` are differences of natural logarithms.

    Raises:
        ValueError: if the study has no measurements of claims.
    """
    rows = list(_rows(study))
    if not rows:
        raise ValueError(
            f"{study.path} holds no effects of claims: they need two seeds; measure them with "
            "'landscape claims'"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())
    return len(rows)


def _rows(study: StudyFile) -> Iterator[list[str]]:
    from landscape.cli.report_claims import findings

    for number, record in sorted(findings(study).items()):
        for effect in (*record["contrasts"], *record["shown"]):
            yield [str(number), record["verdict"], *_told(effect)]


def _told(effect: Mapping[str, Any]) -> Iterator[str]:
    for key in _KEYS:
        value = effect.get(key)
        if value is None:
            yield ""
        else:
            yield f"{value:.4g}" if isinstance(value, float) else str(value)
