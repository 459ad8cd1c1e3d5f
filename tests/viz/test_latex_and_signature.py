"""Captions in LaTeX, and whose file a figure is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, viz
from landscape.viz.captions.beside import latex, latex_caption
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.signature import signed

NASTY = r"50% of relu_x & {a} #1 $2 ~ ^ \ |J| < 1 > 0, α β −1 × 10⁻⁸ ≤ ∞ † … “q” ’"


def compiled(folder: Path, body: str) -> Path:
    """Compile a document, or skip where LaTeX is not installed."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    source = folder / "paper.tex"
    lines = [r"\documentclass{article}", r"\usepackage{graphicx}", r"\begin{document}", body,
             r"\end{document}"]  # fmt: skip
    source.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (folder / "paper.log").read_text(errors="replace")
    return folder / "paper.pdf"


def figure_in(folder: Path, name: str) -> Path:
    grid = Grid.square(5)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return viz.save(viz.contour(make_surface(0.1 + a**2 + b**2, grid)), folder / name)


def test_nothing_of_a_caption_is_a_command_to_latex(tmp_path: Path) -> None:
    written = latex(NASTY)
    assert written.isascii()
    document = compiled(tmp_path, written)
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", document, "-"], capture_output=True,
                              text=True, check=True).stdout  # fmt: skip
        for part in ("50% of relu", "x &", "{a} #1 $2", "< 1 > 0", "α β −1 × 10"):
            assert part in text, text


def test_captions_of_surfaces_are_plain_ascii_in_latex() -> None:
    grid = Grid.rectangle((5, 5), (-1e-6, 1e-6), (-1e-6, 1e-6))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    surface = make_surface(1e-9 + a**2 + b**2, grid)
    t = np.linspace(-1e-6, 0, 5)
    path = make_path(np.stack([t, t], axis=1), np.full(5, 1e-9), off_plane=1e-7)
    for words in (
        surface_caption(Panel(surface, paths=(path,))),
        viz.caption_of(viz.figure(Panel(surface, paths=(path,)), dpi=30)),
        viz.caption_of(viz.mosaic(Panel(surface, paths=(path,)), dpi=30)),
    ):
        assert latex(words).isascii(), words


def test_a_figure_and_its_caption_go_into_a_document_that_is_not_ours(tmp_path: Path) -> None:
    figure = figure_in(tmp_path, "ours.pdf")
    assert signed(figure)
    (tmp_path / "ours.tex").write_text(latex_caption("50% at α", "ours"), encoding="utf-8")
    body = r"\begin{figure}\includegraphics{ours}\input{ours}\end{figure}"
    document = compiled(tmp_path, body)
    assert not signed(document)


@pytest.mark.parametrize("name", ["x.pdf", "x.png", "x.svg"])
def test_what_was_saved_names_its_maker(name: str, tmp_path: Path) -> None:
    assert signed(figure_in(tmp_path, name))


@pytest.mark.parametrize("name", ["x.pdf", "x.png", "x.svg"])
def test_what_others_made_does_not(name: str, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    path = tmp_path / name
    figure = Figure(figsize=(1, 1))
    figure.text(0.5, 0.5, "Lossoscope")
    figure.savefig(path)
    assert not signed(path)
    path.write_bytes(b"nonsense")
    assert not signed(path)
    path.write_bytes(b"")
    assert not signed(path)
