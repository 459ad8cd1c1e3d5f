"""``landscape export``: surfaces of a study as files of other programs, or as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.cli.looks import selected
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Seed, Select, Study
from landscape.cli.web_page import write_page
from landscape.cli.wiring import bars

if TYPE_CHECKING:
    from landscape.store import StudyFile

FORMATS = ("glb", "obj", "stl", "vtp", "csv", "li2018", "html")
# Where the suffix of the file is another.
_SUFFIXES = {"li2018": "h5"}
_SAMPLES = {
    "csv": "a csv holds the samples as they are",
    "li2018": "li2018 holds the samples as they are",
    "html": "a page has these choices inside",
}


@one_line_errors
def export(
    study: Study,
    surface: Annotated[
        list[str] | None, typer.Option("--surface", help="Surface id. Repeat. [all over planes]")
    ] = None,
    select: Select = "",
    seed: Seed = None,
    suffix: Annotated[
        str,
        typer.Option(
            "--format",
            help="glb: Blender, the web; obj: any 3D program; stl: a solid to print, without "
            "paths; vtp: ParaView; csv: a table of every sample; li2018: HDF5 as of Li et al. "
            "2018; html: all in one page, to turn in a browser.",
        ),
    ] = "glb",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder, or the file of a single surface. [beside the study]"),
    ] = None,
    height: Annotated[str, typer.Option("--height", help="log or linear.")] = "log",
    shading: Annotated[
        str,
        typer.Option(
            "--shading",
            help="Normals: gradient, differences, or flat for sharp creases. "
            "[gradient if the surface has it, else differences]",
        ),
    ] = "",
    units: Annotated[
        str,
        typer.Option("--units", help="picture: proportions as drawn; data: alpha, beta, height."),
    ] = "picture",
    size: Annotated[
        float | None,
        typer.Option("--size", help="Longer side of the plane in the file. [2; stl 100 (mm)]"),
    ] = None,
    paths: Annotated[
        bool, typer.Option("--paths/--no-paths", help="With the optimizer's path.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that this command did not write.")
    ] = False,
) -> None:
    """Write surfaces as meshes or tables, with the optimizer's path; or as one page for a browser.

    The page holds everything and opens without a network.
    Points without a finite height are cut out of a mesh. Paths are tubes and lines in GLB and OBJ,
    and a file <name>-paths beside VTP and CSV. Surfaces are listed by 'landscape info STUDY'.
    """
    from landscape.cli import pictures
    from landscape.records.atomic import writable_folder
    from landscape.store import open_study
    from landscape.store.export_li2018 import export_li2018

    if suffix not in FORMATS:
        raise ValueError(f"unknown format {suffix!r}; known: {', '.join(FORMATS)}")
    source = open_study(study)
    chosen = chosen_surfaces(source, surface, select, seed)
    if suffix == "html":
        _options(suffix, height=height, shading=shading, units=units, size=size)
        print(f"wrote {write_page(source, chosen, out, paths=paths, force=force)}")
        return
    targets = _targets(source, chosen, out, suffix)
    options = _options(suffix, height=height, shading=shading, units=units, size=size)
    viz = pictures.own_viz()
    panels = [pictures.panel(source, identifier) for identifier in targets]
    writable_folder(next(iter(targets.values())).parent)
    written: list[Path] = []
    with bars() as shown:
        shown.stage("writing", len(panels))
        for one, target in zip(panels, targets.values(), strict=True):
            placed = one.paths if paths else ()
            if suffix == "li2018":
                written += export_li2018(
                    one.surface, target, plane=one.plane, placed=next(iter(placed), None),
                    overwrite=force,
                )  # fmt: skip
                shown.advance(1)
                continue
            written += viz.export_mesh(
                replace(one, paths=placed), target, viz.Look(height), overwrite=force, **options
            )
            shown.advance(1)
    for path in written:
        print(f"wrote {path}")


def chosen_surfaces(
    study: StudyFile, named: Sequence[str] | None, pattern: str, seed: int | None = None
) -> list[str]:
    """Return the ids of surfaces that are named or match a pattern; all over planes by default.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
    if named and (pattern or seed is not None):
        raise ValueError("--surface names surfaces, --select matches them; give one of the two")
    if named:
        return list(dict.fromkeys(named))
    return selected(study, pattern, seed)


def _targets(
    study: StudyFile, chosen: Sequence[str], out: Path | None, suffix: str
) -> dict[str, Path]:
    """Return the file of each surface."""
    folder = out or study.path.parent
    suffix = _SUFFIXES.get(suffix, suffix)
    if out is not None and out.suffix == f".{suffix}" and not out.is_dir():
        if len(chosen) != 1:
            raise ValueError(
                f"{out} is one file, got {len(chosen)} surfaces; choose one with --surface, or "
                "give a folder"
            )
        return {chosen[0]: out}
    if out is not None and out.suffix.removeprefix(".") in (*FORMATS, "h5") and not out.is_dir():
        raise ValueError(f"--out must end in .{suffix} for --format {suffix}, got {out.name!r}")
    return {name: folder / f"{name}.{suffix}" for name in chosen}


def _options(
    suffix: str, *, height: str, shading: str, units: str, size: float | None
) -> dict[str, Any]:
    """Return the options of a mesh; a table has none.

    Raises:
        ValueError: for options that would do nothing.
    """
    if height not in ("log", "linear"):
        raise ValueError(f"unknown height {height!r}; known: log, linear")
    if suffix in _SAMPLES:
        if shading or size is not None or units != "picture" or height != "log":
            raise ValueError(
                f"{_SAMPLES[suffix]}; leave out --height, --shading, --units and --size"
            )
        return {}
    if suffix == "stl" and shading:
        raise ValueError("an stl has a normal for each triangle alone; leave out --shading")
    return {"normals": shading or None, "units": units, "size": size}
