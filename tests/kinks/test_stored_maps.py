"""Kink maps and surfaces cut along kinks are read from their analyses, and from no others."""

from __future__ import annotations

import pytest

from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.kink_map import KinkMap
from landscape.records.results import Analysis


@pytest.mark.parametrize(("record", "kind"), [(KinkMap, "kink_map"), (KinkCutSurface, "creases")])
def test_other_analyses_and_incomplete_ones_are_refused(record: type, kind: str) -> None:
    with pytest.raises(ValueError, match=f"of kind '{kind}' is needed, got 'spectrum'"):
        record.from_analysis(Analysis("spectrum", {}))  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=f"of kind '{kind}' lacks a part, or has one too many"):
        record.from_analysis(Analysis(kind, {}))  # type: ignore[attr-defined]
