"""Widths of figures: the columns of venues, in inches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_MM = 1 / 25.4
# TeX's point.
_PT = 1 / 72.27


@dataclass(frozen=True, slots=True)
class Venue:
    """The widths a figure may have.

    Attributes:
        title: how the venue is called.
        single: width of one column in inches; of a one-column venue, of the text.
        double: width over two columns in inches; None for a one-column venue.
    """

    title: str
    single: float
    double: float | None = None


VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        # neurips_2024.sty: \textwidth 5.5in, one column.
        "neurips": Venue("NeurIPS", 5.5),
        # icml2024.sty: \textwidth 6.75in, \columnsep 0.25in.
        "icml": Venue("ICML", 3.25, 6.75),
        # iclr2024_conference.sty: \textwidth 5.5in, one column.
        "iclr": Venue("ICLR", 5.5),
        # cvpr.sty: \textwidth 6.875in, \columnsep 0.3125in.
        "cvpr": Venue("CVPR", 3.28125, 6.875),
        # acl.sty: text 16 cm wide, columns 7.7 cm with 0.6 cm between.
        "acl": Venue("ACL", 77 * _MM, 160 * _MM),
        # jmlr2e.sty: \textwidth 6in, one column.
        "jmlr": Venue("JMLR", 6.0),
        # Nature, guide to preparing final artwork: 89 mm and 183 mm.
        "nature": Venue("Nature", 89 * _MM, 183 * _MM),
        # Science, instructions for figures of a revised manuscript: 5.7 cm and 12.1 cm
        # (three columns: 18.4 cm).
        "science": Venue("Science", 57 * _MM, 121 * _MM),
        # PNAS, digital art guidelines: 8.7 cm and 17.8 cm.
        "pnas": Venue("PNAS", 87 * _MM, 178 * _MM),
        # IEEEtran.cls, journal: \columnwidth 252pt, \textwidth 516pt (3.5 in and 7.16 in in the
        # author centre's graphics guide).
        "ieee": Venue("IEEE two-column", 252 * _PT, 516 * _PT),
        # Elsevier, artwork sizing: 90 mm and 190 mm.
        "elsevier": Venue("Elsevier", 90 * _MM, 190 * _MM),
        # llncs.cls: \textwidth 12.2cm, one column.
        "lncs": Venue("Springer LNCS", 122 * _MM),
        # APS, style basics for Physical Review: 8.6 cm and 17.8 cm.
        "aps": Venue("APS", 86 * _MM, 178 * _MM),
    }
)


def width_of(venue: str, *, columns: int = 1) -> float:
    """Return the width of a figure in inches.

    >>> width_of("icml"), width_of("icml", columns=2), width_of("neurips")
    (3.25, 6.75, 5.5)

    Args:
        venue: a key of :data:`VENUES`.
        columns: 1 for one column (of a one-column venue: the width of its text), 2 for both.

    Raises:
        ValueError: for an unknown venue (the message lists the known), or two columns of a venue
            that has one.
    """
    key = venue.lower()
    if key not in VENUES:
        raise ValueError(f"unknown venue {venue!r}; known: {', '.join(VENUES)}")
    found = VENUES[key]
    if columns not in (1, 2):
        raise ValueError(f"columns must be 1 or 2, got {columns}")
    if columns == 1:
        return found.single
    if found.double is None:
        raise ValueError(f"{found.title} has one column, {found.single:g} in wide; use columns=1")
    return found.double
