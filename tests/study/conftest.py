"""A small study, in surfaces of several tiles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_study import SMALL, run_study

from landscape.records import grid
from landscape.store import StudyFile


@pytest.fixture(scope="module")
def small_tiles() -> Iterator[None]:
    """Cut every surface into five tiles, so that one can be interrupted in its middle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "TILE_POINTS", 8)
        yield


@pytest.fixture(scope="module")
def study(small_tiles: None, tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run_study(SMALL, tmp_path_factory.mktemp("study"))
