"""Regression tests named after errors of published tools, and the theorems behind them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Plane, Trajectory, pca_plane, project, random_plane
from landscape.networks.directions import normalise, random_direction
from landscape.networks.parameters import assign, flatten, layout_of, unflatten
from landscape.records.layout import Layout, Slot

FILTERED = [
    nn.Linear(4, 3),
    nn.Conv1d(2, 3, 3),
    nn.Conv2d(2, 3, 3, groups=1),
    nn.Conv3d(2, 3, 2),
    nn.ConvTranspose1d(2, 3, 3),
    nn.ConvTranspose2d(4, 6, 3, groups=2),
    nn.ConvTranspose3d(2, 3, 2),
    nn.Embedding(5, 4),
    nn.MultiheadAttention(4, 2),
]


def per_output_norms(module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Norm of the slice that makes each output, found by hand for each kind of module."""
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        groups = values.chunk(module.groups, dim=0)
        return torch.cat([g.transpose(0, 1).flatten(1).norm(dim=1) for g in groups])
    return values.flatten(1).norm(dim=1)


@pytest.mark.parametrize("module", FILTERED, ids=lambda m: type(m).__name__)
def test_filter_normalisation_is_not_layer_normalisation_nor_on_the_wrong_axis(
    module: nn.Module,
) -> None:
    plane = random_plane(module, seed=3)
    layout = layout_of(module)
    direction = unflatten(torch.from_numpy(plane.d_alpha.copy()), layout)
    for name, weight in module.named_parameters():
        if weight.ndim < 2:
            assert not direction[name].any()
            continue
        ratio = per_output_norms(module, direction[name]) / per_output_norms(
            module, weight.detach().double()
        )
        torch.testing.assert_close(ratio, torch.ones_like(ratio))


def test_zero_filters_are_safe() -> None:
    module = nn.Linear(4, 3)
    with torch.no_grad():
        module.weight[1] = 0
    rows = random_plane(module).d_alpha[:12].reshape(3, 4)
    assert np.all(np.isfinite(rows))
    assert not rows[1].any()


def test_directions_do_not_contain_the_weights() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(50, 50), nn.BatchNorm1d(50), nn.Linear(50, 10))
    plane = random_plane(module)
    assert abs(plane.cosines[0]) < 0.1
    for direction in plane.directions:
        cosine = direction @ plane.origin / np.linalg.norm(direction) / np.linalg.norm(plane.origin)
        assert abs(cosine) < 0.1


def test_running_statistics_are_never_perturbed() -> None:
    names = [slot.name for slot in layout_of(nn.BatchNorm2d(3)).slots]
    assert names == ["weight", "bias"]


def test_same_seed_same_plane_and_the_global_generator_is_left_alone() -> None:
    module = nn.Linear(4, 3)
    before = torch.get_rng_state()
    first, second, other = (random_plane(module, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.d_alpha, second.d_alpha)
    assert not np.array_equal(first.d_alpha, other.d_alpha)
    assert not np.array_equal(first.d_alpha, first.d_beta)
    assert torch.equal(before, torch.get_rng_state())


def test_an_extra_parameter_does_not_shift_the_draws_of_the_others() -> None:
    plain = Layout((Slot("a", (3, 2), 0), Slot("c", (2, 2), 0)))
    more = Layout((Slot("a", (3, 2), 0), Slot("slope", (1,)), Slot("c", (2, 2), 0)))
    without, with_slope = (random_direction(layout, seed=5) for layout in (plain, more))
    np.testing.assert_array_equal(without, np.delete(with_slope, 6))


def test_unknown_normalisation_lists_the_known_and_empty_is_unknown() -> None:
    for name in ("", "Filter", "weight"):
        with pytest.raises(ValueError, match="known: filter, layer, global, none"):
            random_plane(nn.Linear(2, 2), normalisation=name)  # type: ignore[arg-type]


def test_layer_and_no_normalisation() -> None:
    layout = Layout((Slot("w", (2, 3), 0), Slot("b", (2,))))
    direction, theta = np.arange(1.0, 9.0), np.linspace(-1, 1, 8)
    layer = normalise(direction, theta, layout, normalisation="layer")
    assert np.linalg.norm(layer[:6]) == pytest.approx(np.linalg.norm(theta[:6]))
    assert not layer[6:].any()
    none = normalise(direction, theta, layout, normalisation="none")
    np.testing.assert_array_equal(none, [1, 2, 3, 4, 5, 6, 0, 0])
    block = normalise(direction, theta, layout, one_dimensional="layer")
    assert np.linalg.norm(block[6:]) == pytest.approx(np.linalg.norm(theta[6:]))


def test_making_a_plane_leaves_the_model_bit_identical(model: nn.Module) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_plane(model)
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())
    assert all(m.training for m in model.modules())


def test_nan_weights_are_named() -> None:
    module = nn.Linear(2, 2)
    with torch.no_grad():
        module.bias[0] = float("nan")
    with pytest.raises(ValueError, match="parameter bias holds NaN"):
        random_plane(module)


def test_assign_undoes_flatten(model: nn.Module) -> None:
    theta = flatten(model)
    assign(model, theta * 2)
    np.testing.assert_array_equal(flatten(model), theta * 2)


# -- trajectories on planes ------------------------------------------------------------------------

SIX = Layout((Slot("w", (2, 3), 0),))


