"""The page that teaches: what it computes is what torch computes, and the sums come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import at_rest

from landscape import viz

# The network of the page, written once more.
ROWS = [[0.2, 1.1], [0.9, 0.9], [0.6, 0.2], [-0.9, 0.7], [-1.1, -0.2]]
X = torch.tensor(ROWS, dtype=torch.float64)
Y = torch.tensor([1.2, 0.6, 1.7, 1.6, -0.9], dtype=torch.float64)
START = [-1.3, -0.2]


def loss_of(theta: torch.Tensor, width: float) -> torch.Tensor:
    z = X @ theta + 0.3
    soft = torch.where(z.abs() <= width, (z + width) ** 2 / (4 * max(width, 1e-12)), z.relu())
    output = soft if width else z.relu()
    return ((output - Y) ** 2).mean() / 2


def descend(rate: float, width: float, steps: int) -> np.ndarray:
    theta = torch.tensor(START, dtype=torch.float64)
    points = [theta.numpy().copy()]
    for _ in range(steps):
        theta.requires_grad_()
        (slope,) = torch.autograd.grad(loss_of(theta, width), theta)
        theta = (theta - rate * slope).detach()
        points.append(theta.numpy().copy())
    return np.array(points)


@pytest.fixture
def toy(opened: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    with opened(viz.toy_html(tmp_path / "toy.html")) as page:
        yield page


@pytest.mark.parametrize("width", [0.0, 0.35])
def test_the_descent_is_that_of_torch(toy: Any, width: float) -> None:
    toy.evaluate(f"lossoscope.set({{width: {width}, rate: 1.3, steps: 15}})")
    np.testing.assert_allclose(
        toy.evaluate("lossoscope.points()"), descend(1.3, width, 15), atol=1e-12
    )
    for theta in ([0.3, -1.1], [1.7, 1.2]):
        expected = loss_of(torch.tensor(theta, dtype=torch.float64), width).item()
        assert toy.evaluate(f"lossoscope.loss({theta}, {width})") == pytest.approx(
            expected, rel=1e-12
        )


def test_autograd_and_kinks_together_are_the_change_of_slope(toy: Any) -> None:
    toy.evaluate("lossoscope.set({steps: 12})")
    found = toy.evaluate("lossoscope.found()")
    assert len(found["jumps"]) > 5
    assert found["autograd"] + found["kinks"] == pytest.approx(found["change"], abs=1e-6)
    jumps = sum(abs(jump["jump"]) for jump in found["jumps"])
    assert jumps > 0.5


def test_jumps_are_the_differences_across_each_kink(toy: Any) -> None:
    toy.evaluate("lossoscope.set({steps: 8})")
    points = np.array(toy.evaluate("lossoscope.points()"))
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    begins = np.concatenate([[0], np.cumsum(lengths)])
    for jump in toy.evaluate("lossoscope.found()")["jumps"]:
        k = jump["step"]
        direction = torch.tensor((points[k + 1] - points[k]) / lengths[k])
        at = torch.tensor(points[k]) + (jump["at"] - begins[k]) * direction
        slopes = []
        for side in (-1e-7, 1e-7):
            theta = (at + side * direction).requires_grad_()
            slopes.append((torch.autograd.grad(loss_of(theta, 0.0), theta)[0] @ direction).item())
        assert slopes[1] - slopes[0] == pytest.approx(jump["jump"], abs=1e-5)


def test_a_wide_activation_has_no_jumps_and_autograd_knows_all(toy: Any) -> None:
    toy.evaluate("lossoscope.set({width: 0.4, steps: 9})")
    found = toy.evaluate("lossoscope.found()")
    assert found["jumps"] == []
    assert found["kinks"] == 0
    assert found["autograd"] == pytest.approx(found["change"], abs=5e-3)


def test_descent_bounces_over_the_crease_and_settles_without_it(toy: Any) -> None:
    toy.evaluate("lossoscope.set({rate: 1, steps: 30})")
    assert toy.evaluate("lossoscope.bounces()") > 5
    steps = np.linalg.norm(np.diff(np.array(toy.evaluate("lossoscope.points()")), axis=0), axis=1)
    assert steps[-1] > 0.05
    toy.evaluate("lossoscope.set({width: 0.35})")
    steps = np.linalg.norm(np.diff(np.array(toy.evaluate("lossoscope.points()")), axis=0), axis=1)
    assert steps[-1] < 1e-3


def test_the_controls_do_what_they_say(toy: Any) -> None:
    stage = toy.locator(".stage")
    before = stage.screenshot()
    toy.locator("#width").fill("0.5")
    assert toy.evaluate("lossoscope.state.width") == 0.5
    at_rest(toy)
    assert stage.screenshot() != before
    toy.locator("#width").fill("0")
    toy.get_by_role("button", name="Start again").click()
    assert len(toy.evaluate("lossoscope.points()")) == 1
    toy.get_by_role("button", name="Step").click()
    assert len(toy.evaluate("lossoscope.points()")) == 2
    x, y = toy.evaluate("lossoscope.pixelOf(90, 40)")
    toy.mouse.click(x, y)
    start = toy.evaluate("lossoscope.points()[0]")
    np.testing.assert_allclose(start, [-2 + 4 * 90 / 120, -2 + 4 * 40 / 120], atol=0.07)


@pytest.mark.parametrize("size", [(390, 780), (2560, 1300)], ids=str)
def test_it_fits_other_windows(
    opened: Callable[..., Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    with opened(viz.toy_html(tmp_path / "toy.html"), *size) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.locator(".chart").first.bounding_box()["width"] > 250


def test_a_bend_narrower_than_a_step_bounces_like_a_kink(toy: Any) -> None:
    """What the lesson in ``examples`` says."""
    lengths = {}
    for width, rate in ((0.0, 1.0), (0.05, 1.0), (0.0, 0.5)):
        toy.evaluate(f"lossoscope.set({{width: {width}, rate: {rate}, steps: 40}})")
        points = np.array(toy.evaluate("lossoscope.points()"))
        lengths[width, rate] = np.linalg.norm(points[-1] - points[-2])
    assert lengths[0.05, 1.0] == pytest.approx(lengths[0.0, 1.0], rel=1e-9)
    assert 0.3 < lengths[0.0, 0.5] / lengths[0.0, 1.0] < 0.5
