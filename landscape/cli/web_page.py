"""Pages for a browser: what of a study goes into one, and under which names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz

if TYPE_CHECKING:
    from landscape.store import StudyFile


def write_page(
    study: StudyFile, chosen: Sequence[str], out: Path | None, *, paths: bool, force: bool
) -> Path:
    """Write surfaces with their paths, kink maps and microscope windows as one page.

    Raises:
        FileExistsError: if the file is there and no such page.
        ValueError: for another suffix.
    """
    target = page_path(out or study.path.parent, f"{study.path.stem}.html")
    check_replaceable(target, force=force)
    records, options = page_of_study(study, ordered(study, chosen), paths=paths)
    return Path(viz.to_html(records, target, **options))


def page_of_study(
    study: StudyFile, chosen: Sequence[str], *, paths: bool = True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the records of a page by their ids, and its options."""
    from landscape.cli import pictures

    runs = {str(study.surface(name).run) for name in chosen}
    kinked = {run for run in runs if _kinked(run)}
    return _records(study, chosen, runs, paths=paths), {
        "title": page_title(study),
        "runs": {run: pictures.title_of(run) for run in runs},
        "kinked": kinked,
        "show": first_shown(study, chosen, kinked),
        "source": study.path.name,
    }


def _records(
    study: StudyFile, chosen: Sequence[str], runs: set[str], *, paths: bool
) -> dict[str, Any]:
    """Return the surfaces and what belongs to them, by their ids."""
    from landscape.cli import pictures
    from landscape.records.kink_map import KIND as KINKS
    from landscape.records.kink_map import KinkMap
    from landscape.study.microscopes import KIND as WINDOWS
    from landscape.study.microscopes import residual_of

    # Surfaces over one plane share its paths.
    once: dict[tuple[str, str], Any] = {}
    found: dict[str, Any] = {}
    for name in chosen:
        one = pictures.panel(study, name)
        own = [once.setdefault((path.run, path.plane), path) for path in one.paths * paths]
        found[name] = replace(one, paths=tuple(own))
    for name in study.analyses(KINKS):
        kinks = KinkMap.from_analysis(study.analysis(KINKS, name))
        if str(kinks.settings.get("run", "")) in {"", *runs}:
            found[f"kinks {name}"] = kinks
    for name in study.analyses(WINDOWS):
        if name in runs:
            found[f"window {name}"] = residual_of(study.analysis(WINDOWS, name))
    return found


def page_title(study: StudyFile) -> str:
    """Return what a study is of, in a few words."""
    named = study.config.get("data", {}) if study.config else {}
    data = str(named.get("name", "")) if isinstance(named, dict) else ""
    return f"Loss landscapes, {data}" if data else f"Loss landscapes, {study.path.stem}"


def first_shown(study: StudyFile, chosen: Sequence[str], kinked: set[str]) -> list[str]:
    """Return a surface of a kinked run and one of a smooth run over planes of one kind.

    The first kinked one, and of the smooth ones GELU if it is there; the first two if there is no
    such pair.
    """
    surfaces = {name: study.surface(name) for name in chosen}
    for name, surface in surfaces.items():
        if str(surface.run) not in kinked:
            continue
        others = [
            other for other, one in surfaces.items()
            if str(one.run) not in kinked and _optimizer(one) == _optimizer(surface)
            and one.settings.get("kind") == surface.settings.get("kind")
        ]  # fmt: skip
        others.sort(key=lambda other: not other.startswith("gelu-"))
        if others:
            return [name, others[0]]
    return list(chosen[:2])


def _optimizer(surface: Any) -> str:
    """Return optimizer and seed of a surface's run."""
    return str(surface.run).partition("-")[2]


def ordered(study: StudyFile, chosen: Sequence[str]) -> list[str]:
    """Return surfaces as pictures show them, one kind of plane after the other."""
    from landscape.cli.pictures import by_kind, by_smoothness

    try:
        return [name for group in by_kind(study, chosen).values()
                for name in by_smoothness(study, group)]  # fmt: skip
    except ValueError:
        # Runs of a user's own names have no activation to be sorted by.
        return list(chosen)


def _kinked(run: str) -> bool:
    from landscape.cli.pictures import kinked

    try:
        return kinked(run)
    except ValueError:
        return False


def page_path(out: Path, name: str) -> Path:
    """Return the file to write: ``out`` itself, or ``name`` in the folder it is.

    Raises:
        ValueError: for a file of another suffix.
    """
    if out.is_dir() or not out.suffix:
        return out / name
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a page is written as .html, got {out.name!r}")
    return out


def check_replaceable(target: Path, *, force: bool) -> None:
    """Check that no file of somebody else is at the place of a page.

    Raises:
        FileExistsError: otherwise.
    """
    from landscape.viz.signature import signed

    if target.exists() and not force and not signed(target):
        raise FileExistsError(
            f"{target} exists and was not written by this program; choose another --out, or "
            "replace it with export --force"
        )


def write_toy(out: Path) -> Path:
    """Write a page that teaches kinks: a network of two parameters, computed in the browser.

    Args:
        out: the file, or its folder.

    Raises:
        FileExistsError: if the file is there and no such page.
        ValueError: for another suffix.
    """
    target = page_path(out, "toy.html")
    check_replaceable(target, force=False)
    return Path(viz.toy_html(target))
