"""One page with the answers: its parts, its figures, and how it is written."""

from .effect_lines import MOST_EFFECTS, effect_groups, effect_lines
from .report_page import ClaimPart, Report, Scene, Section, to_report, write_report
from .report_parts import Picture, Table, picture_of
from .spreads import spread_lines

__all__ = [
    "MOST_EFFECTS",
    "ClaimPart",
    "Picture",
    "Report",
    "Scene",
    "Section",
    "Table",
    "effect_groups",
    "effect_lines",
    "picture_of",
    "spread_lines",
    "to_report",
    "write_report",
]
