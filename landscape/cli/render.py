"""``landscape render``: pictures of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Camera, Reference, Seed, Select, Study, Style, Surfaces
from landscape.cli.wiring import bars
from landscape.records.choices import check_known

KINDS = ("surface", "compare", "matrix", "contour")
FIGURE_FORMATS = ("pdf", "svg", "png")


@one_line_errors
def render(
    study: Study,
    surface: Surfaces = None,
    select: Select = "",
    seed: Seed = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="surface: one 3D picture each; compare: one 3D picture with "
            "all on one scale; matrix: the same, a row for each activation; contour: one flat "
            "figure. Without --surface one for each kind of plane.",
        ),
    ] = "surface",
    height: Annotated[
        str, typer.Option("--height", help="log, linear or clipped (linear up to a limit).")
    ] = "log",
    limit: Annotated[
        float | None,
        typer.Option("--limit", help="Loss above which surfaces are cut. [clipped: a quartile]"),
    ] = None,
    colour: Annotated[
        str,
        typer.Option(
            "--colour",
            help="losses, slope, curvature, status, difference, kinks, or a field such as "
            "accuracies.",
        ),
    ] = "losses",
    reference: Reference = None,
    style: Style = "paper",
    camera: Camera = "",
    size: Annotated[
        str, typer.Option("--size", help="Of a 3D panel in inches, as 5.5x4. [the style's]")
    ] = "",
    dpi: Annotated[
        int | None, typer.Option("--dpi", min=1, help="Of 3D pictures. [the style's]")
    ] = None,
    captions: Annotated[
        bool, typer.Option("--captions", help="Write each caption beside, as .tex and .md.")
    ] = False,
    shading: Annotated[
        str, typer.Option("--shading", help="flat, differences or gradient.")
    ] = "flat",
    suffix: Annotated[
        str, typer.Option("--format", help="png; for contour also pdf and svg.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder, or the file of a single picture. [beside the study]"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that this program did not write.")
    ] = False,
) -> None:
    """Draw surfaces of a study, with the optimizer's path. Each 3D picture takes 1 to 3 seconds.

    Surfaces and their ids are listed by 'landscape info STUDY'.
    """
    from landscape.cli import pictures
    from landscape.cli.export import chosen_surfaces
    from landscape.cli.looks import check_ours, look_of, reference_of, styled
    from landscape.records.atomic import writable_folder
    from landscape.store import open_study

    check_known("kind of picture", kind, KINDS)
    check_options(kind, suffix, shading)
    if kind == "contour" and (camera or size or dpi):
        raise ValueError(
            "--camera, --size and --dpi are for 3D pictures; leave them out, or call "
            "'landscape figure --kind contour', which has --width and --dpi"
        )
    source = open_study(study)
    chosen = chosen_surfaces(source, surface, select, seed)
    if not surface:
        chosen = pictures.with_values(source, chosen)
    against = reference_of(source, colour, reference)
    looks = styled(style, camera=camera, size=size, dpi=dpi)
    look = look_of(
        height=height, limit=limit, colour=colour, reference=against, shading=shading, style=looks
    )
    target = _Target(out, source.path.parent, kind, suffix)
    if kind == "surface":
        planned = target.each(chosen)
    else:
        planned = target.grouped({"": chosen} if surface else pictures.by_kind(source, chosen))
    for path, _ in planned:
        check_ours(path, force=force)
    writable_folder(target.folder)
    if kind != "surface":
        for path, group in planned:
            pictures.draw(source, group, path, kind, look, captions=captions)
            print(f"wrote {path}")
        return
    with bars() as shown:
        shown.stage("drawing", len(planned))
        for path, chosen in planned:
            pictures.draw(source, chosen, path, kind, look, captions=captions)
            shown.advance(1)
    for path, _ in planned:
        print(f"wrote {path}")


@dataclass(frozen=True, slots=True)
class _Target:
    """Where pictures go: a folder, or the file of a single one."""

    out: Path | None
    beside: Path
    kind: str
    suffix: str

    @property
    def single(self) -> bool:
        """Whether a file was named."""
        return self.out is not None and bool(self.out.suffix) and not self.out.is_dir()

    @property
    def folder(self) -> Path:
        """Where pictures go."""
        out = self.out or self.beside
        return out.parent if self.single else out

    def each(self, surfaces: Sequence[str]) -> list[tuple[Path, list[str]]]:
        """Return a picture for each surface."""
        return self._checked([(self.folder / f"{name}.png", [name]) for name in surfaces])

    def grouped(self, groups: dict[str, list[str]]) -> list[tuple[Path, list[str]]]:
        """Return a picture for each kind of plane; its name says which if there are several."""
        stem, usual = {"contour": ("contours", "pdf"), "matrix": ("matrix", "png")}.get(
            self.kind, ("comparison", "png")
        )
        planned = []
        for plane, group in groups.items():
            name = stem if len(groups) == 1 else f"{stem}-{plane}"
            planned.append((self.folder / f"{name}.{self.suffix or usual}", group))
        return self._checked(planned)

    def _checked(self, planned: list[tuple[Path, list[str]]]) -> list[tuple[Path, list[str]]]:
        if self.out is None or not self.single:
            return planned
        known = FIGURE_FORMATS if self.kind == "contour" else ("png",)
        if self.out.suffix.removeprefix(".") not in known:
            raise ValueError(f"it is written as {', '.join(known)}, got {self.out.name!r}")
        if self.suffix and self.out.suffix != f".{self.suffix}":
            raise ValueError(f"--format {self.suffix} and --out {self.out.name!r} differ")
        if len(planned) != 1:
            raise ValueError(f"{self.out} is one file, got {len(planned)} pictures; give a folder")
        return [(self.out, planned[0][1])]


def check_options(kind: str, suffix: str, shading: str) -> None:
    """Check that the format and the shading are those of a kind of picture.

    Raises:
        ValueError: otherwise.
    """
    if kind != "contour" and suffix not in ("", "png"):
        raise ValueError(f"3D pictures are written as png, got {suffix!r}; contours as pdf or svg")
    if kind == "contour" and suffix not in ("", *FIGURE_FORMATS):
        raise ValueError(f"contours are written as {', '.join(FIGURE_FORMATS)}, got {suffix!r}")
    if kind == "contour" and shading != "flat":
        raise ValueError("contours have no shading; leave --shading out, or draw a surface")
