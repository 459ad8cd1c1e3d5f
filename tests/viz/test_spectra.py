"""Figures of spectral densities: their integral, their ends, one axis for all panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from landscape import viz
from landscape.records.results import Analysis
from landscape.viz.captions.references import REFERENCES
from landscape.viz.measured.spectra import Density


def spectrum(
    nodes: list[list[float]], weights: list[list[float]], parameters: int = 500
) -> Analysis:
    found = {"nodes": np.array(nodes), "weights": np.array(weights),
             "residuals": np.full(np.shape(nodes), 1e-4)}  # fmt: skip
    settings = {"parameters": 500, "examples": 100, "loss": "cross_entropy", "steps": 3,
                "starts": len(nodes)}  # fmt: skip
    return Analysis("spectrum", found, settings)


@pytest.fixture
def bulk() -> Analysis:
    """Nearly all of 500 eigenvalues at 0, one at 8 and one at -1."""
    return spectrum([[-1.0, 0.0, 8.0]] * 2, [[0.002, 0.996, 0.002]] * 2)


def test_the_density_is_that_of_gaussians_and_integrates_to_1(bulk: Analysis) -> None:
    places = np.linspace(-3, 10, 20001)
    values = Density.of(bulk).at(places, 0.1)
    assert np.trapezoid(values, places) == pytest.approx(1, abs=1e-9)
    peak = 1 / (0.1 * np.sqrt(2 * np.pi))
    assert values[np.argmin(abs(places - 8))] == pytest.approx(0.002 * peak, rel=1e-4)
    assert np.trapezoid(values * places, places) == pytest.approx(0.014, abs=1e-9)


def test_panels_share_axes_and_a_single_eigenvalue_is_seen(bulk: Analysis) -> None:
    narrow = spectrum([[-0.1, 0.0, 2.0]], [[0.1, 0.8, 0.1]])
    figure = viz.spectrum([bulk, narrow], titles=["ReLU (kinked)", "GELU (smooth)"])
    one, two = figure.axes
    assert one.get_xlim() == two.get_xlim()
    assert one.get_ylim() == two.get_ylim()
    assert [axes.get_title() for axes in figure.axes] == ["ReLU (kinked)", "GELU (smooth)"]
    line = one.lines[0]
    at_outlier = np.interp(8.0, line.get_xdata(), line.get_ydata())
    assert at_outlier > 5 * one.get_ylim()[0]
    triangles = [float(mark.get_xdata()[0]) for mark in one.lines if mark.get_marker() == "^"]
    assert triangles == [-1.0, 8.0]
    assert "−1 to 8" in [text.get_text() for text in one.texts]


def test_the_caption_says_what_was_measured_and_how(bulk: Analysis) -> None:
    text = viz.caption_of(viz.spectrum([bulk], titles=["a"]))
    assert text.startswith("Spectral density of autograd's Hessian (without the kinks) of the mean")
    assert "cross entropy over 100 examples, 500 parameters." in text
    assert "3 steps from 2 random vectors, each node a Gaussian of standard deviation 0.09" in text
    assert "(to 1e-4 at worst)" in text
    assert "Share of eigenvalues below −0.09: 0.2%." in text
    figure = viz.spectrum([bulk], titles=["a"])
    assert viz.caption_of(figure) == text


def averaged(bulk: Analysis, **more: object) -> Analysis:
    check = {"text": "rms error 9 % (noise of the check 5 %), autograd's 40 %"}
    settings = {**bulk.settings, "scale": 0.012, "check": check, **more}
    return Analysis("spectrum", dict(bulk.arrays), settings)


def test_an_averaged_hessian_has_its_size_and_check_and_no_ends(bulk: Analysis) -> None:
    one = averaged(bulk, scale_step=30)
    figure = viz.spectrum([bulk, one], titles=["a", "b"])
    marks = [[line for line in axes.lines if line.get_marker() == "^"] for axes in figure.axes]
    assert list(map(len, marks)) == [2, 0]
    assert [len(axes.texts) for axes in figure.axes] == [1, 0]
    text = viz.caption_of(viz.spectrum([one], titles=["a"]))
    assert text.startswith(
        "Spectral density of the Hessian, averaged over a cloud of parameters (with the kinks), of "
        "the mean cross entropy over 100 examples"
    )
    told = "0.012 (the length of step 30), rms error 9 % (noise of the check 5 %), autograd's 40 %."
    assert f"Monte Carlo check of curvatures: {told} It holds for means over random" in text
    assert "Triangles" not in text
    both = viz.caption_of(viz.spectrum([bulk, averaged(bulk)], titles=["a", "b"]))
    assert "autograd's Hessian (without the kinks) or the Hessian, averaged over a" in both
    assert "the smallest and the largest eigenvalue of autograd's Hessian (to 1e-4" in both
    assert "curvatures: panel 2: 0.012, rms error 9 %" in both


def test_the_method_is_cited_in_the_caption_and_in_its_files(
    bulk: Analysis, tmp_path: Path
) -> None:
    assert viz.caption_of(viz.spectrum([bulk], titles=["a"])).endswith(
        " Method: Ghorbani et al. (2019)."
    )
    viz.save(viz.spectrum([bulk], titles=["a"]), tmp_path / "x.pdf", caption=True)
    assert REFERENCES["ghorbani2019"].full in (tmp_path / "x.md").read_text("utf-8")
    entry = (tmp_path / "x.tex").read_text("utf-8").partition("@inproceedings{")[2]
    assert entry.startswith("ghorbani2019investigation,")
    assert "li2018" not in entry
    for part in ("Ghorbani, Behrooz and Krishnan, Shankar and Xiao, Ying", "volume = {97}"):
        assert part in entry


@pytest.mark.parametrize("style", ["paper", "dark", "slides"])
@pytest.mark.parametrize("count", [1, 5])
def test_it_is_written_without_a_warning(
    style: str, count: int, bulk: Analysis, tmp_path: Path
) -> None:
    figure = viz.spectrum([bulk] * count, titles=[str(i) for i in range(count)], style=style)
    assert viz.save(figure, tmp_path / "x.pdf").stat().st_size > 3000


def test_wrong_analyses_and_numbers_of_titles_are_refused(bulk: Analysis) -> None:
    with pytest.raises(ValueError, match="'spectrum' is needed, got 'other'"):
        viz.spectrum([Analysis("other", {}, {})], titles=["a"])
    with pytest.raises(ValueError, match="titles must be as many as analyses, 1, got 2"):
        viz.spectrum([bulk], titles=["a", "b"])
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        viz.spectrum([], titles=[])
