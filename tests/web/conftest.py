"""A browser without a network, and pages to open in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from browsing import until

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.records.surface import Status


@dataclass
class Heard:
    """What a page did that it should not do."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser(launch: Callable[[], Any]) -> Iterator[Any]:
    opened = launch()
    yield opened
    opened.close()


@pytest.fixture
def opened(browser: Any) -> Callable[..., Any]:
    """Return a context manager that opens a file and checks afterwards that it kept quiet."""

    @contextmanager
    def open_page(
        path: Path, width: int = 1400, height: int = 860, **options: Any
    ) -> Iterator[Any]:
        size = {"width": width, "height": height}
        page, heard = browsing.open_page(browser, viewport=size, offline=True, **options), Heard()
        page.on("console", lambda message: heard.console.append(message.text))
        page.on("pageerror", lambda error: heard.console.append(str(error)))
        page.on("request", lambda request: heard.requests.append(request.url))
        page.goto(path.as_uri())
        until(page, "window.lossoscope?.ready || window.lossoscope?.error")
        browsing.at_rest(page)
        yield page
        assert heard.console == []
        inside = ("file:", "blob:", "data:")
        assert [url for url in heard.requests if not url.startswith(inside)] == []
        page.context.close()

    return open_page


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def violations(browser: Any) -> Callable[[Any], list[Any]]:
    """Return a function that lists which rules of axe-core a page breaks, and where."""
    source = browsing.axe_of(browser)
    if not source:
        pytest.skip("this Chromium holds no axe-core")

    def broken(page: Any) -> list[Any]:
        page.evaluate(f"(() => {{ {source} }})()")
        return list(
            page.evaluate(
                f"axe.run(document, {{ runOnly: {RULES} }}).then(({{ violations }}) =>"
                " violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)]))"
            )
        )

    return broken


def bowl(name: str, points: tuple[int, int] = (41, 33), *, crease: float = 0.0) -> Surface:
    """Return a surface with gradients over a plane that is neither square nor centred."""
    grid = Grid.rectangle(points, (-1.0, 1.2), (-0.7, 0.9))
    alphas, betas = np.meshgrid(*grid.axes, indexing="ij")
    losses = 0.05 + alphas**2 + 0.5 * (betas - 0.1) ** 2 + crease * np.abs(alphas + betas)
    bend = crease * np.sign(alphas + betas)
    fields = {
        "losses": losses, "accuracies": 1 / (1 + losses),
        "gradient_alpha": 2 * alphas + bend, "gradient_beta": betas - 0.1 + bend,
    }  # fmt: skip
    status = np.full(grid.shape, Status.EVALUATED, dtype=np.uint8)
    settings = {"kind": "random", "normalisation": "filter", "examples": 1797, "loss": "mse"}
    return Surface(grid, fields, status, plane=f"{name}.random", run=name, settings=settings)


def path_on(surface: Surface, name: str) -> Projection:
    """Return a path towards the middle of a plane, off the plane at first."""
    along = np.linspace(0.9, 0.0, 31)
    coordinates = np.stack([along, 0.1 + 0.6 * along**2], axis=1)
    off = 0.5 * along
    in_plane = 0.05 + coordinates[:, 0] ** 2 + 0.5 * (coordinates[:, 1] - 0.1) ** 2
    return Projection(
        run=name, plane=str(surface.plane), steps=np.arange(31) * 10, coordinates=coordinates,
        off_plane_distances=off, distances=np.hypot(np.linalg.norm(coordinates, axis=1), off),
        losses=in_plane + 0.2 * off**2, plane_losses=in_plane,
    )  # fmt: skip


@pytest.fixture(scope="session")
def records() -> dict[str, Panel]:
    kinked, smooth = bowl("relu-gd-seed0", crease=0.4), bowl("gelu-gd-seed0")
    return {
        "relu-gd-seed0.random": Panel(kinked, paths=(path_on(kinked, "relu-gd-seed0"),)),
        "gelu-gd-seed0.random": Panel(smooth, paths=(path_on(smooth, "gelu-gd-seed0"),)),
    }


@pytest.fixture(scope="session")
def page_file(records: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return viz.to_html(records, tmp_path_factory.mktemp("pages") / "two.html", title="Two bowls")
