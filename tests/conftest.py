"""What many tests share: one thread, tiny models and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import browsing
import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem

# Fixtures that start another program, which has a clock of its own.
_PROGRAMS = {"launch", "served", "kernel"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests with a browser or a notebook's kernel once more; the summary lists such tries."""
    for item in items:
        if _PROGRAMS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # Programs the tests start must not look for fonts anew, which a slow machine would be told of.
    from matplotlib import font_manager, get_cachedir

    assert font_manager.fontManager.ttflist
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", get_cachedir())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


# Of a module: while it runs, no other test of the process can have an event loop.
@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[[], Any]]:
    """Return a function that starts a browser."""
    if browsing.missing():
        pytest.skip(browsing.missing())
    with browsing.started() as start:
        yield start


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


@pytest.fixture
def examples() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    return inputs, torch.arange(30) % 3


@pytest.fixture
def problem(model: nn.Module, examples: tuple[torch.Tensor, torch.Tensor]) -> Problem:
    return Problem(model, "cross_entropy", examples)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
