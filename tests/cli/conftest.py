from __future__ import annotations

from pathlib import Path

import pytest
from calling import TINY, accepted

from landscape.viz import offscreen


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one run that nobody writes to."""
    folder = tmp_path_factory.mktemp("cli")
    accepted("run", *TINY, "--out", folder)
    return folder / "study.h5"


@pytest.fixture
def rendering() -> None:
    try:
        offscreen.ensure()
    except RuntimeError:
        pytest.skip("VTK finds no OpenGL here")
