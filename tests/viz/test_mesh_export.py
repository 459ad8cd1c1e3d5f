"""Files for other programs, each read back by something that did not write it."""

from __future__ import annotations

import csv
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.height import surface_heights
from landscape.viz.geometry.mesh import normals, triangles
from landscape.viz.meshes.mesh_files import FORMATS, written_here
from landscape.viz.style import PAPER

GRID = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
PATH = make_path(
    np.array([[-0.9, -1.5], [-0.2, 0.5], [-0.2, 0.5], [5.0, 0.5], [0.5, 1.0], [0.9, 1.6]]),
    np.array([90.0, 60.0, 60.0, 50.0, 40.0, 30.0]),
)


@pytest.fixture
def holed() -> Surface:
    """exp(alpha - beta / 2) on 5 x 9 points with exact slopes, one of them NaN, one failed."""
    alpha, beta = np.meshgrid(*GRID.axes, indexing="ij")
    losses = np.exp(alpha - beta / 2)
    status = np.full(GRID.shape, Status.EVALUATED, dtype=np.uint8)
    fields = {"losses": losses, "gradient_alpha": losses.copy(), "gradient_beta": -losses / 2}
    losses[1, 1] = np.nan
    status[4, 8] = Status.FAILED
    return Surface(GRID, fields, status, run="relu-gd-seed0", plane="p")


@pytest.fixture
def trimesh() -> Any:
    return pytest.importorskip("trimesh")


def document(path: Path) -> dict[str, Any]:
    """The JSON of a GLB, its lengths checked against the container's."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<III", data)
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    size, kind = struct.unpack_from("<II", data, 12)
    assert (kind, size % 4) == (0x4E4F534A, 0)
    rest, binary = struct.unpack_from("<II", data, 20 + size)
    assert (binary, 28 + size + rest) == (0x004E4942, len(data))
    return dict(json.loads(data[20 : 20 + size]))


def found(place: np.ndarray, known: dict[str, Any]) -> np.ndarray:
    """The value of a coordinate, as the file says to find it."""
    axis = {"x": 0, "y": 1, "z": 2}[known["axis"][1]]
    sign = -1.0 if known["axis"][0] == "-" else 1.0
    return np.asarray(sign * place[:, axis] / known["scale"] + known["origin"])


def expected(surface: Surface, paths: Any = ()) -> tuple[np.ndarray, np.ndarray]:
    """Heights [n] and picture normals [n, 3] of the points in some cell, in the grid's order."""
    height = surface_heights(surface, "log")
    used = np.unique(triangles(height))
    frame = Frame.around([surface], HeightScale.of([surface], paths=paths), PAPER)
    return height.ravel()[used], normals(surface, frame, height, "gradient").reshape(-1, 3)[used]


def srgb(linear: np.ndarray) -> np.ndarray:
    high = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, high)


def test_a_glb_has_the_surface_with_normals_and_colours(
    holed: Surface, trimesh: Any, tmp_path: Path
) -> None:
    viz.export_mesh(Panel(holed, paths=(PATH,)), tmp_path / "a.glb")
    scene = trimesh.load(tmp_path / "a.glb", process=False)
    mesh = scene.geometry["surface"]
    heights, upright = expected(holed, [PATH])
    # One corner point is in no other cell; (1, 1) has four cells, (4, 8) one.
    assert len(mesh.faces) == 2 * (4 * 8 - 4 - 1)
    extras = document(tmp_path / "a.glb")["nodes"][0]["extras"]
    where = extras["coordinates"]
    np.testing.assert_allclose(found(mesh.vertices, where["height"]), heights, atol=1e-6)
    alpha, beta = (found(mesh.vertices, where[n]) for n in ("alpha", "beta"))
    np.testing.assert_allclose(heights, (alpha - beta / 2) / np.log(10), atol=1e-6)
    turned = np.stack([upright[:, 0], upright[:, 2], -upright[:, 1]], axis=1)
    np.testing.assert_allclose(mesh.vertex_normals, turned, atol=1e-6)
    scale = HeightScale.of([holed], paths=[PATH])
    share = (heights - scale.low) / (scale.high - scale.low)
    colours = mesh.visual.vertex_attributes["color"] / 65535
    np.testing.assert_allclose(
        srgb(colours[:, :3]), matplotlib.colormaps["viridis"](share)[:, :3], atol=2e-4
    )
    assert extras["left_out"] == {"not evaluated": 1, "NaN or infinite": 1}
    assert extras["run"] == "relu-gd-seed0"


