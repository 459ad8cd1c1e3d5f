"""What wraps a model changes neither names nor draws nor planes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from landscape import (
    Grid,
    Problem,
    SamplingConfig,
    gradient_segment,
    random_plane,
    sample,
    slope_budget,
)
from landscape.kinks import kink_map
from landscape.networks.parameters import flatten, layout_of, unwrapped


def test_wrappers_do_not_change_names_draws_or_planes() -> None:
    bare = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    plane = random_plane(bare, seed=4)
    compiled = cast("nn.Module", torch.compile(bare, backend="eager"))
    wrapped = [
        nn.DataParallel(bare),
        torch.optim.swa_utils.AveragedModel(bare),
        compiled,
        nn.DataParallel(compiled),
    ]
    for model in wrapped:
        other = random_plane(model, seed=4)
        assert other.layout == plane.layout
        np.testing.assert_array_equal(other.directions, plane.directions)
        np.testing.assert_array_equal(other.origin, flatten(model))


def test_a_module_that_is_no_wrapper_stays_as_it_is() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 2)

    holder = Holder()
    assert unwrapped(holder) is holder
    assert layout_of(holder).slots[0].name == "module.weight"


def test_a_wrapped_model_is_sampled_and_watched_like_the_bare_one(
    examples: tuple[Tensor, Tensor],
) -> None:
    bare = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    wrapped = nn.DataParallel(bare)
    grid = Grid.square(3)
    engine = SamplingConfig(strategy="loop", batch_size=30, threads=1)
    made = {m: random_plane(m) for m in (bare, wrapped)}
    surfaces = [
        sample(Problem(model, "cross_entropy", [examples]), made[other], grid=grid, engine=engine)
        for model, other in ((bare, wrapped), (wrapped, bare), (bare, bare))
    ]
    for surface in surfaces:
        np.testing.assert_array_equal(surface.losses, surfaces[-1].losses)
    segments = [gradient_segment(Problem(m, "cross_entropy", [examples]), rate=0.1) for m in made]
    np.testing.assert_array_equal(segments[0].direction, segments[1].direction)
    maps = [
        kink_map(Problem(m, "cross_entropy", [examples]), made[bare], grid=Grid.square(5))
        for m in made
    ]
    assert maps[0].curves == maps[1].curves > 0
    budgets = [slope_budget(Problem(m, "cross_entropy", [examples]), segments[0]) for m in made]
    assert budgets[0].crossings == budgets[1].crossings


def test_a_distributed_model_has_the_names_of_the_bare_one(tmp_path: Path) -> None:
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("no gloo")
    from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy

    bare = nn.Linear(3, 2)
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        wrapped = nn.parallel.DistributedDataParallel(bare)
        np.testing.assert_array_equal(
            random_plane(wrapped).directions, random_plane(bare).directions
        )
        assert layout_of(wrapped) == layout_of(bare)
        sharded = FullyShardedDataParallel(
            nn.Linear(3, 2),
            device_id=torch.device("cpu"),
            sharding_strategy=ShardingStrategy.NO_SHARD,
            use_orig_params=True,
        )
        with pytest.raises(ValueError, match="sharded by FSDP; gather its state_dict"):
            layout_of(sharded)
    finally:
        distributed.destroy_process_group()
