"""``landscape export``: surfaces of a study as files of other programs, or as one page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape import viz
from landscape.cli.choosing import chosen_surfaces
from landscape.cli.close_ups import LEVELS, runs_in_close_up, series_of, with_close_ups
from landscape.cli.options import Chosen, Force, check_unused, option
from landscape.cli.remarks import remarks
from landscape.cli.targets import files_of
from landscape.cli.web_page import write_page
from landscape.cli.wiring import bars
from landscape.records.choices import check_known

if TYPE_CHECKING:
    from landscape.records.close_up import Removed
    from landscape.records.panel import Panel
    from landscape.store import StudyFile

_MESH = "Meshes"
FORMATS = ("glb", "obj", "stl", "vtp", "csv", "li2018", "html")
# Where the suffix of the file is another.
_SUFFIXES = {"li2018": "h5"}
# Close-ups of each run that a kind needs.
_LEVELS = {"surface": 0, "zoom": LEVELS, "residual": 1}
_SAMPLES = {
    "csv": "a csv holds the samples as they are",
    "li2018": "li2018 holds the samples as they are",
    "html": "a page has these choices inside",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """How a surface becomes a mesh."""

    height: Annotated[str, option("Scale of heights: auto, log or linear.", _MESH)] = "log"
    normals: Annotated[
        str, option("Normals: gradient, differences or flat. [the best there are]", _MESH)
    ] = ""
    units: Annotated[str, option("Units: picture (proportions as drawn) or data.", _MESH)] = (
        "picture"
    )
    size: Annotated[
        float | None, option("Longer side of the plane. [2; stl 100 (mm)]", _MESH)
    ] = None  # fmt: skip

    def options(self, suffix: str) -> dict[str, Any]:
        """Return the options of a format; a table has none.

        Raises:
            ValueError: for options that would do nothing.
        """
        check_known("height", self.height, ("auto", "log", "linear"))
        if suffix in _SAMPLES:
            check_unused(self, f"is of a mesh: {_SAMPLES[suffix]}; leave it out")
            return {}
        if suffix == "stl" and self.normals:
            raise ValueError("an stl has a normal for each triangle alone; leave out --normals")
        return {"normals": self.normals or None, "units": self.units, "size": self.size}


def export(
    chosen: Chosen,
    mesh: Mesh,
    suffix: Annotated[
        str, option("glb, obj, stl, vtp, csv, li2018 or html.", name="--format")
    ] = "glb",
    kind: Annotated[
        str, option("surface, zoom (close-ups down to one step) or residual (of that step).")
    ] = "surface",
    out: Annotated[
        Path | None, option("Folder, or the file of a single surface. [beside the study]")
    ] = None,
    paths: Annotated[
        bool, option("Write the optimizer's path too.", name="--paths/--no-paths")
    ] = True,
    force: Force = False,
) -> None:
    """Write surfaces as meshes or tables, with the optimizer's path; or as one page for a browser.

    The formats: glb (Blender, the web), obj (any 3D program), stl (a solid to print, without
    paths), vtp (ParaView), csv (every sample), li2018 (HDF5 as of Li et al. 2018), html (a page to
    turn in a browser, which holds everything and opens without a network). Points without a finite
    height are cut out of a mesh. Paths are tubes and lines in GLB and OBJ, and a file <name>-paths
    beside VTP and CSV. A mesh has the surface's own normals if it was sampled with --gradients,
    else those of differences; flat has sharp creases. --kind zoom and residual (glb, obj, vtp)
    write close-ups cut along their kinks, with exact normals on both sides of a crease; a page
    opens on them. Close-ups that the study lacks are sampled first and kept.

    Example: landscape export study --format html
    """
    from landscape.cli import pictures
    from landscape.records.atomic import writable_folder
    from landscape.store import open_study

    check_known("format", suffix, FORMATS)
    check_known("kind", kind, _LEVELS)
    source = open_study(chosen.study)
    names = chosen_surfaces(source, chosen)
    options = mesh.options(suffix)
    if _LEVELS[kind]:
        check_unused(mesh, f"is of surfaces; leave it out with --kind {kind}")
        source = _with_close_ups(source, chosen, kind, suffix)
        if suffix != "html":
            _write_close_ups(source, chosen, out, suffix, kind, force=force)
            return
    if suffix == "html":
        with bars():
            page = write_page(source, names, out, paths=paths, force=force)
        print(f"wrote {page}")
        return
    folder = out or source.path.parent
    targets = files_of(names, folder, [_SUFFIXES.get(suffix, suffix)], f"--format {suffix}")
    shown = [pictures.panel(source, name) for name in names]
    shown = shown if paths else [replace(panel, paths=()) for panel in shown]
    panels = dict(zip(targets, shown, strict=True))
    writable_folder(next(iter(panels)).parent)
    written: list[Path] = []
    with bars() as progress:
        progress.stage("writing", len(panels))
        for target, panel in panels.items():
            written += _write(panel, target, suffix, mesh.height, options, force=force)
            progress.advance(1)
    for path in written:
        print(f"wrote {path}")
    if suffix not in _SAMPLES:
        for text in remarks(dict(zip(names, panels.values(), strict=True)), mesh.height):
            print(text)


def _with_close_ups(study: StudyFile, chosen: Chosen, kind: str, suffix: str) -> StudyFile:
    """Return the study with the close-ups that a kind needs.

    Raises:
        ValueError: for a format that does not show them.
    """
    formats = ("glb", "obj", "vtp", *(["html"] if kind == "zoom" else []))
    if suffix not in formats:
        raise ValueError(f"--kind {kind} is written as {', '.join(formats)}, got {suffix}")
    with bars() as progress:
        return with_close_ups(study, runs_in_close_up(study, chosen), _LEVELS[kind], progress)


def _write_close_ups(
    study: StudyFile, chosen: Chosen, out: Path | None, suffix: str, kind: str, *, force: bool
) -> None:
    """Write every window without its tilt, or those of one step without quadratic on one scale."""
    import numpy as np

    rows = series_of(study, runs_in_close_up(study, chosen))
    zoomed = kind == "zoom"
    closeups = [closeup for row in rows for closeup in (row if zoomed else row[-1:])]
    stems = [f"{c.run}-{kind}" + f"-{c.width:.3g}" * zoomed for c in closeups]
    targets = files_of(stems, out or study.path.parent, [suffix], f"--format {suffix}")
    removing: Removed = "tilt" if zoomed else "quadratic"
    ranges = [float(np.ptp(closeup.without(removing).losses)) for closeup in closeups]
    for closeup, target in zip(closeups, targets, strict=True):
        viz.export_close_up(closeup, target, removing=removing, overwrite=force,
                            largest=0.0 if zoomed else max(ranges))  # fmt: skip
        print(f"wrote {target}")


def _write(
    panel: Panel, target: Path, suffix: str, height: str, options: dict[str, Any], *, force: bool
) -> list[Path]:
    """Write a surface and its paths; return the files."""
    from landscape.store.export_li2018 import export_li2018

    if suffix == "li2018":
        return export_li2018(panel.surface, target, plane=panel.plane,
                             placed=next(iter(panel.paths), None), overwrite=force)  # fmt: skip
    look = viz.Look(height=height)  # type: ignore[arg-type]
    return list(viz.export_mesh(panel, target, look, overwrite=force, **options))
