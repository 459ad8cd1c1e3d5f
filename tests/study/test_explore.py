"""Windows sampled while looking around are those that ``landscape sample`` samples."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calling import accepted, refused
from small_study import SMALL, content, load, run_study

from landscape import Grid, Surface, open_study
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import surface_path
from landscape.study.explore import StudyAtlas
from landscape.study.live_plane import FLOAT64_BELOW, request_of
from landscape.study.request import Request
from landscape.study.run_surfaces import sample_run
from landscape.study.solution_network import SolutionNetwork

CONFIG = replace(SMALL, activations=("relu",))
WINDOW = Grid.over((6, 5), ((-0.25, 0.5), (0.125, 0.75)))
TINY = Grid.over((7, 7), ((0.001, 0.002), (-0.0005, 0.0005)))
RUN = "relu-gd-seed0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run_study(CONFIG, tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(made: StudyFile, tmp_path: Path) -> StudyFile:
    shutil.copyfile(made.path, tmp_path / "study.h5")
    return open_study(tmp_path / "study.h5")


def atlas(study: StudyFile) -> StudyAtlas:
    return StudyAtlas(study, CONFIG, load_data=load)


def sampled(place: Any, grid: Grid) -> Surface:
    return place.sample(grid, lambda _: None, lambda: False)


def by_command(study: StudyFile, wanted: Request, out: Path) -> StudyFile:
    path, _ = sample_run(study, CONFIG, wanted, load_data=load, out=out)
    return open_study(path)


@pytest.mark.parametrize("kind", ["random", "pca"])
@pytest.mark.parametrize("grid", [WINDOW, TINY], ids=["window", "tiny"])
def test_a_kept_window_is_that_of_landscape_sample_to_the_last_bit(
    study: StudyFile, tmp_path: Path, kind: str, grid: Grid
) -> None:
    place = atlas(study).open(f"{RUN}.{kind}")
    dtype = "float64" if grid is TINY else ""
    length = "displacement" if kind == "pca" else "unit"
    wanted = Request(run=RUN, kind=kind, grid=grid, dtype=dtype, length=length)
    other = by_command(study, wanted, tmp_path / "other")
    name = place.keep(sampled(place, grid))
    assert name == wanted.name
    kept, expected = content(study.path), content(other.path)
    assert kept.keys() == expected.keys()
    # What was measured of the engine, and the digest of the record that notes it.
    apart = {k for k in kept if kept[k] != expected[k] and "engine" not in kept[k]}
    assert apart <= {f"surfaces/{name}:sha256"}
    assert (open_study(study.path).surface(name).losses == other.surface(name).losses).all()


def test_the_command_it_prints_samples_the_same_window(study: StudyFile, tmp_path: Path) -> None:
    place = atlas(study).make(run=RUN, kind="random", seed=3, normalisation="layer")
    surface = sampled(place, TINY)
    words = shlex.split(place.command(surface))
    assert words[:3] == ["landscape", "sample", str(study.path)]
    accepted(*words[1:], "--out", tmp_path / "other")
    name = place.keep(surface)
    other = open_study(tmp_path / "other").surface(name)
    assert (other.losses == surface.losses).all()
    assert (other.alphas == TINY.axes[0]).all()
    assert name.endswith("_float64")


def test_the_plane_of_a_kept_window_holds_its_curvatures_and_path(study: StudyFile) -> None:
    place = atlas(study).make(run=RUN, kind="random", seed=4)
    name = place.keep(sampled(place, WINDOW))
    again = open_study(study.path)
    assert again.plane(name).settings["seed"] == 4
    assert {"hessian", "no_hessian"} & set(again.plane(name).settings)
    assert again.projection(RUN, name).losses[-1] == again.trajectory(RUN).losses[-1]
    assert name in atlas(again).names


def test_tiny_windows_are_sampled_in_double_precision(study: StudyFile) -> None:
    place = atlas(study).open(f"{RUN}.random")
    plane = place.plane
    assert plane is not None
    width = FLOAT64_BELOW * np.linalg.norm(plane.origin) / np.linalg.norm(plane.directions, axis=1)
    for factor, dtype in ((1.01, torch.float32), (0.99, torch.float64)):
        ends = [(-factor * w / 2, factor * w / 2) for w in width]
        assert place.dtype_of(Grid.over((3, 3), ends)) is dtype
    wide, tiny = sampled(place, WINDOW), sampled(place, TINY)
    assert (wide.settings["dtype"], tiny.settings["dtype"]) == ("float32", "float64")


def test_coarse_to_fine_until_it_is_cancelled(study: StudyFile) -> None:
    place = atlas(study).open(f"{RUN}.random")
    seen: list[Surface] = []
    half = place.sample(Grid.square(20), seen.append, lambda: len(seen) == 2)
    counts = [int((s.status > 0).sum()) for s in seen]
    assert counts == [128, 256]
    assert not half.complete
    with pytest.raises(ValueError, match="only a finished surface can be kept"):
        place.keep(half)
    whole = sampled(place, Grid.square(20))
    there = half.status > 0
    assert (half.losses[there] == whole.losses[there]).all()


def test_a_surface_whose_network_is_unknown_is_only_looked_at(study: StudyFile) -> None:
    place = StudyAtlas(study, None, load_data=load).open(f"{RUN}.random")
    assert place.surface is not None
    assert place.command(place.surface) == ""
    assert not place.live
    assert atlas(study).open(f"{RUN}.random").live
    with pytest.raises(ValueError, match="cannot be sampled anew"):
        sampled(place, WINDOW)
    with pytest.raises(ValueError, match="no new planes"):
        StudyAtlas(study, None, load_data=load).make(run=RUN, kind="random")


def test_a_taken_id_is_refused_and_leaves_the_study_as_it_was(study: StudyFile) -> None:
    place = atlas(study).open(f"{RUN}.random")
    surface = sampled(place, WINDOW)
    name = place.keep(surface)
    assert place.keep(surface) == name
    # Ids have six digits of the ends of a window.
    near = Grid.over((6, 5), ((-0.25, 0.5 + 1e-9), (0.125, 0.75)))
    with pytest.raises(ValueError, match="taken by another surface"):
        place.keep(sampled(place, near))
    assert (open_study(study.path).surface(name).losses == surface.losses).all()


def test_keeping_waits_for_no_other_writer(study: StudyFile) -> None:
    place = atlas(study).open(f"{RUN}.random")
    surface = sampled(place, WINDOW)
    with StudyWriter(study.path), pytest.raises(BlockingIOError):
        place.keep(surface)


def test_surfaces_of_the_command_are_sampled_as_they_were(study: StudyFile, tmp_path: Path) -> None:
    wanted = Request(run=RUN, kind="random", grid=WINDOW, seed=2, gradients=True, subset=50)
    other = by_command(study, wanted, tmp_path / "other")
    surface = other.surface(wanted.name)
    found = request_of(surface)
    assert found is not None
    assert found.name == wanted.name
    again = sampled(atlas(other).open(wanted.name), WINDOW)
    assert set(again.fields) == set(surface.fields)
    assert "gradient_alpha" in again.fields
    np.testing.assert_allclose(again.losses, surface.losses, rtol=1e-6)


def test_planes_of_other_kinds_are_looked_at_and_not_kept(study: StudyFile) -> None:
    surface = study.surface(f"{RUN}.random")
    strange = replace(surface, settings={**surface.settings, "kind": "custom"})
    with StudyWriter(study.path) as writer:
        writer.put_record(surface_path("strange"), strange)
    place = atlas(open_study(study.path)).open("strange")
    window = sampled(place, WINDOW)
    with pytest.raises(ValueError, match="it can be looked at, not kept"):
        place.keep(window)


def test_planes_through_three_solutions_hold_their_paths(tmp_path: Path) -> None:
    config = replace(CONFIG, optimizers=("gd",), seeds=(0, 1, 2))
    source = run_study(config, tmp_path)
    live = StudyAtlas(source, config, load_data=load)
    first, *others = live.runs
    place = live.make(run=first, kind="through", others=tuple(others))
    assert [path.run for path in place.paths] == [first, *others]
    assert all(np.allclose(path.off_plane_distances[-1], 0, atol=1e-5) for path in place.paths)
    name = place.keep(sampled(place, WINDOW))
    assert others[0] in place.command(sampled(place, WINDOW))
    assert f"{others[1]}@{name}" in open_study(source.path).projections()


def line_sampled(place: Any, first: Any, second: Any, points: int = 201) -> Surface:
    return place.sample_line(first, second, points, lambda _: None, lambda: False)


@pytest.mark.parametrize("kind", ["random", "pca"])
@pytest.mark.parametrize(
    "ends", [(-0.5, 0.25, 0.75, -0.125), (0.001, 0.0, 0.002, 0.0005)], ids=["line", "tiny"]
)
def test_a_line_is_that_of_landscape_sample_to_the_last_bit(
    study: StudyFile, tmp_path: Path, kind: str, ends: tuple[float, ...]
) -> None:
    place = atlas(study).open(f"{RUN}.{kind}")
    line = line_sampled(place, ends[:2], ends[2:])
    words = shlex.split(place.command(line))
    assert "--line" in words
    assert words[words.index("--grid") + 1] == "201x1"
    accepted(*words[1:], "--out", tmp_path / "other")
    other = open_study(tmp_path / "other")
    name = place.keep(line)
    assert (other.surface(name).losses == line.losses).all()
    assert (other.surface(name).fields["accuracies"] == line.fields["accuracies"]).all()
    kept, expected = content(study.path), content(other.path)
    assert kept.keys() == expected.keys()
    apart = {k for k in kept if kept[k] != expected[k] and "engine" not in kept[k]}
    assert apart <= {f"surfaces/{name}:sha256"}


@pytest.mark.parametrize("ends", [(-0.5, 0.25, 0.75, -0.125), (0.001, 0.0, 0.002, 0.0005)])
def test_a_line_is_the_loss_at_the_real_parameters(
    study: StudyFile, ends: tuple[float, ...]
) -> None:
    place = atlas(study).open(f"{RUN}.random")
    plane = place.plane
    assert plane is not None
    line = line_sampled(place, ends[:2], ends[2:])
    share = line.alphas[:, None]
    where = (1 - share) * np.array(ends[:2]) + share * np.array(ends[2:])
    thetas = plane.origin + where @ plane.directions
    evaluator = SolutionNetwork(study, CONFIG, RUN, load).problem.evaluator(dtype=torch.float64)
    exact = evaluator(thetas)
    tiny = line.settings["dtype"] == "float64"
    assert tiny == (ends[0] == 0.001)
    np.testing.assert_allclose(line.losses, exact["losses"], rtol=1e-12 if tiny else 1e-5)
    if tiny:
        assert (line.fields["accuracies"] == exact["accuracies"]).all()


def test_a_line_between_two_solutions_is_that_of_the_plane_between(tmp_path: Path) -> None:
    config = replace(CONFIG, optimizers=("gd",), seeds=(0, 1, 2), dtype="float64")
    source = run_study(config, tmp_path)
    live = StudyAtlas(source, config, load_data=load)
    first, *others = live.runs
    place = live.make(run=first, kind="through", others=tuple(others))
    line = line_sampled(place, (0.0, 0.0), (1.0, 0.0), 101)
    wanted = Request(
        run=first, kind="between", others=(others[0],), grid=Grid.line(101, (0.0, 1.0))
    )
    path, name = sample_run(source, config, wanted, load_data=load)
    np.testing.assert_allclose(line.losses, open_study(path).surface(name).losses, rtol=1e-12)


def test_a_line_is_kept_drawn_listed_and_made_again(study: StudyFile, tmp_path: Path) -> None:
    place = atlas(study).make(run=RUN, kind="random", seed=5)
    line = line_sampled(place, (0.0, 0.0), (0.5, 0.25))
    name = place.keep(line)
    assert place.keep(line) == name
    again = open_study(study.path)
    assert (again.surface(name).losses == line.losses).all()
    assert again.plane(name).settings["ends"] == [[0.0, 0.0], [0.5, 0.25]]
    assert name not in atlas(again).names
    # Ids in a table may be cut, lines of their own are not.
    assert f"surface {name}: 201 over 0 to 1" in accepted("info", study.path)
    said = accepted("render", study.path, "--kind", "line", "--surface", name, "--out", tmp_path)
    caption = next(tmp_path.glob("*.md")).read_text(encoding="utf-8")
    assert said.count("wrote") == 3
    assert "from A (0, 0) to B (0.5, 0.25) of the random plane" in caption
    assert "solution" not in caption
    request = Request.of(again.surface(name), name)
    assert request is not None
    assert request.line == (0.0, 0.0, 0.5, 0.25)
    assert request.asked == again.surface(name).settings["asked"]
    path, mended = sample_run(again, CONFIG, request, load_data=load, out=tmp_path / "new")
    assert (open_study(path).surface(mended).losses == line.losses).all()


def test_a_line_is_cancelled_after_a_tile(study: StudyFile) -> None:
    place = atlas(study).open(f"{RUN}.random")
    seen: list[Surface] = []
    half = place.sample_line((0, 0), (1, 1), 401, seen.append, lambda: len(seen) == 2)
    assert [int((s.status > 0).sum()) for s in seen] == [128, 256]
    with pytest.raises(ValueError, match="only a finished surface can be kept"):
        place.keep(half)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--line", "0", "0", "0", "0"], "needs two different points"),
        (["--line", "0", "0", "nan", "0"], "four finite numbers"),
        (["--line", "0", "0", "1", "0", "--grid", "9x9"], "got a grid of 2; write it as 201x1"),
        (["--line", "0", "0", "1", "0", "--plane", "between", "--run", "relu-nesterov-seed0"],
         "there is a line already"),
    ],
)  # fmt: skip
def test_impossible_lines_are_told_in_one_line(
    study: StudyFile, options: list[str], said: str
) -> None:
    assert said in refused("sample", study.path, "--run", RUN, *options)
