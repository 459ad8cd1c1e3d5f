"""The figure of curvature against scale: lines are means and deviations, however ratios behave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from figures import clashes
from matplotlib.figure import Figure

from landscape import Problem, viz
from landscape.records.results import Analysis
from landscape.viz.measured.curvature_lines import ScaleLine

SCALES = np.array([1e-1, 1e-2, 1e-3, 1e-4])


def make_kinked(*, curvatures: np.ndarray | None = None, **settings: Any) -> Analysis:
    """Errors of 40 places from jumps: J (1 - |x| / h) / h of the nearest kink at a distance x."""
    draw = np.random.default_rng(3)
    curved = draw.uniform(1, 3, 40) if curvatures is None else curvatures
    distance, jump = draw.uniform(0, 0.03, len(curved)), draw.normal(0, 0.01, len(curved))
    hats = np.array([np.where(distance < h, jump * (h - distance) / h**2, 0) for h in SCALES])
    smooth = SCALES[:, None] ** 2
    return Analysis(
        "curvature_scale",
        {"scales": SCALES, "centres": np.linspace(0, 1, len(curved)), "curvatures": curved,
         "ratios": 1 + (hats + smooth) / curved, "predicted": 1 + hats / curved,
         "rounding": 1e-16 / SCALES**2},
        {"segment": "random", "examples": 200, "budget_passed": True, **settings},
    )  # fmt: skip


def make_smooth() -> Analysis:
    """Errors that fall with the square of the scale, and no kink."""
    found = make_kinked()
    curvatures = found.arrays["curvatures"]
    ratios = 1 + np.linspace(1, 2, 40) * SCALES[:, None] ** 2 / curvatures
    arrays = {**found.arrays, "ratios": ratios, "predicted": np.ones((4, 40))}
    return Analysis("curvature_scale", arrays, found.settings)


def curves(figure: Figure, panel: int, style: Any) -> list[np.ndarray]:
    """Values of the lines of one style, scales rising."""
    return [np.asarray(line.get_ydata()) for line in figure.axes[panel].get_lines()
            if line.get_linestyle() == style and len(line.get_xdata()) == len(SCALES)]  # fmt: skip


def draw(analyses: list[Analysis], kinked: list[bool], **options: Any) -> Figure:
    titles = [f"line {k}" for k in range(len(analyses))]
    return viz.curvature_scale(analyses, titles=titles, kinked=kinked, **options)


def test_lines_are_mean_and_deviation_of_the_ratios() -> None:
    found = make_kinked()
    figure = draw([found], [True])
    ratios = found.arrays["ratios"][::-1]
    predicted = found.arrays["predicted"][::-1]
    np.testing.assert_allclose(curves(figure, 0, "-")[0], ratios.mean(axis=1))
    np.testing.assert_allclose(curves(figure, 1, "-")[0], ratios.std(axis=1))
    dotted = [
        next(line for line in axes.get_lines() if line.get_linestyle() == "--")
        for axes in figure.axes
    ]
    np.testing.assert_allclose(dotted[0].get_ydata(), predicted.mean(axis=1))
    spread = predicted.std(axis=1)
    np.testing.assert_allclose(dotted[1].get_ydata(), np.where(spread > 0, spread, np.nan))
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    error = ratios.std(axis=1) / np.sqrt(40)
    assert band[:, 1].max() == pytest.approx((ratios.mean(axis=1) + error).max())


def test_smooth_activations_have_no_prediction_and_dashes() -> None:
    figure = draw([make_smooth()], [False])
    (line,) = curves(figure, 1, "--")
    # Over a scale ten times larger the deviation is a hundred times larger.
    np.testing.assert_allclose(np.diff(np.log10(line)), 2, atol=1e-6)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["line 0"]
    text = viz.caption_of(viz.curvature_scale([make_smooth()], titles=["gelu"], kinked=[False]))
    assert "Dotted" not in text


def test_marks_are_hollow_where_single_kinks_decide() -> None:
    found = make_kinked()
    hits = (found.arrays["predicted"][::-1] != 1).sum(axis=1)
    assert hits[0] < 10 < hits[-1]
    np.testing.assert_array_equal(ScaleLine.of(found, "centre").hits, hits)
    marks = [line for line in draw([found], [True]).axes[1].get_lines() if line.get_marker() == "o"]
    by_face = {line.get_markerfacecolor(): np.asarray(line.get_xdata()) for line in marks}
    np.testing.assert_allclose(by_face["white"], SCALES[::-1][hits < 10])


def test_a_curvature_near_zero_does_not_make_the_line() -> None:
    curvatures = np.linspace(-2, 2, 41) + 1e-7
    found = make_kinked(curvatures=curvatures)
    figure = draw([found], [True])
    assert "/ rms autograd" in figure.axes[0].get_title()
    rms = np.sqrt(np.mean(curvatures**2))
    errors = (found.arrays["ratios"] - 1) * curvatures / rms
    np.testing.assert_allclose(curves(figure, 0, "-")[0], 1 + errors.mean(axis=1)[::-1])
    np.testing.assert_allclose(curves(figure, 1, "-")[0], errors.std(axis=1)[::-1])
    # One ratio alone would have decided.
    by_centre = draw([found], [True], per="centre")
    assert curves(by_centre, 1, "-")[0][-1] > 1e3 * curves(figure, 1, "-")[0][-1]
    text = viz.caption_of(viz.curvature_scale([found], titles=["relu"], kinked=[True]))
    assert "shown is 1 + e / rms" in text


def test_both_normalisations_agree_where_the_curvature_is_one_number() -> None:
    found = make_kinked(curvatures=np.full(40, 2.0))
    one, other = (ScaleLine.of(found, per) for per in ("centre", "rms"))
    for name in ScaleLine.__slots__:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=name)


def test_the_floor_is_that_of_the_record() -> None:
    figure = draw([make_smooth()], [False])
    grey = figure.axes[1].collections[-1].get_paths()[0].vertices
    assert grey[:, 1].max() == pytest.approx(1e-16 / SCALES.min() ** 2)
    assert [t.get_text() for t in figure.axes[1].texts] == ["rounding"]


def test_the_caption_tells_how_far_the_prediction_holds() -> None:
    bad = make_kinked(budget_passed=False)
    text = viz.caption_of(viz.curvature_scale([make_kinked(), bad], titles=["relu", "selu"],
                                       kinked=[True, True]))  # fmt: skip
    for words in ("200 examples at 40 places of a segment (random)", "same place",
                  "fewer than 10 stencils hold a kink", "do not trust: selu."):  # fmt: skip
        assert words in text
    assert "relu for h from" in text
    off = make_kinked()
    arrays = {**off.arrays, "predicted": 1 + 3 * (off.arrays["predicted"] - 1)}
    wrong = Analysis("curvature_scale", arrays, off.settings)
    said = viz.caption_of(viz.curvature_scale([wrong], titles=["relu"], kinked=[True]))
    assert "relu nowhere" in said


def test_places_without_curvature_take_no_part_and_are_told() -> None:
    found = make_kinked()
    ratios, predicted, curvatures = (
        np.array(found.arrays[name]) for name in ("ratios", "predicted", "curvatures")
    )
    ratios[:, 3], predicted[:, 3], curvatures[3] = np.inf, np.nan, 0.0
    arrays = {**found.arrays, "ratios": ratios, "predicted": predicted, "curvatures": curvatures}
    hurt = Analysis("curvature_scale", arrays, found.settings)
    line = ScaleLine.of(hurt, "centre")
    rest = np.delete(found.arrays["ratios"][::-1], 3, axis=1)
    np.testing.assert_allclose(line.bias, rest.mean(axis=1))
    for per in ("centre", "rms", None):
        assert np.isfinite(draw([hurt], [True], per=per).axes[0].get_ylim()).all()
    told = viz.caption_of(viz.curvature_scale([hurt], titles=["ReLU"], kinked=[True]))
    assert "curvature is 0 or not finite there: ReLU 1." in told
    assert "left out" not in viz.caption_of(
        viz.curvature_scale([found], titles=["a"], kinked=[True])
    )
    none = Analysis("curvature_scale", {**arrays, "ratios": np.full_like(ratios, np.nan)},
                    found.settings)  # fmt: skip
    with pytest.raises(ValueError, match="a place with finite ratios, got none"):
        draw([none], [True])


def test_a_prediction_that_leaves_the_panel_is_told() -> None:
    found = make_kinked()
    near = {**found.arrays, "predicted": found.arrays["ratios"]}
    told = [
        viz.caption_of(
            viz.curvature_scale(
                [Analysis("curvature_scale", arrays, found.settings)],
                titles=["ReLU"],
                kinked=[True],
            )
        )
        for arrays in (near, {**near, "predicted": near["predicted"] + 9})
    ]
    assert "leaves the panel" not in told[0]
    assert "The predicted mean leaves the panel: ReLU." in told[1]


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("width", [3.25, 5.5])
def test_no_text_lies_over_another_and_none_is_cut(count: int, width: float) -> None:
    analyses = [make_kinked() if k % 2 else make_smooth() for k in range(count)]
    kinked = [bool(k % 2) for k in range(count)]
    per = "rms" if count > 1 else "centre"
    assert clashes(draw(analyses, kinked, width=width, per=per)) == []


def test_measured_curvature_is_drawn() -> None:
    import torch

    from landscape import random_segment
    from landscape.kinks import curvature_against_scale
    from landscape.networks import build

    source = np.random.default_rng(0)
    pair = (torch.from_numpy(source.standard_normal((20, 6))),
            torch.from_numpy(source.integers(0, 3, 20)))  # fmt: skip
    found = []
    for name in ("relu", "tanh"):
        model = build("mlp", activation=name, input_shape=(6,), hidden=(5,), outputs=3,
                      dtype=torch.float64)  # fmt: skip
        problem, line = Problem(model, "cross_entropy", pair), random_segment(model, span=0.2)
        found.append(
            curvature_against_scale(problem, line, centres=12, samples=65, scales=[1e-1, 1e-2])
        )
    figure = viz.curvature_scale(found, titles=["relu", "tanh"], kinked=[True, False])
    deviations = [line.get_ydata() for line in figure.axes[1].get_lines() if
                  line.get_marker() == "None" and line.get_linewidth() < 1.3]  # fmt: skip
    for line, analysis in zip(deviations, found, strict=True):
        per = "rms" if "rms" in figure.axes[0].get_title() else "centre"
        np.testing.assert_allclose(line, ScaleLine.of(analysis, per).roughness)


def test_mistakes_are_told() -> None:
    found = make_kinked()
    draw = viz.curvature_scale
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        draw([], titles=[], kinked=[])
    with pytest.raises(ValueError, match="titles must be as many as analyses, 1, got 2"):
        draw([found], titles=["a", "b"], kinked=[True])
    with pytest.raises(ValueError, match="unknown per 'mean'; known: centre, rms"):
        draw([found], titles=["a"], kinked=[True], per="mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'curvature_scale' is needed, got 'slope_budget'"):
        draw([Analysis("slope_budget", found.arrays)], titles=["a"], kinked=[True])
    short = {**found.arrays, "rounding": np.ones(3)}
    with pytest.raises(ValueError, match=r"rounding must have shape \(4,\), got \(3,\)"):
        draw([Analysis("curvature_scale", short)], titles=["a"], kinked=[True])
