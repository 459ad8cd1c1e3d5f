"""Pages for a browser: what of a study goes into one, and under which names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli import pictures
from landscape.cli.choosing import (
    by_kind,
    by_smoothness,
    kinked,
    kinked_beside_smooth,
    runs_by_smoothness,
)
from landscape.cli.close_ups import MOST, runs_with_close_ups, series_of, step_close_up
from landscape.cli.targets import check_ours, files_of

if TYPE_CHECKING:
    from landscape.store import StudyFile

_FORMATS = ("html", "htm")


def write_page(
    study: StudyFile, chosen: Sequence[str], out: Path | None, *, paths: bool, force: bool
) -> Path:
    """Write surfaces with their paths, kink maps and microscope windows as one page.

    Raises:
        ValueError: for another suffix, or a file that was not written by this program.
    """
    (target,) = files_of([study.path.stem], out or study.path.parent, _FORMATS, "a page")
    check_ours(target, force=force)
    records, options = page_of_study(study, ordered(study, chosen), paths=paths)
    return Path(viz.to_html(records, target, **options))


def page_of_study(
    study: StudyFile, chosen: Sequence[str], *, paths: bool = True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the records of a page by their ids, and its options."""
    runs = {str(study.surface(name).run) for name in chosen}
    zoomed = [run for run in runs_with_close_ups(study) if run in runs]
    return _records(study, chosen, runs, paths=paths), {
        "title": page_title(study),
        "runs": {run: pictures.title_of(run) for run in runs},
        "kinked": {run for run in runs if kinked(run)},
        "show": kinked_beside_smooth(study, chosen),
        "zoom": series_of(study, runs_by_smoothness(study, zoomed)[:MOST], least=2),
        "source": study.path.name,
    }


def _records(
    study: StudyFile, chosen: Sequence[str], runs: set[str], *, paths: bool
) -> dict[str, Any]:
    """Return the surfaces and what belongs to them, by their ids."""
    from landscape.records.kink_map import KIND as KINKS
    from landscape.records.kink_map import KinkMap
    from landscape.records.residuals import remove_quadratic

    # Surfaces over one plane share its paths.
    once: dict[tuple[str, str], Any] = {}
    records: dict[str, Any] = {}
    for name in chosen:
        panel = pictures.panel(study, name)
        shared = [once.setdefault((path.run, path.plane), path) for path in panel.paths * paths]
        records[name] = replace(panel, paths=tuple(shared))
    for name in study.analyses(KINKS):
        kinks = KinkMap.from_analysis(study.analysis(KINKS, name))
        if str(kinks.settings.get("run", "")) in {"", *runs}:
            records[f"kinks {name}"] = kinks
    for run in runs & set(runs_with_close_ups(study)):
        if (step := step_close_up(study, run)) is not None:
            records[f"window {run}"] = remove_quadratic(step.on_grid())
    return records


def page_title(study: StudyFile) -> str:
    """Return what a study is of, in a few words."""
    named = study.config.get("data", {}) if study.config else {}
    data = str(named.get("name", "")) if isinstance(named, dict) else ""
    return f"Loss landscapes, {data}" if data else f"Loss landscapes, {study.path.stem}"


def ordered(study: StudyFile, chosen: Sequence[str]) -> list[str]:
    """Return surfaces as pictures show them, one kind of plane after the other."""
    return [name for group in by_kind(study, chosen).values()
            for name in by_smoothness(study, group)]  # fmt: skip


def write_toy(out: Path) -> Path:
    """Write a page that teaches kinks: a network of two parameters, computed in the browser.

    Args:
        out: the file, or its folder.

    Raises:
        ValueError: for another suffix, or a file that was not written by this program.
    """
    (target,) = files_of(["toy"], out, _FORMATS, "a page")
    check_ours(target, force=False)
    return Path(viz.toy_html(target))
