"""Every network, form of data and loss against a plain reference."""

from __future__ import annotations

import copy
import logging

import numpy as np
import pytest
import torch
from problem.zoo import COUPLED, FORMS, LOSSES, NETWORKS, Reference, examples, made

import landscape
from landscape import Grid, Problem, SamplingConfig
from landscape.curvature.expected_hessian import hessian_product

# The pair is evaluated in the way that is measured to be fastest.
ENGINES = {
    "pair": None,
    "dataset": SamplingConfig(strategy="copy", batch_size=7, threads=1),
    "loader": SamplingConfig(strategy="loop", threads=1),
    "mapping": SamplingConfig(strategy="copy", compile="never", batch_size=16, threads=1),
}
GRID = Grid.rectangle((2, 3), (-0.4, 0.3), (-0.2, 0.5))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_value_is_that_of_one_plain_pass(
    network: str, form: str, loss: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A loader keeps its batches where the loss couples examples; all else is one batch."""
    model, (x, y), function = made(network), examples(), LOSSES[loss]()
    before = copy.deepcopy(model.state_dict()), x.clone(), y.clone()
    problem = Problem(model, function, FORMS[form](x, y), dtype=torch.float64)
    kept = form == "loader" and loss in COUPLED
    batches = [(x[:20], y[:20]), (x[20:], y[20:])] if kept else [(x, y)]
    plain = Reference(model, function, batches, total=loss == "sum")

    with caplog.at_level(logging.WARNING, "landscape"):
        plane = landscape.random_plane(model, seed=1)
        surface = landscape.sample(problem, plane, grid=GRID, engine=ENGINES[form])
        slopes = landscape.sample(problem, plane, grid=GRID, gradients=True)
    assert ("depends on the others" in caplog.text) == (loss in COUPLED)
    points = plane.points(GRID.coordinates(np.arange(GRID.size)))
    values = [float(plain.value(theta).detach()) for theta in points]
    np.testing.assert_allclose(surface.losses.reshape(-1), values, rtol=1e-9)
    np.testing.assert_allclose(slopes.losses.reshape(-1), values, rtol=1e-9)

    gradients = np.stack([plain.gradient(theta) for theta in points])
    size = np.abs(gradients).max()
    along = gradients @ np.stack([plane.d_alpha, plane.d_beta]).T
    for name, wanted in zip(("gradient_alpha", "gradient_beta"), along.T, strict=True):
        found = slopes.fields[name].reshape(-1)
        np.testing.assert_allclose(found, wanted, atol=1e-9 * np.abs(along).max())
    found = landscape.gradient(problem, points[1])
    np.testing.assert_allclose(found, gradients[1], atol=1e-9 * size)

    vector = np.random.default_rng(5).standard_normal(len(found))
    wanted = plain.product(points[1], vector)
    found = hessian_product(problem, points[1]) @ vector
    np.testing.assert_allclose(found, wanted, atol=1e-9 * np.abs(wanted).max())

    assert torch.equal(x, before[1])
    assert torch.equal(y, before[2])
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[0][name]), name
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
