"""A small study, in surfaces of several tiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from small_study import SMALL, run_study

from landscape.records import grid
from landscape.store import StudyFile


@contextmanager
def tiles_of_eight() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "TILE_POINTS", 8)
        yield


@pytest.fixture(scope="module")
def small_tiles() -> Iterator[None]:
    """Cut every surface into five tiles, so that one can be interrupted in its middle."""
    with tiles_of_eight():
        yield


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    """A study in such tiles that nobody writes to."""
    with tiles_of_eight():
        return run_study(SMALL, tmp_path_factory.mktemp("study"))
