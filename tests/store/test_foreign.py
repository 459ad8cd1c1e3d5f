"""Files of other programs: each quantity lands where it was measured, in this program's units."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from calling import accepted

from landscape import Grid, Panel, Plane, Projection, Surface, open_study, project
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status
from landscape.store import StudyWriter
from landscape.store.export_li2018 import export_li2018
from landscape.store.importing import identifier_of, import_files

REAL = Path(__file__).parents[3] / "shared" / "foreign" / "li2018-surface.h5"
X, Y = np.linspace(-1, 1, 5), np.linspace(-3, 3, 7)
GRID = Grid((X, Y))
# Asymmetric in x and y, on a grid that is not square.
LOSSES = X[:, None] ** 2 + 10 * (Y[None, :] + 1) ** 2


def li_surface(path: Path, losses: np.ndarray | None = None, **more: Any) -> Path:
    """Write a file as that program does: allocated (nx, ny), filled in the order of meshgrid."""
    xs, ys = np.meshgrid(X, Y)  # row after row of constant y
    flat = xs.ravel() ** 2 + 10 * (ys.ravel() + 1) ** 2
    array = -np.ones((len(X), len(Y)))
    array.ravel()[:] = flat if losses is None else losses
    with h5py.File(path, "w") as file:
        file["dir_file"] = "dirs/\x1b[2Jdirections.h5"
        file["xcoordinates"], file["ycoordinates"] = X, Y
        file["train_loss"] = array
        for name, values in more.items():
            file[name] = values
    return path


def li_directions(path: Path, sizes: tuple[int, ...] = (3,) * 12, factor: float = 2.0) -> Path:
    draws = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name in ("xdirection", "ydirection"):
            for number, size in enumerate(sizes):
                file[f"{name}/{number}"] = factor * draws.standard_normal(size) + number
    return path


def imported(files: list[Path], tmp_path: Path, **options: Any) -> Any:
    import_files(files, tmp_path / "study.h5", name="s", **options)
    return open_study(tmp_path)


def test_a_surface_of_li_et_al_is_read_in_the_right_orientation(tmp_path: Path) -> None:
    accuracies = np.full((5, 7), 12.5)
    path = li_surface(tmp_path / "surf.h5", train_acc=accuracies, test_loss=-np.ones((5, 7)))
    surface = imported([path], tmp_path).surface("s")
    np.testing.assert_allclose(surface.losses, LOSSES)
    np.testing.assert_allclose(surface.fields["accuracies"], 0.125)
    assert np.isnan(surface.fields["test_losses"]).all()
    assert surface.complete
    assert surface.settings["imported"]["direction_file"] == "dirs/[2Jdirections.h5"


def test_sentinels_are_missing_points_and_nan_is_a_value(tmp_path: Path) -> None:
    flat = np.arange(35.0)
    flat[3], flat[4] = -1.0, np.nan
    surface = imported([li_surface(tmp_path / "surf.h5", flat)], tmp_path).surface("s")
    # Flat index 3 is x = X[3], y = Y[0].
    assert surface.status[3, 0] == Status.MISSING
    assert surface.status[4, 0] == Status.EVALUATED
    assert np.isnan(surface.losses[[3, 4], 0]).all()
    assert surface.losses[2, 1] == 7.0
    assert (surface.status == Status.MISSING).sum() == 1


def test_lines_old_files_falling_axes_and_other_fields(tmp_path: Path) -> None:
    line, old = tmp_path / "line.h5", tmp_path / "old.h5"
    with h5py.File(line, "w") as file:
        file["xcoordinates"] = X[::-1]
        file["train_loss"], file["test_loss"] = X[::-1] ** 3 + 5, np.arange(5.0)
    surface = imported([line], tmp_path).surface("s")
    np.testing.assert_array_equal(surface.alphas, X)
    np.testing.assert_array_equal(surface.losses, X**3 + 5)
    with h5py.File(old, "w") as file:
        file["xcoordinates"], file["ycoordinates"] = X, Y
        file["loss_vals"] = np.arange(35.0).reshape(5, 7)
    study = imported([old], tmp_path, force=True)
    assert study.surface("s").losses[1, 0] == 1.0
    surface = imported([line], tmp_path, force=True, field="test_loss").surface("s")
    np.testing.assert_array_equal(surface.losses, np.arange(5.0)[::-1])
    with pytest.raises(ValueError, match="no field acc; known"):
        imported([line], tmp_path, force=True, field="acc")


def test_directions_are_sorted_as_numbers(tmp_path: Path) -> None:
    plane = imported([li_directions(tmp_path / "dirs.h5")], tmp_path).plane("s")
    with h5py.File(tmp_path / "dirs.h5") as file:
        wanted = np.concatenate([file[f"xdirection/{n}"][()] for n in range(12)])
    np.testing.assert_array_equal(plane.d_alpha, wanted)
    assert [slot.name for slot in plane.layout.slots] == [str(n) for n in range(12)]


@pytest.mark.parametrize("method", ["cos", "lstsq"])
def test_a_path_is_in_multiples_of_the_directions(tmp_path: Path, method: str) -> None:
    directions = li_directions(tmp_path / "dirs.h5")
    surface = li_surface(tmp_path / "surf.h5")
    plane = imported([directions], tmp_path / "other").plane("s")
    # Directions orthogonal, so that their dot products are the projection.
    path = tmp_path / f"dirs.h5_proj_{method}.h5"
    lengths = np.linalg.norm(plane.directions, axis=1)
    coordinates = np.array([[0.5, 0.25], [0.1, -0.5], [0.0, 0.0]])
    with h5py.File(path, "w") as file:
        scale = lengths if method == "cos" else np.ones(2)
        file["proj_xcoord"], file["proj_ycoord"] = (coordinates * scale).T
    study = imported([path, surface, directions], tmp_path)
    placed = study.projection("s", "s")
    np.testing.assert_allclose(placed.coordinates, coordinates)
    assert np.isnan(placed.losses).all()
    linked = study.surface("s")
    assert (linked.plane, linked.run) == ("s", "s")
    if method == "lstsq":
        points = plane.points(coordinates)
        np.testing.assert_allclose(project(points, plane)[0], coordinates, atol=1e-12)


def test_a_path_in_lengths_needs_its_directions(tmp_path: Path) -> None:
    path = tmp_path / "dirs.h5_proj_cos.h5"
    with h5py.File(path, "w") as file:
        file["proj_xcoord"] = file["proj_ycoord"] = np.ones(3)
    with pytest.raises(ValueError, match="give the direction file as well"):
        imported([path], tmp_path)
    import_files([li_directions(tmp_path / "dirs.h5")], tmp_path / "study.h5", name="s")
    placed = imported([path], tmp_path).projection("s", "s")
    lengths = np.linalg.norm(open_study(tmp_path).plane("s").directions, axis=1)
    np.testing.assert_allclose(placed.coordinates, np.ones((3, 2)) / lengths)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_landscaper(tmp_path: Path, axes: int) -> None:
    axis = np.linspace(-1, 1, 4)
    loss = np.arange(4.0**axes).reshape((4,) * axes)
    np.savez(tmp_path / "l.npz", loss=loss, coordinates=[axis] * axes)
    surface = imported([tmp_path / "l.npz"], tmp_path).surface("s")
    np.testing.assert_array_equal(surface.losses, loss)
    assert len(surface.grid.axes) == axes


@pytest.mark.parametrize("turned", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("kind", ["landscaper", "li2018", "landscapeviz"])
def test_values_stay_at_their_coordinates_when_axes_fall(
    tmp_path: Path, kind: str, turned: tuple[int, ...]
) -> None:
    axes = [axis[::-1] if i in turned else axis for i, axis in enumerate((X[:4], Y[:4] ** 3))]
    losses = axes[0][:, None] + 100 * axes[1][None, :]
    losses[0, 1] = -1.0  # not computed, in one of the formats
    path = tmp_path / "f.h5"
    if kind == "landscaper":
        path = tmp_path / "f.npz"
        np.savez(path, loss=losses, coordinates=axes)
    else:
        with h5py.File(path, "w") as file:
            if kind == "li2018":
                file["xcoordinates"], file["ycoordinates"] = axes
                file["train_loss"], file["train_acc"] = losses.T, losses.T
            else:
                file["X"], file["Y"] = np.meshgrid(*axes)
                file["loss"], file["acc"] = losses.T, losses.T
    surface = imported([path], tmp_path).surface("s")
    for own, theirs in zip(surface.grid.axes, axes, strict=True):
        np.testing.assert_array_equal(own, np.sort(theirs))
    for (i, alpha), (j, beta) in itertools.product(*map(enumerate, axes)):
        place = surface.alphas == alpha, surface.betas == beta
        missing = kind == "li2018" and losses[i, j] == -1.0
        assert (surface.status[np.ix_(*place)] == Status.MISSING).item() == missing
        found = surface.losses[np.ix_(*place)].item()
        np.testing.assert_equal(found, np.nan if missing else losses[i, j])


@pytest.mark.parametrize("axis", [[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
def test_axes_that_turn_back_are_refused(tmp_path: Path, axis: list[float]) -> None:
    np.savez(tmp_path / "l.npz", loss=np.zeros((3, 3)), coordinates=[axis, [3.0, 2.0, 1.0]])
    with pytest.raises(ValueError, match="increas"):
        imported([tmp_path / "l.npz"], tmp_path)


@pytest.mark.parametrize("version", ["XY", "space"])
def test_landscapeviz(tmp_path: Path, version: str) -> None:
    space = np.linspace(-2, 2, 6)
    xs, ys = np.meshgrid(space, space)
    values = xs + 10 * ys
    with h5py.File(tmp_path / "meshfile.hdf5", "w") as file:
        if version == "XY":
            file["X"], file["Y"], file["Z_mse"] = xs, ys, values
        else:
            file["space"], file["categorical_crossentropy"] = space, values
            file["original_categorical_crossentropy"] = 1.0
        file["accuracy"] = xs / 10
    surface = imported([tmp_path / "meshfile.hdf5"], tmp_path).surface("s")
    np.testing.assert_allclose(surface.losses, space[:, None] + 10 * space[None, :])
    np.testing.assert_allclose(surface.fields["accuracies"], (space / 10)[:, None] + 0 * space)


def test_csv_comes_back_as_it_was_exported(tmp_path: Path) -> None:
    from landscape.viz import export_mesh

    status = np.ones(GRID.shape, dtype=np.uint8)
    status[1, 2], status[2, 3] = Status.MISSING, Status.INTERPOLATED
    losses = np.where(status == 0, np.nan, LOSSES)
    losses[4, 4] = np.inf
    before = Surface(GRID, {"losses": losses, "accuracies": losses / 9}, status)
    one = np.arange(3.0)
    placed = Projection("r-1", "p", np.array([0, 2, 5]), np.eye(3)[:, :2], one, one, one, one)
    files = export_mesh(Panel(before, paths=(placed,)), tmp_path / "t.csv")
    study = imported(list(files), tmp_path)
    after = study.surface("s")
    for name in before.fields:
        np.testing.assert_array_equal(after.fields[name], before.fields[name])
    np.testing.assert_array_equal(after.status, status)
    again = study.projection("r-1", "s")
    np.testing.assert_array_equal(again.coordinates, placed.coordinates)
    np.testing.assert_array_equal(again.plane_losses, placed.plane_losses)
    assert after.run == "r-1"
    rows = (tmp_path / "t.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join([rows[0], *rows[:1:-1]]))
    partial = imported([tmp_path / "t.csv"], tmp_path / "partial").surface("s")
    assert partial.status[0, 0] == Status.MISSING
    assert partial.losses[3, 3] == losses[3, 3]


def test_li2018_comes_back_as_it_was_exported(tmp_path: Path) -> None:
    status = np.ones(GRID.shape, dtype=np.uint8)
    status[1, 2] = Status.MISSING
    losses = np.where(status == 0, np.nan, LOSSES)
    losses[0, 0] = np.nan
    before = Surface(GRID, {"losses": losses, "accuracies": np.full((5, 7), 0.5)}, status)
    draws = np.random.default_rng(0).standard_normal((3, 10))
    plane = Plane(*draws, Layout((Slot("w", (2, 4)), Slot("b", (2,)))))
    one = np.full(3, np.nan)
    placed = Projection("s", "s", np.arange(3), draws[:, :2], one, one, one, one)
    files = export_li2018(before, tmp_path / "x.h5", plane=plane, placed=placed)
    names = ["x.h5", "x-directions.h5", "x-directions.h5_proj_lstsq.h5"]
    assert [file.name for file in files] == names
    with h5py.File(files[0]) as file:
        assert file["train_loss"].shape == (5, 7)
        assert file["train_loss"][()].ravel()[1] == losses[1, 0]
        assert file["train_acc"][0, 0] == 50
    study = imported(files, tmp_path)
    after = study.surface("s")
    np.testing.assert_array_equal(after.losses, losses)
    np.testing.assert_array_equal(after.status, status)
    np.testing.assert_array_equal(study.plane("s").directions, plane.directions)
    np.testing.assert_array_equal(study.projection("s", "s").coordinates, placed.coordinates)
    with pytest.raises(FileExistsError, match="--force"):
        export_li2018(before, tmp_path / "x.h5", overwrite=False)


def test_what_is_none_of_these_is_explained(tmp_path: Path) -> None:
    for content, match in (
        (pickle.dumps({"a": 1}), "is a pickle"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "pointer of git-lfs"),
        (b"hello", "none of the files that are known"),
        (b"PK\x03\x04 broken", "is damaged"),
        (b"alpha,beta,losses\n1,2\n", "line 2: 3 columns"),
        (b"alpha,beta,losses\n1,2,x\n", "column losses: could not convert"),
    ):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(ValueError, match=match):
            imported([tmp_path / "file"], tmp_path)
    np.savez(tmp_path / "o.npz", loss=np.ones(2), coordinates=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        imported([tmp_path / "o.npz"], tmp_path)
    np.savez_compressed(tmp_path / "b.npz", loss=np.ones((3, 4)), coordinates=np.ones((2, 4)))
    with pytest.raises(ValueError, match="one axis for each row"):
        imported([tmp_path / "b.npz"], tmp_path)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file["xcoordinates"] = X
        file["train_loss"] = h5py.ExternalLink("o.h5", "/x")
    with pytest.raises(ValueError, match="links are not followed"):
        imported([tmp_path / "e.h5"], tmp_path)
    with h5py.File(tmp_path / "h.h5", "w") as file:
        file.create_dataset("xcoordinates", (1 << 50,), "f8", chunks=(1024,))
    with pytest.raises(ValueError, match="more than a file of"):
        imported([tmp_path / "h.h5"], tmp_path)


def test_a_taken_name_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = li_surface(tmp_path / "surf.h5")
    imported([path], tmp_path)
    with pytest.raises(ValueError, match="has surfaces/s already"):
        imported([path], tmp_path)
    assert identifier_of(Path("a/model_300.t7_[-1.0,1.0,51]x.h5")) == "model_300.t7_-1.0_1.0_51_x"
    with StudyWriter(tmp_path / "study.h5") as writer:
        assert writer.has("surfaces/s")


def test_everything_downstream_works_on_an_imported_surface(tmp_path: Path) -> None:
    directions, surface = li_directions(tmp_path / "d.h5"), li_surface(tmp_path / "surf.h5")
    path = tmp_path / "d.h5_proj_lstsq.h5"
    with h5py.File(path, "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = np.linspace([0.9, 0.9], [0, 0], 5).T
    accepted("import", surface, directions, path, "--out", tmp_path / "out")
    study = tmp_path / "out" / "study.h5"
    for arguments in (
        ("info", study),
        ("check", study),
        ("render", study, "--kind", "contour"),
        ("export", study, "--format", "csv"),
        ("export", study, "--format", "li2018", "--out", tmp_path / "back"),
    ):
        accepted(*arguments)
    with h5py.File(tmp_path / "back" / "surf.h5") as back, h5py.File(surface) as file:
        np.testing.assert_array_equal(back["train_loss"][()], file["train_loss"][()])


@pytest.mark.skipif(not REAL.exists(), reason="the file is not here")
def test_a_real_file(tmp_path: Path) -> None:
    surface = imported([REAL], tmp_path).surface("s")
    assert surface.grid.shape == (31, 31)
    with h5py.File(REAL) as file:
        flat = file["train_loss"][()].ravel()
    np.testing.assert_array_equal(surface.losses, flat.reshape(31, 31).T)
    assert np.nanmax(surface.losses) > 1e14
    assert (
        0 <= np.nanmin(surface.fields["accuracies"]) < np.nanmax(surface.fields["accuracies"]) <= 1
    )
