"""Figures of the analyses of a study, each with its caption beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli.choosing import kinked, runs_by_smoothness
from landscape.cli.close_ups import MOST, runs_with_close_ups, series_of, step_close_up
from landscape.cli.pictures import title_of
from landscape.cli.targets import write_captioned
from landscape.records.atomic import writable_folder
from landscape.records.close_up import REMOVED
from landscape.records.naming import RunKey

if TYPE_CHECKING:
    from landscape.records.results import Analysis
    from landscape.store import StudyFile


# Panels of a figure of spectra.
_SPECTRA = 6


def draw_analyses(study: StudyFile, folder: Path, style: Any = "paper") -> list[Path]:
    """Draw everything that was analysed in a study.

    Args:
        study: the study.
        folder: where files go.
        style: of all figures.

    Returns:
        The files written. Without graphics, those that need none.

    Raises:
        ValueError: for a study without analyses.
    """
    folder = writable_folder(folder)
    written = [path for make in (figures, close_up_figures) for name, figure in make(study, style)
               for path in write_captioned(figure, folder / f"{name}.pdf")]  # fmt: skip
    written += _maps(study, folder, style)
    if not written:
        raise ValueError("nothing of this study was analysed yet; leave out --steps 0")
    return written


def figures(study: StudyFile, style: Any = "paper") -> Iterator[tuple[str, Any]]:
    """Yield a name and a figure for slope budgets, curvature, paths, spectra."""
    for draw in (_budgets, _against_scale, _along_path, _spectra):
        yield from draw(study, style)


def _budgets(study: StudyFile, style: Any) -> Iterator[tuple[str, Any]]:
    """Draw budgets, those of all seeds of an activation and optimizer in one row."""
    from landscape.study.analysis_summaries import budgets

    rows = dict[str, list[str]]()
    for run, title in _titles(_in_order(study), seed=False).items():
        rows.setdefault(title, []).append(run)
    for segment, name in (("step", "slope-budget"), ("random", "slope-budget-lines")):
        of_segment = [b for b in budgets(study) if b.settings.get("segment") == segment]
        by_title = {
            title: [b for b in of_segment if b.settings.get("run") in runs]
            for title, runs in rows.items()
        }
        by_title = {title: row for title, row in by_title.items() if row}
        if not by_title:
            continue
        yield name, viz.slope_budgets(by_title, style=style)
        for title, row in by_title.items():
            if any(budget.crossings for budget in row):
                stem = f"{name}-layers-{rows[title][0]}"
                yield stem, viz.layer_budgets(row, style=style)


def _against_scale(study: StudyFile, style: Any) -> Iterator[tuple[str, Any]]:
    scales = _largest(study, "curvature_scale")
    if scales:
        lines = list(scales.values())
        titles, kinds = list(_titles(scales).values()), list(map(kinked, scales))
        yield "curvature-scale", viz.curvature_scale(lines, titles=titles, kinked=kinds,
                                                     style=style)  # fmt: skip


def _along_path(study: StudyFile, style: Any) -> Iterator[tuple[str, Any]]:
    paths = _largest(study, "along_path")
    paths = {title: _with_class(paths[run], run) for run, title in _titles(paths).items()}
    if paths:
        yield "along-path", viz.along_path(paths, style=style)


def _spectra(study: StudyFile, style: Any) -> Iterator[tuple[str, Any]]:
    """Draw spectra of each scale, activations with kinks first; no more than there are colours."""
    from landscape.study.analysis_summaries import scale_of, spectra

    scales: dict[str, dict[str, Analysis]] = {}
    for run in _in_order(study):
        for spectrum in spectra(study, run):
            scales.setdefault(scale_of(spectrum), {})[run] = spectrum
    for scale, by_run in scales.items():
        stem = f"spectrum-scale-{scale}" if scale else "spectrum"
        titles = list(_titles(by_run).values())
        lines = list(by_run.values())
        for start in range(0, len(lines), _SPECTRA):
            part = slice(start, start + _SPECTRA)
            name = f"{stem}-{start // _SPECTRA + 1}" if len(lines) > _SPECTRA else stem
            yield name, viz.spectrum(lines[part], titles=titles[part], style=style)


def _with_class(analysis: Analysis, run: str) -> Analysis:
    """Return the analysis with the class of the activation, whatever was crossed."""
    return replace(analysis, settings={**analysis.settings, "kinked": kinked(run)})


def _maps(study: StudyFile, folder: Path, style: Any) -> Iterator[Path]:
    """Draw the kink curves of the window of a step."""
    from landscape.records.kink_map import KinkMap
    from landscape.viz.kinks.density import kink_density

    for run, analysis in _largest(study, "kink_map").items():
        title, kinks = title_of(run), KinkMap.from_analysis(analysis)
        if (step := step_close_up(study, run)) is not None:
            look = viz.Look(height="linear", style=style)
            figure = viz.kink_contour(viz.Panel(step.on_grid(), title=title), kinks, look)
        else:
            figure = kink_density(kinks, viz.Look(style=style), title=title)
        yield from write_captioned(figure, folder / f"kinks-{run}.pdf")


def close_up_figures(study: StudyFile, style: Any = "paper") -> Iterator[tuple[str, Any]]:
    """Yield a name and a figure of close-ups; none without any, or where nothing can be rendered.

    A figure shows no more networks than stand side by side.
    """
    from landscape.viz.offscreen import ensure

    rows = series_of(study, runs_by_smoothness(study, runs_with_close_ups(study))[:MOST])
    try:
        ensure()
    except RuntimeError:
        return
    look = viz.Look(style=style)
    if rows and len(rows[0]) > 1:
        yield "zoom", viz.zoom(rows, look)
    if rows and rows[0][-1].is_one_step:
        yield "microscope", viz.microscope([row[-1] for row in rows], look, removing=REMOVED)


def _largest(study: StudyFile, kind: str) -> dict[str, Analysis]:
    from landscape.study.analysis_summaries import largest_of

    analyses = {run: largest_of(study, kind, run) for run in _in_order(study)}
    return {run: analysis for run, analysis in analyses.items() if analysis is not None}


def _titles(runs: Iterable[str], *, seed: bool = True) -> dict[str, str]:
    """Return the title of each run, without the optimizer where all have the same."""
    titles = {run: title_of(run, seed=seed) for run in runs}
    if len({RunKey.parse(run).optimizer for run in titles}) > 1:
        return titles
    parts = {run: title.split(", ") for run, title in titles.items()}
    return {run: ", ".join([words[0], *words[2:]]) for run, words in parts.items()}


def _in_order(study: StudyFile) -> list[str]:
    return runs_by_smoothness(study, study.runs())
