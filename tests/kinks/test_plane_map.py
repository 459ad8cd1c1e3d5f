"""Kink maps against closed forms, against the slope budget, and surfaces cut along them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plane_networks import (
    WINDOW,
    OneUnit,
    Product,
    axes_plane,
    examples,
    first_layer_plane,
    linear_loss,
    mlp,
    whole_plane,
)
from torch import Tensor, nn

from landscape import (
    Grid,
    Plane,
    Problem,
    Subset,
    loss_on_plane,
    open_study,
    segment_between,
    slope_budget,
)
from landscape.kinks import kink_cut_surface, kink_map
from landscape.kinks.marching import cut_cells, pieces, roots
from landscape.kinks.plane_probe import plane_probe
from landscape.networks.parameters import flatten, layout_of
from landscape.problem.network import Network
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.kink_map import KinkMap
from landscape.records.results import Analysis
from landscape.store import StudyWriter
from landscape.store.places import analysis_path


def network_of(model: nn.Module, loss: Any, data: Any) -> Network:
    return Problem(model, loss, data).evaluator(dtype=torch.float64, metrics={}).network


def test_one_unit_is_a_straight_line_with_the_analytic_jump() -> None:
    # z = 2 (w + alpha) + b + beta = 2 alpha + beta - 0.3; the loss is (relu(z) + 3)^2.
    model = OneUnit()
    data = torch.tensor([[2.0]]), torch.tensor([[-3.0]])
    found = kink_map(Problem(model, "mse", data), axes_plane(model, [0.5, -1.3]), grid=WINDOW)
    assert found.layers == ("(model):relu",)
    assert found.straight == (True,)
    assert (found.curves, found.examples, found.found) == (1, 1, len(found.jumps))
    ends = found.segments.reshape(-1, 2)
    np.testing.assert_allclose(2 * ends[:, 0] + ends[:, 1], 0.3, atol=1e-14)
    # It enters at beta = 2 and leaves at alpha = 0.4, beta = -0.5.
    np.testing.assert_allclose(ends[np.argmin(ends[:, 0])], [-0.85, 2.0], atol=1e-14)
    np.testing.assert_allclose(ends[np.argmax(ends[:, 0])], [0.4, -0.5], atol=1e-14)
    assert found.lengths.sum() == pytest.approx(1.25 * np.sqrt(5), rel=1e-12)
    np.testing.assert_allclose(found.jumps, 6 * np.sqrt(5), rtol=1e-12)
    area = np.multiply.outer(np.diff(WINDOW.axes[0]), np.diff(WINDOW.axes[1]))
    assert (found.density * area).sum() == pytest.approx(6 * 1.25 * 5, rel=1e-12)
    assert (found.counts * area).sum() == pytest.approx(found.found)


def test_a_ridge_has_a_negative_jump_and_the_mean_divides_by_the_examples() -> None:
    model = OneUnit()
    data = torch.tensor([[2.0], [-50.0]]), torch.tensor([[3.0], [0.0]])
    grid = Grid.rectangle((3, 4), (0.0, 0.2), (-0.3, 0.3))
    found = kink_map(Problem(model, "mse", data), axes_plane(model, [0.5, -1.3]), grid=grid)
    np.testing.assert_array_equal(found.example, 0)
    np.testing.assert_allclose(found.jumps, -3 * np.sqrt(5), rtol=1e-12)
    assert found.signed_density.sum() == pytest.approx(-found.density.sum())


def test_a_unit_of_the_second_layer_is_a_hyperbola_within_the_tolerance() -> None:
    model = Product()
    data = torch.tensor([[1.0]]), torch.tensor([[1.0]])
    plane = axes_plane(model, [0.0, 0.0])
    grid = Grid.rectangle((12, 17), (-0.5, 3.0), (-1.0, 2.0))
    found = kink_map(Problem(model, linear_loss, data), plane, grid=grid)
    assert found.straight == (True, False)
    second = found.layer == 1
    alpha, beta = found.segments[second].reshape(-1, 2).T
    np.testing.assert_allclose(alpha * beta, 1.5, atol=1e-8)
    # The gradient of alpha beta - 1.5 is (beta, alpha).
    middle = found.segments[second].reshape(-1, 2, 2).mean(axis=1)
    np.testing.assert_allclose(found.jumps[second], np.hypot(*middle.T), rtol=1e-10)
    # The first kink, alpha = 0, lies where the second is off: nothing jumps there.
    np.testing.assert_array_equal(found.jumps[~second], 0.0)
    np.testing.assert_allclose(found.segments[~second][:, [0, 2]], 0.0, atol=1e-15)


def test_every_knot_of_an_activation_has_its_curve() -> None:
    class Clipped(OneUnit):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.hardtanh(self.line(x))

    model = Clipped()
    data = torch.tensor([[2.0]]), torch.tensor([[0.0]])
    found = kink_map(Problem(model, linear_loss, data), axes_plane(model, [0.0, 0.0]), grid=WINDOW)
    assert set(found.knots) == {-1.0, 1.0}
    assert found.curves == 2
    ends = found.segments.reshape(-1, 2, 2)
    z = 2 * ends[..., 0] + ends[..., 1]
    np.testing.assert_allclose(z, np.repeat(found.knots[:, None], 2, axis=1), atol=1e-13)
    np.testing.assert_allclose(found.jumps, np.where(found.knots < 0, 1, -1) * np.sqrt(5))


def test_a_unit_that_rests_on_its_knot_is_not_counted_twice() -> None:
    class Twice(OneUnit):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(super().forward(x))

    data = torch.tensor([[2.0]]), torch.tensor([[-3.0]])
    once, twice = (
        kink_map(Problem(model, "mse", data), axes_plane(model, [0.5, -1.3]), grid=WINDOW)
        for model in (OneUnit(), Twice())
    )
    np.testing.assert_allclose(twice.segments, once.segments, atol=1e-14)
    # The node at which z is exactly 0 is no such unit.
    grid = Grid.rectangle((3, 3), (-1.0, 1.0), (-1.0, 1.0))
    model = OneUnit()
    plane = axes_plane(model, [0.0, 0.0])
    assert kink_map(Problem(model, "mse", data), plane, grid=grid).curves == 1


# -- against the slope along a line ---------------------------------------------------------------


@pytest.mark.parametrize("walk", [((-0.37, -0.21), (0.31, 0.43)), ((0.39, -0.44), (-0.12, 0.47))])
def test_the_jumps_along_a_line_are_the_change_of_slope_and_those_of_the_budget(walk: Any) -> None:
    model, data = mlp(3, 5, 1), examples(6, 3, 1)
    plane = first_layer_plane(model)
    grid = Grid.rectangle((12, 9), (-0.4, 0.4), (-0.5, 0.5))
    found = kink_map(Problem(model, linear_loss, data), plane, grid=grid)
    places, jumps, index = found.along(*walk)
    start, end = (plane.points(np.array([w]))[0] for w in walk)
    segment = segment_between(start, end)
    budget = slope_budget(Problem(model, linear_loss, data), segment, keep_crossings=True)
    assert len(places) == len(budget.places) > 5
    np.testing.assert_allclose(places, budget.places, atol=1e-9)
    np.testing.assert_allclose(jumps, budget.jumps, atol=1e-9)
    with plane_probe(network_of(model, linear_loss, data), plane) as probe:
        _, slopes = probe.loss_sums(np.array(walk), data)
    change = np.diff(slopes @ np.subtract(walk[1], walk[0]))[0] / 6
    assert jumps.sum() == pytest.approx(change, abs=1e-9)
    assert len(np.unique(index)) == len(index)


def test_a_deep_network_has_the_crossings_and_jumps_of_the_budget() -> None:
    model, data = mlp(3, 6, 6, 2), examples(48, 3, 2)
    plane = whole_plane(model)
    grid = Grid.rectangle((6, 5), (-0.01, 0.015), (-0.012, 0.01))
    found = kink_map(Problem(model, "mse", data), plane, grid=grid)
    # Along a line of the grid the places are the ends of segments, found on the true z.
    beta = float(grid.axes[1][2])
    ends = found.segments.reshape(-1, 2, 2)
    segment, which = np.nonzero(ends[..., 1] == beta)
    rows = np.column_stack([found.layer, found.example, found.unit])[segment]
    _, first = np.unique(np.column_stack([rows, ends[segment, which, 0].round(12)]), axis=0,
                         return_index=True)  # fmt: skip
    points, (layer, example, unit) = ends[segment, which][first], rows[first].T
    some = tuple(tensor[example] for tensor in data)
    with plane_probe(network_of(model, "mse", data), plane) as probe:
        probe.watch(data, points[0])
        size, slope = probe.jumps(points, some, layer, unit)
        # Autograd on both sides of the curve of that example.
        for k, point in enumerate(points):
            aside = 1e-9 * slope[k] / np.linalg.norm(slope[k])
            one = tuple(tensor[example[k] : example[k] + 1] for tensor in data)
            below, above = probe.loss_sums(point + np.array([-aside, aside]), one)[1]
            np.testing.assert_allclose(above - below, size[k] * slope[k], atol=1e-6)
    walk = segment_between(*plane.points(np.array([[-0.01, beta], [0.015, beta]])))
    budget = slope_budget(Problem(model, "mse", data), walk, samples=33, keep_crossings=True)
    jumps = size * np.abs(slope[:, 0]) * 0.025 / 48
    order = np.argsort(points[:, 0])
    assert len(jumps) == len(budget.jumps) > 5
    assert set(layer) == {0, 1}
    np.testing.assert_allclose((points[order, 0] + 0.01) / 0.025, budget.places, atol=1e-6)
    # The budget interpolates gradients between its samples, so that a share of 1e-5 is its own.
    assert np.abs(jumps).sum() == pytest.approx(np.abs(budget.jumps).sum(), rel=2e-5)
    assert jumps.sum() == pytest.approx(budget.jumps.sum(), abs=1e-4 * np.abs(jumps).sum())


@pytest.mark.parametrize("subset", [None, Subset(4)])
def test_map_and_creases_of_a_summed_loss_are_those_of_its_surface(subset: Subset | None) -> None:
    model, data = mlp(3, 5, 1), examples(6, 3, 1)
    plane, grid = whole_plane(model), Grid.rectangle((3, 4), (-0.2, 0.2), (-0.1, 0.3))
    mean, summed = (
        Problem(model, loss, data, subset=subset) for loss in ("mse", nn.MSELoss(reduction="sum"))
    )
    one, all_of_them = (kink_map(problem, plane, grid=grid) for problem in (mean, summed))
    drawn = 4 if subset else 6
    np.testing.assert_allclose(all_of_them.jumps, drawn * one.jumps, rtol=1e-12)
    np.testing.assert_allclose(all_of_them.density, drawn * one.density, rtol=1e-12)
    cut = kink_cut_surface(summed, plane, all_of_them, grid=grid)
    wanted = loss_on_plane(summed, plane)(cut.coordinates)
    np.testing.assert_allclose(cut.losses, wanted, rtol=1e-9)


# -- many curves, what is left out, mistakes ------------------------------------------------------


def test_a_density_alone_is_close_to_that_of_the_segments() -> None:
    model, data = mlp(3, 5, 4, 2), examples(20, 3, 2)
    work = Problem(model, "mse", data), whole_plane(model)
    grid = Grid.square(25, 0.05)
    listed = kink_map(*work, grid=grid)
    counted = kink_map(*work, grid=grid, limit=10)
    assert listed.listed
    assert not counted.listed
    assert len(counted.jumps) == 0
    assert (counted.found, counted.curves) == (listed.found, listed.curves)
    np.testing.assert_allclose(counted.counts, listed.counts)
    for name in ("density", "signed_density"):
        close = getattr(counted, name).mean(), getattr(listed, name).mean()
        assert close[0] == pytest.approx(close[1], rel=0.05)
    assert counted.density.mean() > 0
    with pytest.raises(ValueError, match="at most 10 segments, got"):
        kink_map(*work, grid=grid, limit=10, too_many="raise")


def test_chunks_give_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = mlp(3, 4, 3, 1), examples(9, 3, 1)
    work = Problem(model, "mse", data), whole_plane(model)
    grid = Grid.rectangle((3, 4), (-0.3, 0.2), (-0.2, 0.5))
    whole, done = kink_map(*work, grid=grid), []
    monkeypatch.setattr("landscape.kinks.plane_map._ENTRIES", grid.size * 7 * 2)
    monkeypatch.setattr("landscape.kinks.plane_probe._BLOCK", 1)
    parts = kink_map(*work, grid=grid, progress=done.append)
    assert done == [2, 2, 2, 2, 1]
    a, b = (np.lexsort((m.segments[:, 0], m.unit, m.example, m.layer)) for m in (whole, parts))
    np.testing.assert_allclose(parts.segments[b], whole.segments[a], atol=1e-9)
    np.testing.assert_allclose(parts.jumps[b], whole.jumps[a], atol=1e-7)
    np.testing.assert_array_equal(parts.example[b], whole.example[a])


def test_a_network_that_does_not_vmap_gives_the_same_map() -> None:
    class Reads(OneUnit):
        def forward(self, x: Tensor) -> Tensor:
            z = self.line(x)
            assert z.detach().abs().max().item() < 1e9
            return torch.relu(z)

    data = torch.tensor([[2.0], [1.0]]), torch.tensor([[-3.0], [1.0]])
    plane = axes_plane(OneUnit(), [0.5, -1.3])
    plain, reads = (
        kink_map(Problem(m, "mse", data), plane, grid=WINDOW) for m in (OneUnit(), Reads())
    )
    np.testing.assert_allclose(reads.segments, plain.segments, atol=1e-14)
    np.testing.assert_allclose(reads.jumps, plain.jumps, rtol=1e-12)


def test_pooling_and_branches_are_named_as_left_out_and_the_model_is_untouched() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv1d(1, 2, 2), nn.MaxPool1d(2)

        def forward(self, x: Tensor) -> Tensor:
            pooled = self.pool(torch.relu(self.conv(x)))
            return torch.where(pooled > 0.1, pooled - 0.1, torch.zeros(())).sum(dim=(1, 2))[:, None]

    torch.manual_seed(0)
    model = Pooled().train()
    before, layout = flatten(model).copy(), layout_of(model)
    plane = Plane(before, *np.random.default_rng(0).standard_normal((2, layout.size)), layout)
    threads = torch.get_num_threads()
    problem = Problem(model, "mse", (torch.randn(3, 1, 5), torch.zeros(3, 1)))
    found = kink_map(problem, plane, grid=WINDOW)
    assert any("max_pool1d" in name for name in found.left_out)
    assert any("where" in name for name in found.left_out)
    assert found.curves > 0
    assert all("relu" in name for name in found.layers)
    assert model.training
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(flatten(model), before)


def test_a_smooth_network_has_an_empty_map_and_an_uncut_surface() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    data = examples(4, 2, 1)
    work = Problem(model, "mse", data), whole_plane(model)
    found = kink_map(*work, grid=WINDOW)
    assert (found.curves, found.found, found.layers) == (0, 0, ())
    assert not found.density.any()
    surface = kink_cut_surface(*work, found)
    assert len(surface.losses) == WINDOW.size
    assert surface.curves == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": Grid.line(5)}, "grid of 2 axes, got 1"),
        ({"too_many": "stop"}, "known: density, raise"),
        ({"limit": 0}, "limit must be >= 1, got 0"),
    ],
)
def test_mistakes_are_told(change: dict[str, Any], message: str) -> None:
    model = OneUnit()
    problem = Problem(model, "mse", (torch.ones(1, 1), torch.ones(1, 1)))
    with pytest.raises(ValueError, match=message):
        kink_map(problem, axes_plane(model, [0.0, 0.0]), **{"grid": WINDOW, **change})


def test_a_line_another_model_and_a_loss_without_examples_are_refused() -> None:
    model, data = OneUnit(), (torch.ones(2, 1), torch.ones(2, 1))
    line = Plane(np.zeros(2), np.ones(2), None, layout_of(model))
    with pytest.raises(ValueError, match="2 directions, got 1"):
        kink_map(Problem(model, "mse", data), line, grid=WINDOW)
    plane = axes_plane(model, [0.0, 0.0])
    with pytest.raises(ValueError, match="the model's 31 parameters, got 2"):
        kink_map(Problem(mlp(3, 6, 1), "mse", examples(2, 3, 1)), plane, grid=WINDOW)
    with pytest.raises(ValueError, match="one value for each of the examples, 1, "):
        kink_map(Problem(model, lambda output, _: output.mean(), data), plane, grid=WINDOW)


# -- records --------------------------------------------------------------------------------------


def test_a_map_and_creases_survive_a_study_file(tmp_path: Path) -> None:
    model, data = mlp(3, 4, 1), examples(5, 3, 1)
    work = Problem(model, "mse", data), first_layer_plane(model)
    grid = Grid.rectangle((4, 5), (-0.2, 0.2), (-0.3, 0.3))
    found = kink_map(*work, grid=grid, settings={"note": 7})
    surface = kink_cut_surface(*work, found)
    with StudyWriter(tmp_path / "study.h5") as writer:
        for record in (found.to_analysis(), surface.to_analysis()):
            writer.put_record(analysis_path(record.kind, "relu"), record)
    study = open_study(tmp_path / "study.h5")
    assert study.analyses("kink_map") == study.analyses("creases") == ["relu"]
    back = KinkMap.from_analysis(study.analysis("kink_map", "relu"))
    creases = KinkCutSurface.from_analysis(study.analysis("creases", "relu"))
    for one, other, names in (
        (found, back, ("segments", "jumps", "unit", "density", "alphas")),
        (surface, creases, ("coordinates", "gradients", "triangles")),
    ):
        for name in names:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (back.layers, back.straight, back.found) == (found.layers, found.straight, found.found)
    assert back.settings["note"] == 7
    assert creases.removed == surface.removed
    for kind in (KinkMap, KinkCutSurface):
        with pytest.raises(ValueError, match="of kind"):
            kind.from_analysis(Analysis("other", {}))
        with pytest.raises(ValueError, match="lack"):
            kind.from_analysis(Analysis("kink_map" if kind is KinkMap else "creases", {}))


# -- cells, roots, triangles ----------------------------------------------------------------------


@pytest.mark.parametrize("centre", [1.0, -1.0])
def test_where_corners_alternate_the_centre_decides(centre: float) -> None:
    cells = cut_cells(np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None])
    found = {tuple(sorted(map(int, s))) for s in pieces(cells, np.array([centre])).sides}
    # Sides: 0 and 1 meet at corner (1, 0), 2 and 3 at (0, 1); 0 and 3 at (0, 0), 1 and 2 at (1, 1).
    assert found == ({(0, 1), (2, 3)} if centre > 0 else {(0, 3), (1, 2)})


def test_roots_of_bent_functions_are_found_to_the_tolerance() -> None:
    true = np.array([0.1, 0.5, 0.937, 1e-6])

    def function(share: np.ndarray, which: np.ndarray) -> np.ndarray:
        x = share - true[which]
        return np.where(x > 0, x**3 + x, 100 * x) * np.array([1, -1, 1, 1])[which]

    ends = np.stack([function(np.full(4, v), np.arange(4)) for v in (0.0, 1.0)], axis=1)
    np.testing.assert_allclose(roots(ends, function, tolerance=1e-12), true, atol=1e-11)