@pytest.mark.parametrize("length", [1e-3, 1.0, 70.0])
def test_projection_is_in_multiples_of_the_direction_for_any_length(length: float) -> None:
    unit = np.eye(6)
    plane = Plane(np.ones(6), length * unit[0], unit[1] / length, SIX)
    coordinates, off, _ = project((plane.origin + 0.5 * plane.d_alpha)[None], plane)
    np.testing.assert_allclose(coordinates, [[0.5, 0.0]], atol=1e-12)
    np.testing.assert_allclose(off, 0, atol=1e-12)


def test_projection_is_exact_for_an_oblique_pair(rng: np.random.Generator) -> None:
    d_alpha, other = rng.normal(size=(2, 6))
    plane = Plane(rng.normal(size=6), d_alpha, 3 * d_alpha + 0.01 * other, SIX)
    wanted = rng.normal(size=(5, 2))
    coordinates, off, distances = project(plane.points(wanted), plane)
    np.testing.assert_allclose(coordinates, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(off, 0, atol=1e-10)
    np.testing.assert_allclose(distances, np.linalg.norm(wanted @ plane.directions, axis=1))


def test_off_plane_distance_is_that_of_least_squares(rng: np.random.Generator) -> None:
    plane = Plane(rng.normal(size=6), *rng.normal(size=(2, 6)), SIX)
    theta = rng.normal(size=6)
    coordinates, off, _ = project(theta[None], plane)
    dense = np.linalg.lstsq(plane.directions.T, theta - plane.origin, rcond=None)
    np.testing.assert_allclose(coordinates[0], dense[0])
    assert off[0] ** 2 == pytest.approx(float(dense[1][0]))


def trajectory(thetas: np.ndarray) -> Trajectory:
    facts = np.ones(len(thetas) - 1)
    return Trajectory(thetas, np.arange(len(thetas)), np.ones(len(thetas)), facts, facts, facts,
                      facts, SIX)  # fmt: skip


def test_the_last_checkpoint_lands_on_the_origin_of_its_pca_plane(rng: np.random.Generator) -> None:
    path = trajectory(np.cumsum(rng.normal(size=(9, 6)), axis=0) + 100.0)
    plane = pca_plane(path)
    coordinates, off, _ = project(path.thetas, plane)
    np.testing.assert_allclose(coordinates[-1], 0, atol=1e-12)
    np.testing.assert_allclose(off[-1], 0, atol=1e-12)
    assert np.all(coordinates[0] <= 0)


def test_pca_agrees_with_a_dense_eigendecomposition(rng: np.random.Generator) -> None:
    path = trajectory(rng.normal(size=(9, 6)) * np.arange(1, 7))
    plane = pca_plane(path)
    eigenvalues, vectors = np.linalg.eigh(np.cov(path.thetas.T))
    shares = eigenvalues[::-1][:2] / eigenvalues.sum()
    np.testing.assert_allclose(plane.settings["explained_variance"], shares)
    for direction, vector in zip(plane.directions, vectors.T[::-1], strict=False):
        assert abs(direction @ vector) == pytest.approx(1)
    assert plane.cosines[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("memory", [1, 1024])
def test_a_plane_of_several_paths_is_pca_of_all_their_points(
    memory: int, rng: np.random.Generator
) -> None:
    width = 40_000 if memory == 1 else 6
    layout = Layout((Slot("w", (width,)),))
    scales = np.append([9.0, 5.0], np.full(width - 2, 1.0 if width == 6 else 1e-3))
    paths = [replace(trajectory(np.zeros((n, 6))), thetas=rng.normal(size=(n, width)) * scales,
                     layout=layout) for n in (5, 8)]  # fmt: skip
    plane = pca_plane(*paths, length="displacement", memory=memory)
    rows = np.concatenate([path.thetas for path in paths])
    _, singular, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(plane.settings["explained_variance"],
                               singular[:2] ** 2 / np.sum(singular**2))  # fmt: skip
    way = np.linalg.norm(paths[0].start - paths[0].solution)
    for direction, vector in zip(plane.directions, right, strict=False):
        assert abs(direction @ vector) == pytest.approx(way)
    np.testing.assert_array_equal(plane.origin, paths[0].solution)
    places = np.concatenate([project(path.thetas, plane)[0] for path in paths])
    extent = [places.min(axis=0), places.max(axis=0)]
    np.testing.assert_allclose(plane.settings["extent"], extent, atol=1e-8)
    assert "random_walk_variance" not in plane.settings


def test_paths_of_different_networks_share_no_plane(rng: np.random.Generator) -> None:
    path = trajectory(rng.normal(size=(9, 6)))
    other = replace(path, layout=Layout((Slot("v", (6,)),)))
    with pytest.raises(ValueError, match="must belong to one network"):
        pca_plane(path, other)
    gelu, relu = (replace(path, settings={"activation": name}) for name in ("gelu", "relu"))
    with pytest.raises(ValueError, match="of one network, got two: activation is gelu"):
        pca_plane(gelu, relu)


def test_a_straight_or_short_path_has_no_pca_plane() -> None:
    with pytest.raises(ValueError, match="straight line"):
        pca_plane(trajectory(np.outer(np.arange(5.0), np.ones(6))))
    with pytest.raises(ValueError, match="at least 3 recorded points, got 2"):
        pca_plane(trajectory(np.eye(6)[:2]))
