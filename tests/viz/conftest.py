"""Small surfaces and paths, and a look whether 3D pictures can be rendered here."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface
from landscape.viz import offscreen

if TYPE_CHECKING:
    from serving import Served, Visit


@functools.cache
def _works() -> bool:
    try:
        offscreen.ensure()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def rendering() -> None:
    if not _works():
        pytest.skip("VTK finds no OpenGL here")


@pytest.fixture
def oblong() -> Surface:
    """An asymmetric loss on 5 x 9 points: 1 + (alpha + 1)^2 + 10 (beta + 2)^2."""
    grid = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
    alpha, beta = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(1 + (alpha + 1) ** 2 + 10 * (beta + 2) ** 2, grid)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``landscape view`` of a small study, in a process of its own."""
    from serving import CONFIG, Served
    from small_study import run_study

    study = run_study(CONFIG, tmp_path_factory.mktemp("served"))
    server = Served(study.path)
    yield server
    assert server.stop() == 130


@pytest.fixture(scope="module")
def browser(launch: Any) -> Iterator[Any]:
    opened = launch()
    yield opened
    opened.close()


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Visit]:
    """A page of it, at the whole surface."""
    from serving import Visit

    visit = Visit(browser, served)
    visit.go_home()
    yield visit
    # What was set back for the next test.
    visit.heard()
    visit.page.context.close()
