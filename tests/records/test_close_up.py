"""Close-ups as records: what they say of their window, and back from a study file."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from close_ups import close_up
from plane_networks import examples, mlp, whole_plane

from landscape import Grid, Problem, sample
from landscape.kinks import kink_cut_surface, kink_map
from landscape.records.close_up import CloseUp
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.results import Analysis
from landscape.store import StudyWriter

FULL = replace(close_up("relu", 0.2, 0.3), descent=1e-3, noise=2e-3, batch_size=64, points=5)


def test_a_stored_close_up_comes_back(tmp_path: Path) -> None:
    with StudyWriter(tmp_path / "study.h5") as writer:
        writer.put_record("analyses/closeup/window", FULL.to_analysis())
        back = CloseUp.from_analysis(writer.publish().analysis("closeup", "window"))
    for one in fields(CloseUp):
        if one.name != "surface":
            assert getattr(back, one.name) == getattr(FULL, one.name)
    for one in fields(KinkCutSurface):
        np.testing.assert_array_equal(
            getattr(back.surface, one.name), getattr(FULL.surface, one.name)
        )


def test_a_record_of_another_kind_is_no_close_up() -> None:
    for wrong in (Analysis("closeup", {}, {}), FULL.surface.to_analysis()):
        with pytest.raises(ValueError, match="a close-up is an analysis of kind 'closeup', got"):
            CloseUp.from_analysis(wrong)


def test_a_window_is_told_in_times_and_steps() -> None:
    assert FULL.width == pytest.approx(0.2)
    assert FULL.magnification == pytest.approx(10)
    assert FULL.in_steps == pytest.approx(10)
    assert not FULL.is_one_step
    assert replace(FULL, step_width=0.209).is_one_step
    unknown = CloseUp(surface=FULL.surface)
    assert (unknown.magnification, unknown.in_steps, unknown.is_one_step) == (1.0, 0.0, False)


def test_without_its_quadratic_only_the_crease_is_left() -> None:
    """bend |alpha| over a square of width w, of which 1, alpha^2 fit best 3/32 w + 15/8 alpha^2/w.

    In t = 2 alpha / w: the best quadratic of |t| on [-1, 1] is 3/16 + 15/16 t^2.
    """
    left = FULL.without("quadratic")
    t = np.abs(left.coordinates[:, 0]) / 0.1
    expected = 0.3 * 0.1 * (t - 3 / 16 - 15 / 16 * t**2)
    np.testing.assert_allclose(left.losses, expected, atol=4e-5)
    assert FULL.without("nothing") is FULL.surface
    tilt = FULL.surface.polynomial(1)
    np.testing.assert_allclose(FULL.without("tilt").removed, tilt, rtol=1e-12)


def test_the_points_of_the_grid_that_was_cut_are_a_surface() -> None:
    """Of a real network: the same losses as when the grid is sampled."""
    model, data = mlp(3, 5, 1), examples(5, 3, 1)
    work, grid = (Problem(model, "mse", data), whole_plane(model)), Grid.square(7, 0.5)
    surface = kink_cut_surface(*work, kink_map(*work, grid=grid), least=0.0)
    assert surface.curves > 2
    found = CloseUp(surface=surface, run="relu-gd-seed0", points=7).on_grid()
    plain = sample(*work, grid=grid)
    np.testing.assert_allclose(found.losses, plain.losses, rtol=1e-6)
    np.testing.assert_allclose(found.alphas, grid.axes[0], atol=1e-15)
    assert found.run == "relu-gd-seed0"
    assert found.settings["examples"] == 5
    with pytest.raises(ValueError, match="no regular grid of points; sample the window"):
        CloseUp(surface=surface).on_grid()