def test_every_triangle_of_a_glb_faces_its_normals(
    holed: Surface, trimesh: Any, tmp_path: Path
) -> None:
    """The turn to y up is a rotation: it leaves right hands right hands."""
    viz.export_mesh(Panel(holed, paths=(PATH,)), tmp_path / "a.glb")
    for mesh in trimesh.load(tmp_path / "a.glb", process=False).geometry.values():
        faces = mesh.face_normals
        for corner in range(3):
            assert np.all(np.sum(faces * mesh.vertex_normals[mesh.faces[:, corner]], axis=1) > 0)


def test_paths_of_a_glb_are_lines_through_the_true_losses_inside_tubes(
    oblong: Surface, trimesh: Any, tmp_path: Path
) -> None:
    viz.export_mesh(Panel(oblong, paths=(PATH, PATH)), tmp_path / "a.glb")
    whole = document(tmp_path / "a.glb")
    names = [node["name"] for node in whole["nodes"]]
    kinds = ["tube", "line", "start", "end"]
    run = "relu-gd-seed0"
    assert names == ["surface", *(f"{n} {k}" for n in (run, f"{run}-2") for k in kinds)]
    # The fourth record lies outside: two pieces, of 3 and 2 records.
    line = whole["meshes"][2]["primitives"]
    accessors = whole["accessors"]
    assert [accessors[p["indices"]]["count"] for p in line] == [3, 2]
    assert [p["mode"] for p in line] == [3, 3]
    view = whole["bufferViews"][accessors[line[0]["attributes"]["POSITION"]]["bufferView"]]
    start = 28 + len(json_chunk(tmp_path / "a.glb")) + view["byteOffset"]
    data = (tmp_path / "a.glb").read_bytes()[start : start + view["byteLength"]]
    points = np.frombuffer(data, "<f4").reshape(-1, 3)
    where = whole["nodes"][0]["extras"]["coordinates"]
    kept = [0, 1, 2, 4, 5]
    np.testing.assert_allclose(found(points, where["alpha"]), PATH.coordinates[kept, 0], atol=1e-5)
    np.testing.assert_allclose(found(points, where["beta"]), PATH.coordinates[kept, 1], atol=1e-5)
    wanted = np.log10(PATH.losses[kept])
    np.testing.assert_allclose(found(points, where["height"]), wanted, atol=1e-5)
    tube = trimesh.load(tmp_path / "a.glb").geometry[f"{run} tube"]
    tube.merge_vertices(merge_norm=True, merge_tex=True)
    assert tube.is_watertight
    assert tube.volume > 0
    assert len(tube.split()) == 2


def json_chunk(path: Path) -> bytes:
    data = path.read_bytes()
    return data[20 : 20 + struct.unpack_from("<I", data, 12)[0]]


def test_flat_shading_leaves_normals_to_the_reader(oblong: Surface, tmp_path: Path) -> None:
    viz.export_mesh(oblong, tmp_path / "a.glb", normals="flat")
    primitive = document(tmp_path / "a.glb")["meshes"][0]["primitives"][0]
    assert set(primitive["attributes"]) == {"POSITION", "COLOR_0"}


def test_data_units_are_the_coordinates_themselves(
    holed: Surface, trimesh: Any, tmp_path: Path
) -> None:
    viz.export_mesh(holed, tmp_path / "a.glb", units="data")
    mesh = trimesh.load(tmp_path / "a.glb", process=False).geometry["surface"]
    heights, _ = expected(holed)
    np.testing.assert_allclose(mesh.vertices[:, 1], heights, atol=1e-6)
    assert mesh.bounds[:, [0, 2]].tolist() == [[-1.0, -2.0], [1.0, 2.0]]
    # The plane of log losses has one normal: (-1, 1/2) / ln 10, and 1 upwards.
    slope = np.array([-1.0, np.log(10), -0.5]) / np.linalg.norm([1.0, np.log(10), 0.5])
    np.testing.assert_allclose(mesh.vertex_normals - slope, 0, atol=1e-6)


