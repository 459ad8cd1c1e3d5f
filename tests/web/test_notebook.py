"""The viewer in a notebook: a frame that needs nothing, and shows names as text."""

from __future__ import annotations

import ast
import html
import importlib.util
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import open_page

from landscape import remove_quadratic, viz
from landscape.viz import offscreen
from landscape.viz.browser.notebook import picture_of
from landscape.viz.scenes import panels


def frame_of(shown: Any) -> str:
    """Return the page inside the frame."""
    found = re.search(r'srcdoc="([^"]*)"', shown._repr_html_())
    assert found is not None
    return html.unescape(found[1])


def test_the_frame_holds_the_whole_page(records: dict[str, Any]) -> None:
    shown = viz.show(records, height=400, title="x")
    text = shown._repr_html_()
    assert frame_of(shown) == shown.page
    assert text.startswith("<iframe")
    assert "height:400px" in text
    assert text.count("<") == 2
    assert len(repr(shown)) < 100


def test_a_surface_alone_is_enough(records: dict[str, Any]) -> None:
    assert "relu-gd-seed0" in viz.show(records["relu-gd-seed0.random"].surface).page


def test_a_low_frame_is_refused(records: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 200 pixels, got 50"):
        viz.show(records, height=50)


def test_another_backend_is_refused(records: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown backend 'vtk'; known: html, pyvista"):
        viz.show(records, backend="vtk")


def test_what_the_backend_of_pyvista_lacks_is_said_in_a_line(
    records: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without_trame(name: str) -> Any:
        return None if name.startswith("trame") else found(name)

    monkeypatch.setattr(importlib.util, "find_spec", without_trame)
    with pytest.raises(ImportError) as caught:
        viz.show(records["relu-gd-seed0.random"].surface, backend="pyvista")
    text = str(caught.value)
    assert "trame, trame_vtk" in text
    assert "pip install 'lossoscope[notebook]'; or leave backend out" in text
    assert "\n" not in text


def test_a_picture_has_each_panel_with_its_own_paths(
    records: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Any, ...]] = []
    monkeypatch.setattr(panels, "surface", lambda *a, **k: drawn.append((a, k)))
    monkeypatch.setattr(panels, "compare", lambda *a, **k: drawn.append((a, k)))
    look = viz.Look(style="dark")
    picture_of(records, look)
    (every, seen), told = drawn[0]
    assert [one.surface for one in every] == [one.surface for one in records.values()]
    assert [one.paths for one in every] == [one.paths for one in records.values()]
    assert [one.title for one in every] == [one.surface.run for one in every]
    assert seen is look
    assert told == {}
    name, first = next(iter(records.items()))
    picture_of({name: replace(first, title="mine")})
    assert drawn[1][0][0].title == "mine"
    with pytest.raises(ValueError, match="leave kink maps and windows out"):
        picture_of({**records, "w": remove_quadratic(first.surface)})


def test_the_frame_draws_in_a_page(browser: Any, records: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "cell.html"
    body = viz.show(records)._repr_html_()
    target.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{body}", encoding="utf-8")
    page = open_page(browser, viewport={"width": 900, "height": 640}, offline=True)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(target.as_uri())
    inner = page.frame_locator("iframe")
    inner.locator(".cell h2").nth(1).wait_for()
    inner.locator(".legendrow").first.wait_for()
    assert inner.locator(".cell h2").all_inner_texts() == ["relu-gd-seed0", "gelu-gd-seed0"]
    assert said == []
    page.context.close()


Kernel = Callable[..., list[Any]]
SURFACE = """
import numpy as np
from landscape import Grid, Surface, viz
grid = Grid.square(9)
a, b = np.meshgrid(*grid.axes, indexing="ij")
surface = Surface(grid, {"losses": 0.1 + a**2 + abs(b)}, np.ones(grid.shape, np.uint8), run="<b>")
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a function that executes the cells of a notebook and returns the outputs of each.

    What libraries say on the error stream, such as that a slow machine is slow, is left out.
    """
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")

    def execute(*codes: str) -> list[Any]:
        cells = [nbformat.v4.new_code_cell(text) for text in codes]
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbclient.NotebookClient(
            notebook, timeout=240, startup_timeout=240, kernel_name="python3",
            resources={"metadata": {"path": str(tmp_path)}},
        ).execute()  # fmt: skip
        return [[o for o in cell.outputs if o.get("name") != "stderr"] for cell in notebook.cells]

    return execute


def test_a_notebook_runs_and_keeps_the_frame(kernel: Kernel) -> None:
    (output,), (record,) = kernel(SURFACE + "viz.show(surface)", "surface")
    assert output.output_type == "execute_result"
    assert output.data["text/html"].startswith("<iframe srcdoc=")
    assert output.data["text/plain"].startswith("<interactive page of 0.")
    assert record.data["text/plain"].startswith("Surface(grid=Grid(9 x 9, -1 to 1, -1 to 1)")
    assert "losses: 9 x 9 float64, 0.1 to 2.1" in record.data["text/html"]
    assert "&lt;b&gt;" in record.data["text/html"]


def test_a_notebook_without_the_packages_says_so_in_a_line(kernel: Kernel) -> None:
    hidden = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if "trame" in name else found(name, *rest)
try:
    viz.show(surface, backend="pyvista")
except ImportError as error:
    print(error)
"""
    outputs = kernel(SURFACE, hidden)
    (output,) = outputs[1]
    assert output.text.count("\n") == 1
    assert "pip install 'lossoscope[notebook]'" in output.text


def test_a_notebook_shows_the_backend_of_pyvista(kernel: Kernel) -> None:
    try:
        offscreen.ensure()
    except RuntimeError:
        pytest.skip("VTK finds no OpenGL here")
    for name in ("trame_pyvista", "trame_vuetify", "ipywidgets"):
        pytest.importorskip(name)
    served = """
import asyncio, re, urllib.request
from landscape.viz import Panel
widget = viz.show(Panel(surface, title="a title"), backend="pyvista", height=400)
where = re.search(r'src="([^"]+)"', widget.value)[1]
answer = await asyncio.to_thread(urllib.request.urlopen, where)
where, answer.status, "height: 400px" in widget.value
"""
    outputs = kernel(SURFACE, served, "widget")
    (found,) = (one for one in outputs[1] if one.output_type == "execute_result")
    where, status, high = ast.literal_eval(found.data["text/plain"])
    assert re.match(r"http://(localhost|127\.0\.0\.1):\d+/", where)
    assert (status, high) == (200, True)
    (shown,) = (one for one in outputs[2] if one.output_type == "execute_result")
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    assert "<iframe" in shown.data["text/plain"]
