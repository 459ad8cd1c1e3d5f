"""Close-ups of a study: ``render``, ``animate`` and ``export`` of what it lacks, and keep it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from calling import accepted, refused

from landscape import open_study
from landscape.records.close_up import CloseUp

pytest.importorskip("imageio_ffmpeg")
RUNS = ("relu-gd-seed0", "gelu-gd-seed0")
FILM = ["--size", "96x64", "--fps", "4", "--seconds", "1"]


@pytest.fixture(scope="module")
def zoomed(tmp_path_factory: pytest.TempPathFactory, rendering_here: None) -> tuple[Path, str]:
    """A study of two runs whose close-ups a picture asked for; what was said then."""
    folder = tmp_path_factory.mktemp("zoomed")
    accepted("run", "--data", "wine", "--activation", "relu", "--activation", "gelu",
             "--set", "network.hidden=[4]", "--set", "training.steps=3", "--grid", "3x3",
             "--out", folder)  # fmt: skip
    said = accepted("render", folder, "--kind", "zoom", "--dpi", 72, "--out", folder / "zoom.png")
    return folder / "study.h5", said


@pytest.fixture(scope="module")
def rendering_here() -> None:
    from landscape.viz import offscreen

    try:
        offscreen.ensure()
    except RuntimeError:
        pytest.skip("VTK finds no OpenGL here")


def stored(path: Path) -> list[str]:
    return open_study(path).analyses("closeup")


def test_a_zoom_samples_what_is_missing_once_and_keeps_it(zoomed: tuple[Path, str]) -> None:
    path, said = zoomed
    assert "wrote" in said
    names = stored(path)
    assert len(names) == 8
    widths = {run: [name for name in names if name.startswith(run)] for run in RUNS}
    assert all(len(group) == 4 for group in widths.values())
    before = path.read_bytes()
    target = path.with_name("again.png")
    accepted("render", path, "--kind", "zoom", "--dpi", 72, "--out", target)
    accepted("render", path, "--kind", "microscope", "--dpi", 72, "--out", target, "--force")
    assert path.read_bytes() == before
    assert "ReLU" in target.with_suffix(".md").read_text("utf-8")


def test_swapped_weights_are_those_of_the_kinked_network(
    zoomed: tuple[Path, str], tmp_path: Path
) -> None:
    path = Path(shutil.copy(zoomed[0], tmp_path / "study.h5"))
    accepted("render", path, "--kind", "swapped", "--dpi", 72, "--out", tmp_path / "a.png")
    (name,) = [name for name in stored(path) if ".swapped." in name]
    study = open_study(path)
    swapped = CloseUp.from_analysis(study.analysis("closeup", name))
    own = CloseUp.from_analysis(study.analysis("closeup", name.replace("swapped", "random")))
    assert (swapped.activation, swapped.weights_of) == ("smelu_0.1", "ReLU")
    assert swapped.width == own.width
    # SmeLU(0.1) rises above ReLU by at most 0.025, and has no kink.
    gap = np.abs(np.sort(swapped.on_grid().losses.ravel()) - np.sort(own.on_grid().losses.ravel()))
    assert 0 < gap.max() < 0.2
    assert swapped.surface.cut_share == 1
    words = (tmp_path / "a.md").read_text("utf-8")
    assert "SmeLU (0.1): the weights and the plane of ReLU, another activation." in words


def test_the_plane_of_two_steps_holds_where_the_optimizer_was(
    zoomed: tuple[Path, str], tmp_path: Path
) -> None:
    path = Path(shutil.copy(zoomed[0], tmp_path / "study.h5"))
    accepted("render", path, "--kind", "steps", "--dpi", 72, "--out", tmp_path / "a.png")
    study = open_study(path)
    (name,) = [name for name in stored(path) if name.startswith(f"{RUNS[0]}.steps.")]
    closeup = CloseUp.from_analysis(study.analysis("closeup", name))
    run = study.trajectory(RUNS[0])
    np.testing.assert_allclose(closeup.path[:2], [[-1, 0], [0, 0]], atol=1e-9)
    lengths = np.linalg.norm(np.diff(run.thetas[-3:].astype(float), axis=0), axis=1)
    assert np.linalg.norm(closeup.path[2]) == pytest.approx(lengths[1] / lengths[0], rel=1e-6)
    # At each place the surface has the loss that training recorded.
    for place, loss in zip(closeup.path, run.losses[-3:], strict=True):
        nearest = np.linalg.norm(closeup.surface.coordinates - place, axis=1).argmin()
        away = place - closeup.surface.coordinates[nearest]
        there = closeup.surface.losses[nearest] + away @ closeup.surface.gradients[nearest]
        assert there == pytest.approx(loss, rel=1e-3)


def test_films_of_close_ups(zoomed: tuple[Path, str], tmp_path: Path) -> None:
    for kind in ("zoom", "microscope"):
        target = tmp_path / f"{kind}.gif"
        accepted("animate", zoomed[0], "--kind", kind, *FILM, "--out", target)
        assert target.read_bytes().startswith(b"GIF8")


def test_close_ups_are_exported_with_the_normals_of_both_sides(
    zoomed: tuple[Path, str], tmp_path: Path
) -> None:
    import pyvista

    accepted("export", zoomed[0], "--kind", "residual", "--format", "vtp", "--out", tmp_path)
    meshes = {run: pyvista.read(tmp_path / f"{run}-residual.vtp") for run in RUNS}
    name = next(name for name in stored(zoomed[0]) if name.startswith(f"{RUNS[0]}.random."))
    widest = max(np.ptp(mesh.points[:, 2]) for mesh in meshes.values())
    assert widest == pytest.approx(0.95, rel=1e-6)
    for mesh in meshes.values():
        scale = np.ptp(mesh["heights"]) / np.ptp(mesh["losses"])
        normals = mesh["Normals"]
        # A block is 2 units wide; the slope of its top is that of the loss, scaled.
        slopes = -normals[:, :2] / normals[:, 2:]
        half = mesh["gradients"][:, 0] * scale / slopes[:, 0]
        np.testing.assert_allclose(half, np.median(half), rtol=1e-4)
    assert name
    accepted("export", zoomed[0], "--kind", "zoom", "--out", tmp_path / "glb")
    assert len(list((tmp_path / "glb").glob("*.glb"))) == 8
    accepted("export", zoomed[0], "--kind", "zoom", "--format", "html", "--out", tmp_path)
    page = (tmp_path / "study.html").read_text("utf-8")
    found = re.search(r'id="lossoscope-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert [n["title"] for n in json.loads(found[1])["zoom"]["networks"]] == ["ReLU", "GELU"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["render", "--kind", "zoom", "--colour", "slope"], "--colour does nothing with --kind"),
        (["render", "--kind", "zoom", "--title", "one"], "give --title once for each of the 2"),
        (
            ["export", "--kind", "zoom", "--format", "stl"],
            "--kind zoom is written as glb, obj, vtp",
        ),
        (["export", "--kind", "residual", "--format", "html"], "is written as glb, obj, vtp, got"),
        (["export", "--kind", "zoom", "--size", "3"], "--size is of surfaces; leave it out with"),
        (["animate", "--kind", "zoom", "--pace", "distance"], "--pace and --height are for a desc"),
    ],
)
def test_what_close_ups_do_not_have_is_refused(
    command: list[str], message: str, zoomed: tuple[Path, str]
) -> None:
    name, *options = command
    before = sorted(zoomed[0].parent.iterdir())
    assert message in refused(name, zoomed[0], *options, alone=False)
    assert sorted(zoomed[0].parent.iterdir()) == before


def test_a_network_of_the_users_own_has_its_close_ups_in_python(tmp_path: Path) -> None:
    import h5py

    surface = tmp_path / "surf.h5"
    with h5py.File(surface, "w") as file:
        file["xcoordinates"], file["ycoordinates"] = np.linspace(-1, 1, 5), np.linspace(-1, 1, 4)
        file["train_loss"] = np.arange(1.0, 21.0).reshape(5, 4)
    accepted("import", surface, "--out", tmp_path / "study.h5", "--name", "other")
    said = refused("render", tmp_path / "study.h5", "--kind", "zoom")
    assert "call landscape.close_ups and viz.zoom" in said