def test_an_obj_has_colours_normals_and_lines(holed: Surface, trimesh: Any, tmp_path: Path) -> None:
    viz.export_mesh(holed, tmp_path / "a.obj")
    mesh = trimesh.load(tmp_path / "a.obj", process=False, maintain_order=True)
    heights, upright = expected(holed)
    scale = HeightScale.of([holed])
    rise = 2 * PAPER.height / (scale.high - scale.low)
    np.testing.assert_allclose(mesh.vertices[:, 1], (heights - scale.low) * rise, atol=1e-8)
    assert len(mesh.faces) == 54
    turned = np.stack([upright[:, 0], upright[:, 2], -upright[:, 1]], axis=1)
    np.testing.assert_allclose(mesh.vertex_normals, turned, atol=1e-5)
    share = (heights - scale.low) / (scale.high - scale.low)
    wanted = np.round(255 * matplotlib.colormaps["viridis"](share))
    np.testing.assert_allclose(mesh.visual.vertex_colors, wanted, atol=1)
    viz.export_mesh(
        Panel(
            holed, paths=(make_path(np.array([[0.0, 0.0], [0.1, 0.1], [0.2, 0.2]]), np.ones(3)),)
        ),
        tmp_path / "b.obj",
    )
    lines = (tmp_path / "b.obj").read_text().splitlines()
    objects = [line[2:] for line in lines if line.startswith("o ")]
    assert objects[:3] == ["surface", "relu-gd-seed0_tube", "relu-gd-seed0_line"]
    vertices = [line.split()[1:4] for line in lines if line.startswith("v ")]
    (strip,) = [line.split()[1:] for line in lines if line.startswith("l ")]
    xs = [float(vertices[int(number) - 1][0]) for number in strip]
    np.testing.assert_allclose(xs, np.array([0, 0.1, 0.2]) / 2, atol=1e-8)


def test_a_vtp_has_only_the_end_of_a_path_beside_its_plane(holed: Surface, tmp_path: Path) -> None:
    import pyvista

    off = 50 * np.linalg.norm(PATH.coordinates, axis=1)
    beside = replace(PATH, off_plane_distances=off, distances=off)
    _, lines = viz.export_mesh(Panel(holed, paths=(beside, PATH)), tmp_path / "a.vtp", units="data")
    mesh = pyvista.read(lines)
    own = mesh["path"] == 0
    assert mesh["steps"][own].tolist() == [PATH.steps[-1]]
    assert (~own).sum() == len(PATH.steps)


