"""``landscape export``: surfaces of a study as files of other programs, or as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape import viz
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Seed, Select, Study, Surfaces, option
from landscape.cli.web_page import write_page
from landscape.cli.wiring import bars
from landscape.records.choices import check_known

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
    surface: Surfaces = None,
    select: Select = "",
    seed: Seed = None,
    suffix: Annotated[
        str,
        option(
            "Format: glb (Blender, the web), obj (any 3D program), stl (a solid to print, "
            "without paths), vtp (ParaView), csv (a table of every sample), li2018 (HDF5 as"
            " of Li et al. 2018) or html (all in one page, to turn in a browser).",
            name="--format",
        ),
    ] = "glb",
    out: Annotated[
        Path | None, option("Folder, or the file of a single surface. [beside the study]")
    ] = None,
    height: Annotated[str, option("Scale of heights: log or linear.")] = "log",
    shading: Annotated[
        str,
        option(
            "Normals of a mesh: gradient, differences, or flat for sharp creases. [gradient"
            " if the surface has it, else differences]"
        ),
    ] = "",
    units: Annotated[
        str, option("Units of a mesh: picture (proportions as drawn) or data.")
    ] = "picture",
    size: Annotated[
        float | None, option("Longer side of the plane in a mesh. [2; stl 100 (mm)]")
    ] = None,
    paths: Annotated[
        bool, option("Write the optimizer's path too.", name="--paths/--no-paths")
    ] = True,
    force: Annotated[
        bool, option("Replace files that this program did not write.", name="--force")
    ] = False,
) -> None:
    """Write surfaces as meshes or tables, with the optimizer's path; or as one page for a browser.

    The page holds everything and opens without a network. Points without a finite height are cut
    out of a mesh. Paths are tubes and lines in GLB and OBJ, and a file <name>-paths beside VTP and
    CSV.
    """
    from landscape.cli import pictures
    from landscape.cli.looks import look_of
    from landscape.records.atomic import writable_folder
    from landscape.store import open_study
    from landscape.store.export_li2018 import export_li2018

    check_known("format", suffix, FORMATS)
    source = open_study(study)
    chosen = chosen_surfaces(source, surface, select, seed)
    if suffix == "html":
        _options(suffix, height=height, shading=shading, units=units, size=size)
        with bars():
            page = write_page(source, chosen, out, paths=paths, force=force)
        print(f"wrote {page}")
        return
    targets = _targets(source, chosen, out, suffix)
    options = _options(suffix, height=height, shading=shading, units=units, size=size)
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
                replace(one, paths=placed),
                target,
                look_of(height=height),
                overwrite=force,
                **options,
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
    from landscape.cli.choosing import selected

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
    check_known("height", height, ("log", "linear"))
    if suffix in _SAMPLES:
        if shading or size is not None or units != "picture" or height != "log":
            raise ValueError(
                f"{_SAMPLES[suffix]}; leave out --height, --shading, --units and --size"
            )
        return {}
    if suffix == "stl" and shading:
        raise ValueError("an stl has a normal for each triangle alone; leave out --shading")
    return {"normals": shading or None, "units": units, "size": size}
