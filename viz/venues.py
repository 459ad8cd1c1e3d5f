"""Widths of figures: the columns of venues, in inches, as their style files or guides say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from landscape.records.choices import check_known

_MM = 1 / 25.4
_NEURIPS = "https://neurips.cc/Conferences/2023/PaperInformation/StyleFiles"
_NATURE = "https://research-figure-guide.nature.com/figures/building-and-exporting-figure-panels"
_IEEE = (
    "https://ieeeauthorcenter.ieee.org/create-your-ieee-article/"
    "create-graphics-for-your-article/size-requirements-for-graphics/"
)
_ELSEVIER = (
    "https://www.elsevier.com/about/policies-and-standards/author/"
    "artwork-and-media-instructions/artwork-sizing"
)


@dataclass(frozen=True, slots=True)
class Venue:
    """The widths a figure may have.

    Attributes:
        title: how the venue is called.
        single: width of one column in inches; of a one-column venue, of the text.
        double: width over two columns in inches; None for a one-column venue.
        source: where it says so: a page of the venue's, or where its LaTeX style is found.
    """

    title: str
    single: float
    double: float | None = None
    source: str = ""


VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        # neurips_2023.sty: textwidth=5.5in, one column.
        "neurips": Venue("NeurIPS", 5.5, None, _NEURIPS),
        # icml2024.sty: \textwidth 6.75in, \columnsep 0.25in.
        "icml": Venue("ICML", 3.25, 6.75, "https://icml.cc/Conferences/2024/AuthorInstructions"),
        # iclr2026_conference.sty: \textwidth 5.5 true in, one column.
        "iclr": Venue("ICLR", 5.5, None, "https://github.com/ICLR/Master-Template"),
        # cvpr.sty of 2025: \textwidth 6.875in, \columnsep 0.3125in.
        "cvpr": Venue("CVPR", 3.28125, 6.875, "https://github.com/cvpr-org/author-kit"),
        # acl.sty: A4 with margins of 2.5 cm, \columnsep 0.6cm.
        "acl": Venue("ACL", 77 * _MM, 160 * _MM, "https://github.com/acl-org/acl-style-files"),
        # jmlr2e.sty: \textwidth 6.0 true in, one column.
        "jmlr": Venue("JMLR", 6.0, None, "https://github.com/JmlrOrg/jmlr-style-file"),
        # Research figure guide: 89 mm and 183 mm.
        "nature": Venue("Nature", 89 * _MM, 183 * _MM, _NATURE),
        # Size requirements for graphics: 3.5 and 7.16 inches.
        "ieee": Venue("IEEE two-column", 3.5, 7.16, _IEEE),
        # Artwork sizing: 90 mm and 190 mm (140 mm for one and a half columns).
        "elsevier": Venue("Elsevier", 90 * _MM, 190 * _MM, _ELSEVIER),
        # llncs.cls 2.21: \textwidth 12.2cm, one column.
        "lncs": Venue("Springer LNCS", 122 * _MM, None, "https://ctan.org/pkg/llncs"),
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
    check_known("venue", key, VENUES)
    chosen = VENUES[key]
    if columns not in (1, 2):
        raise ValueError(f"columns must be 1 or 2, got {columns}")
    if columns == 1:
        return chosen.single
    if chosen.double is None:
        raise ValueError(f"{chosen.title} has one column, {chosen.single:g} in wide; use columns=1")
    return chosen.double