def test_a_vtp_has_every_field_in_double_precision(holed: Surface, tmp_path: Path) -> None:
    import pyvista

    written = viz.export_mesh(Panel(holed, paths=(PATH, PATH)), tmp_path / "a.vtp", units="data")
    assert [path.name for path in written] == ["a.vtp", "a-paths.vtp"]
    mesh = pyvista.read(written[0])
    heights, upright = expected(holed)
    assert mesh.n_cells == 54
    assert set(mesh.point_data) == {"alphas", "betas", "heights", "losses", "gradient_alpha",
                                    "gradient_beta", "status", "Normals"}  # fmt: skip
    np.testing.assert_allclose(mesh.points[:, 2], heights, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(mesh["losses"], np.exp(mesh["alphas"] - mesh["betas"] / 2))
    np.testing.assert_allclose(mesh.points[:, 0], mesh["alphas"], atol=1e-15)
    assert upright.shape == mesh["Normals"].shape
    where = json.loads(mesh.field_data["coordinates"][0])
    assert (where["alpha"]["scale"], where["height"]["origin"]) == pytest.approx((1.0, 0.0))
    paths = pyvista.read(written[1])
    assert paths.n_points == 2 * 6
    assert paths.n_lines == 2
    np.testing.assert_array_equal(paths["losses"], np.tile(PATH.losses, 2))
    np.testing.assert_array_equal(paths["path"], np.repeat([0, 1], 6))
    assert list(paths.lines[:7]) == [6, 0, 1, 2, 3, 4, 5]


def test_records_without_a_height_part_the_lines_of_a_vtp(oblong: Surface, tmp_path: Path) -> None:
    import pyvista

    losses = np.array([5.0, 4.0, np.nan, 3.0, 2.0, np.inf])
    path = make_path(np.zeros((6, 2)), losses)
    viz.export_mesh(Panel(oblong, paths=(path,)), tmp_path / "a.vtp")
    mesh = pyvista.read(tmp_path / "a-paths.vtp")
    assert mesh["steps"].tolist() == [0, 1, 3, 4]
    assert mesh.lines.tolist() == [2, 0, 1, 2, 2, 3]


def test_a_csv_has_every_sample_bit_by_bit(holed: Surface, tmp_path: Path) -> None:
    written = viz.export_mesh(Panel(holed, paths=(PATH,)), tmp_path / "a.csv")
    with written[0].open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["alpha", "beta", "losses", "gradient_alpha", "gradient_beta", "status"]
    values = np.array(rows, dtype=float).T.reshape(6, *GRID.shape)
    np.testing.assert_array_equal(values[2], holed.losses)
    np.testing.assert_array_equal(values[5], holed.status)
    np.testing.assert_array_equal(values[0], np.repeat(GRID.axes[0], 9).reshape(5, 9))
    np.testing.assert_array_equal(values[1, 0], GRID.axes[1])
    with written[1].open(newline="") as file:
        records = list(csv.DictReader(file))
    assert [float(r["losses"]) for r in records] == PATH.losses.tolist()
    assert {r["run"] for r in records} == {"relu-gd-seed0"}


def test_a_line_is_a_table_but_no_mesh(tmp_path: Path) -> None:
    grid = Grid((np.linspace(-1, 1, 5),))
    line = make_surface(grid.axes[0] ** 2, grid)
    viz.export_mesh(line, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == [
        "alpha,losses,status",
        "-1.0,1.0,1",
    ]
    with pytest.raises(ValueError, match="must have 2 axes"):
        viz.export_mesh(line, tmp_path / "a.glb", viz.Look(height="linear"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_are_the_same_every_time_and_known_as_ours(
    suffix: str, oblong: Surface, tmp_path: Path
) -> None:
    first = viz.export_mesh(Panel(oblong, paths=(PATH,)), tmp_path / f"a.{suffix}")
    before = [path.read_bytes() for path in first]
    again = viz.export_mesh(Panel(oblong, paths=(PATH,)), tmp_path / f"a.{suffix}")
    assert [path.read_bytes() for path in again] == before
    assert all(map(written_here, first))
    (tmp_path / f"b.{suffix}").write_bytes(b"mine")
    assert not written_here(tmp_path / f"b.{suffix}")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.fbx", {}, "unknown format 'fbx'; known: glb, obj, stl, vtp, csv"),
        ("a", {}, "unknown format ''"),
        ("a.glb", {"units": "metres"}, "unknown units 'metres'; known: picture, data"),
        ("a.glb", {"look": viz.Look(colour="slope")}, "a mesh file is coloured by the losses"),
        ("a.glb", {"normals": "phong"}, "unknown shading 'phong'; known: flat"),
        ("a.stl", {"size": -1.0}, "size must be finite and > 0, got -1.0"),
        ("a.stl", {"size": 50.0, "units": "data"}, "leave out size"),
        ("a.obj", {"normals": "gradient"}, "needs the field 'gradient_alpha'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    name: str, options: dict[str, Any], message: str, oblong: Surface, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        viz.export_mesh(oblong, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_surface_without_a_whole_cell_is_no_mesh(oblong: Surface, tmp_path: Path) -> None:
    losses = np.full(oblong.grid.shape, np.nan)
    losses[::2, ::2] = 1.0
    with pytest.raises(ValueError, match="a cell with four finite heights"):
        viz.export_mesh(make_surface(losses, oblong.grid), tmp_path / "a.glb")


def test_a_clipped_height_is_refused(oblong: Surface, tmp_path: Path) -> None:
    """The file would hold a whole surface whose colours and paths end at the limit."""
    scale = viz.HeightScale.of([oblong], kind="linear", limit=50.0)
    with pytest.raises(ValueError, match="a clipped height cuts it; give log, linear"):
        viz.export_mesh(oblong, tmp_path / "x.glb", viz.Look(height=scale))
    assert list(tmp_path.iterdir()) == []
