"""The viewer in a notebook: a frame that needs nothing, and shows names as text."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

import viz


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
    assert "relu-gd-seed0" in viz.show(records["relu-gd-seed0.random"]).page


def test_a_low_frame_is_refused(records: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 200 pixels, got 50"):
        viz.show(records, height=50)


def test_the_frame_draws_in_a_page(browser: Any, records: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "cell.html"
    body = viz.show(records)._repr_html_()
    target.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{body}", encoding="utf-8")
    context = browser.new_context(viewport={"width": 900, "height": 640}, offline=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(target.as_uri())
    inner = page.frame_locator("iframe")
    inner.locator(".cell h2").nth(1).wait_for()
    inner.locator(".legendrow").first.wait_for()
    assert inner.locator(".cell h2").all_inner_texts() == ["relu-gd-seed0", "gelu-gd-seed0"]
    assert said == []
    context.close()


def test_a_notebook_runs_and_keeps_the_frame(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    code = """
import numpy as np, viz
from landscape.grid import Grid
from landscape.surface import Surface
grid = Grid.square(9)
a, b = np.meshgrid(*grid.axes, indexing="ij")
surface = Surface(grid, {"losses": 0.1 + a**2 + abs(b)}, np.ones(grid.shape, np.uint8), run="<b>")
viz.show(surface)
"""
    cells = [nbformat.v4.new_code_cell(text) for text in (code, "surface")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=240, startup_timeout=240, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}}).execute()  # fmt: skip
    (output,), (record,) = (cell.outputs for cell in notebook.cells)
    assert output.output_type == "execute_result"
    assert output.data["text/html"].startswith("<iframe srcdoc=")
    assert output.data["text/plain"].startswith("<interactive page of 0.")
    assert record.data["text/plain"].startswith("Surface(grid=Grid(9 x 9, -1 to 1, -1 to 1)")
    assert "losses: 9 x 9 float64, 0.1 to 2.1" in record.data["text/html"]
    assert "&lt;b&gt;" in record.data["text/html"]
