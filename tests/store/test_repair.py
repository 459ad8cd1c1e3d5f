"""Surfaces added to a study are mended to the bits they had, whatever plane they lie on."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import warm
from small_study import SMALL, load, run_study

from landscape import Grid, open_study
from landscape.store.checking import check_file
from landscape.store.salvage import salvage
from landscape.study.configuration import PcaPlaneConfig, RandomPlaneConfig
from landscape.study.repair import incomplete, remedy, repair_surfaces
from landscape.study.request import Request
from landscape.study.run_surfaces import sample_run

RUN, OTHER = "relu-gd-seed0", "relu-nesterov-seed0"
CONFIG = replace(
    SMALL, activations=("relu",), training=replace(SMALL.training, steps=20),
    random_plane=RandomPlaneConfig(points=()), pca_plane=PcaPlaneConfig(points=()),
)  # fmt: skip
# Two tiles each, or one.
PLANE, LINE = Grid.square(12), Grid.over((9,), ((-0.5, 1.5),))
REQUESTS: dict[str, dict[str, Any]] = {
    "random": {"kind": "random", "grid": PLANE, "seed": 4, "placed": (OTHER,)},
    "line": {"kind": "random", "grid": LINE, "which": ("trainable",), "normalisation": "layer"},
    "pca": {"kind": "pca", "grid": PLANE, "length": "displacement"},
    "hessian": {"kind": "hessian", "grid": PLANE},
    "gradient": {"kind": "gradient", "grid": PLANE, "seed": 2},
    "update": {"kind": "update", "grid": PLANE},
    "between": {"kind": "between", "grid": LINE, "others": (OTHER,)},
    "slopes": {"kind": "random", "grid": PLANE, "gradients": True},
    "subset": {"kind": "random", "grid": PLANE, "subset": 50, "dtype": "float64"},
    "distance": {"kind": "random", "grid": PLANE, "divergence": True},
    "resampled": {"kind": "random", "grid": Grid.square(41), "tolerance": 0.05,
                  "height": "linear"},
}  # fmt: skip
BELONGING = ["planes/hessian", f"projections/{OTHER}@random", f"projections/{RUN}@gradient",
             "analyses/spectral_decay/resampled"]  # fmt: skip


# One of each way: a second path, a line between, derivatives, a subset, a finer lattice.
FEW = ["random", "between", "hessian", "subset", "resampled"]


def alone(names: list[str]) -> list[Any]:
    """Return each name alone, which takes longer than all together."""
    return [pytest.param([name], id=name, marks=pytest.mark.long) for name in names]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = run_study(CONFIG, tmp_path_factory.mktemp("whole")).path
    for name, asked in REQUESTS.items():
        request = Request(run=RUN, identifier=name, **asked)
        sample_run(open_study(path), CONFIG, request, load_data=load)
    return path


def arrays(path: Path) -> dict[str, bytes]:
    found = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and name != "digests":
            value = item[()]
            found[name] = value if isinstance(value, bytes) else value.tobytes()

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def mended(path: Path) -> list[str]:
    done = salvage(path)
    damaged = [*done.missing, *done.removed]
    assert damaged
    assert repair_surfaces(open_study(path), CONFIG, damaged, load_data=load) == {}
    return incomplete(path, damaged)


@pytest.mark.parametrize(
    "names",
    [pytest.param(FEW, id="few"),
     pytest.param(list(REQUESTS), id="all", marks=pytest.mark.long), *alone(list(REQUESTS))],
)  # fmt: skip
def test_tiles_are_computed_again(whole: Path, tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "study.h5"
    shutil.copyfile(whole, path)
    with h5py.File(path, "r+") as file:
        for name in names:
            losses = file[f"surfaces/{name}/losses"]
            losses[(1,) * losses.ndim] = 0.0
            if f"surfaces/{name}.nodes" in file:
                file[f"surfaces/{name}.nodes/losses"][2, 2] = 0.0
    assert mended(path) == []
    assert arrays(path) == arrays(whole)
    assert check_file(path).problems == {}


@pytest.mark.parametrize("lost", [pytest.param(BELONGING, id="all"), *alone(BELONGING)])
def test_what_belongs_to_a_surface_is_made_again(
    whole: Path, tmp_path: Path, lost: list[str]
) -> None:
    path = tmp_path / "study.h5"
    shutil.copyfile(whole, path)
    with h5py.File(path, "r+") as file:
        for place in lost:
            del file[place]
    assert mended(path) == []
    assert arrays(path) == arrays(whole)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_surface_says_what_was_asked_for(whole: Path, name: str) -> None:
    found = Request.of(open_study(whole).surface(name), name)
    assert found is not None
    wanted = Request(run=RUN, identifier=name, **{**REQUESTS[name], "placed": ()})
    for part in wanted.__dataclass_fields__:
        if part != "grid":
            assert getattr(found, part) == getattr(wanted, part)


def test_a_surface_that_is_gone_is_left_with_a_word(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    shutil.copyfile(whole, path)
    with h5py.File(path, "r+") as file:
        del file["surfaces/random"]
    assert mended(path) == ["surfaces/random"]
    assert remedy(open_study(path), "surfaces/random") == "the command that made it"
    assert remedy(open_study(path), "analyses/kink_map/x").startswith("landscape analyse")


OWN = """
import torch
def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
def examples():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(30, 3, generator=generator), torch.arange(30) % 2
"""


def test_the_command_for_a_network_of_ones_own_computes_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    path = tmp_path / "own.h5"

    def told(*words: str) -> str:
        done = warm.run_module("landscape.cli", *words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told("sample", "--model", "own.py:model", "--data", "own.py:examples", "--out", "own.h5",
         "--grid", "7", "--span", "-0.3:0.7x-1:1")  # fmt: skip
    before = arrays(path)
    with h5py.File(path, "r+") as file:
        (name,) = file["surfaces"]
        file[f"surfaces/{name}/losses"][3, 3] = 0.0
    said = told("check", "--repair", "own.h5")
    assert "49 points are missing now" in said
    command = said.rpartition("give: ")[2].strip()
    assert command.startswith("landscape sample --model own.py:model --data own.py:examples")
    assert np.isnan(open_study(path).surface(name).losses).all()
    told(*shlex.split(command)[1:])
    assert arrays(path) == before
