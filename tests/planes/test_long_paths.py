"""Paths larger than memory: principal directions and projections in blocks, in bounded memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from landscape import Trajectory, open_study, pca_plane, project
from landscape.planes.pca import StraightPathError
from landscape.records.layout import Layout, Slot
from landscape.store import StudyWriter

RECORDS, PARAMETERS = 120, 70_000


def trajectory(thetas: np.ndarray) -> Trajectory:
    count = len(thetas)
    facts = np.zeros(0)
    return Trajectory(
        thetas, np.arange(count), np.zeros(count), facts, facts, facts, facts,
        Layout((Slot("w", (thetas.shape[1],)),)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Trajectory:
    """A random walk with drift, 64 MiB as float64, mapped from a file."""
    path = tmp_path_factory.mktemp("path") / "thetas.bin"
    shape = RECORDS, PARAMETERS
    mapped = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
    draws, place = np.random.default_rng(0), np.zeros(PARAMETERS)
    drift = draws.standard_normal(PARAMETERS)
    for row in mapped:
        place += draws.standard_normal(PARAMETERS) + 0.3 * drift
        row[:] = place
    mapped.flush()
    return trajectory(np.memmap(path, dtype=np.float32, mode="r", shape=shape))


def test_pca_of_a_path_four_times_larger_than_memory_is_that_of_all_at_once(
    recorded: Trajectory,
) -> None:
    dense = pca_plane(recorded, length="displacement")
    memory = 16  # MiB, a quarter of the displacements
    assert 4 * memory * 1e6 < RECORDS * PARAMETERS * 8
    tracemalloc.start()
    blocked = pca_plane(recorded, length="displacement", memory=memory)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Besides the blocks a few vectors are held.
    assert peak < memory * 2**20 + 16 * 8 * PARAMETERS
    scale = np.linalg.norm(dense.d_alpha)
    np.testing.assert_allclose(blocked.directions, dense.directions, atol=1e-6 * scale, rtol=0)
    for name in ("explained_variance", "random_walk_variance", "direction_length"):
        np.testing.assert_allclose(blocked.settings[name], dense.settings[name], rtol=1e-6)
    np.testing.assert_allclose(blocked.settings["extent"], dense.settings["extent"], atol=1e-5)


@pytest.mark.parametrize("ratio", [1e-3, 1e-7, 1e-10])
def test_a_weak_second_component_is_found_as_well(ratio: float) -> None:
    draws = np.random.default_rng(1)
    first, second = np.linalg.qr(draws.standard_normal((20_000, 2)))[0].T
    left = np.linalg.qr(draws.standard_normal((40, 2)))[0]
    rows = np.outer(left[:, 0], first) + ratio * np.outer(left[:, 1], second)
    path = trajectory(rows)
    dense, blocked = pca_plane(path), pca_plane(path, memory=1)
    # Rounding of the rows themselves, seen from the second component.
    close = max(1e-6, 1e-14 / ratio)
    np.testing.assert_allclose(blocked.directions, dense.directions, atol=close)


def test_a_straight_path_and_nan_are_refused_in_blocks_as_well() -> None:
    straight = np.outer(np.arange(40.0), np.ones(20_000))
    with pytest.raises(StraightPathError):
        pca_plane(trajectory(straight), memory=1)
    straight[3, 19_999] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        pca_plane(trajectory(straight), memory=1)
    with pytest.raises(ValueError, match="memory must be >= 1 MiB"):
        pca_plane(trajectory(straight), memory=0)


def test_projection_of_a_mapped_path_is_that_of_all_at_once(
    recorded: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landscape.records import projection

    plane = pca_plane(recorded)
    whole = project(np.asarray(recorded.thetas, dtype=np.float64), plane)
    monkeypatch.setattr(projection, "_ENTRIES", 5 * PARAMETERS)
    for a, b in zip(project(recorded.thetas, plane), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_path_larger_than_memory_goes_through_a_study(
    recorded: Trajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landscape.store import images

    monkeypatch.setattr(images, "IN_MEMORY", 1 << 20)
    monkeypatch.setattr(images, "MAPPED", 1 << 20)
    size = recorded.thetas.nbytes
    tracemalloc.start()
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("runs/r", replace(recorded, settings={"loss": "mse"}))
    found = open_study(tmp_path).trajectory("r")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found.thetas.base, np.memmap) or isinstance(found.thetas, np.memmap)
    np.testing.assert_array_equal(found.thetas, recorded.thetas)
    assert peak < size, (peak, size)
