"""Figures of the analyses of a study, each with its caption beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli.pictures import draw_microscope, kinked, runs_by_smoothness, title_of
from landscape.records.atomic import writable_folder
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
    written = [path for name, figure, words in figures(study, style)
               for path in _written(folder / name, figure, words)]  # fmt: skip
    written += _maps(study, folder, style)
    written += draw_microscope(study, folder, style)
    if not written:
        raise ValueError("nothing of this study was analysed yet; leave out --steps 0")
    return written


def figures(study: StudyFile, style: Any = "paper") -> Iterator[tuple[str, Any, str]]:
    """Yield a name, a figure and its caption for slope budgets, curvature, paths, spectra."""
    for draw in (_budgets, _against_scale, _along_path, _spectra):
        yield from draw(study, style)


def _budgets(study: StudyFile, style: Any) -> Iterator[tuple[str, Any, str]]:
    """Draw budgets, those of all seeds of an activation and optimizer in one row."""
    from landscape.study.analysis_summaries import budgets

    rows = dict[str, list[str]]()
    for run, title in _titles(_in_order(study), seed=False).items():
        rows.setdefault(title, []).append(run)
    for segment, name in (("step", "slope-budget"), ("random", "slope-budget-lines")):
        some = [b for b in budgets(study) if b.settings.get("segment") == segment]
        found = {
            title: [b for b in some if b.settings.get("run") in runs]
            for title, runs in rows.items()
        }
        found = {title: own for title, own in found.items() if own}
        if not found:
            continue
        yield name, viz.slope_budgets(found, style=style), viz.budget_caption(found)
        for title, own in found.items():
            if any(budget.crossings for budget in own):
                stem = f"{name}-layers-{rows[title][0]}"
                yield stem, viz.layer_budgets(own, style=style), viz.layer_caption(own)


def _against_scale(study: StudyFile, style: Any) -> Iterator[tuple[str, Any, str]]:
    found = _largest(study, "curvature_scale")
    if found:
        lines = list(found.values())
        told: dict[str, Any] = {
            "titles": list(_titles(found).values()), "kinked": list(map(kinked, found)),
        }  # fmt: skip
        figure = viz.curvature_scale(lines, **told, style=style)
        yield "curvature-scale", figure, viz.curvature_scale_caption(lines, **told)


def _along_path(study: StudyFile, style: Any) -> Iterator[tuple[str, Any, str]]:
    found = _largest(study, "along_path")
    found = {title: _with_class(found[run], run) for run, title in _titles(found).items()}
    if found:
        yield "along-path", viz.along_path(found, style=style), viz.along_path_caption(found)


def _spectra(study: StudyFile, style: Any) -> Iterator[tuple[str, Any, str]]:
    """Draw spectra of each scale, activations with kinks first; no more than there are colours."""
    from landscape.study.analysis_summaries import scale_of, spectra

    scales: dict[str, dict[str, Analysis]] = {}
    for run in _in_order(study):
        for one in spectra(study, run):
            scales.setdefault(scale_of(one), {})[run] = one
    for scale, found in scales.items():
        stem = f"spectrum-scale-{scale}" if scale else "spectrum"
        titles = list(_titles(found).values())
        lines = list(found.values())
        for start in range(0, len(lines), _SPECTRA):
            part = slice(start, start + _SPECTRA)
            name = f"{stem}-{start // _SPECTRA + 1}" if len(lines) > _SPECTRA else stem
            figure = viz.spectrum(lines[part], titles=titles[part], style=style)
            yield name, figure, viz.spectrum_caption(lines[part])


def _with_class(found: Analysis, run: str) -> Analysis:
    """Return the analysis with the class of the activation, whatever was crossed."""
    return replace(found, settings={**found.settings, "kinked": kinked(run)})


def _maps(study: StudyFile, folder: Path, style: Any) -> Iterator[Path]:
    """Draw the kink curves of the window of a step, and the surface cut along them."""
    from landscape.records.kink_cut_surface import KinkCutSurface
    from landscape.records.kink_map import KinkMap
    from landscape.study.microscopes import window_of

    for run, found in _largest(study, "kink_map").items():
        title, kinks = title_of(run), KinkMap.from_analysis(found)
        if run in study.analyses("microscope"):
            surface = window_of(study.analysis("microscope", run))
            figure = viz.kink_contour(surface, kinks, height="linear", title=title, style=style)
        else:
            figure = viz.kink_density(kinks, title=title, style=style)
        yield from _written(folder / f"kinks-{run}", figure, viz.caption_of(figure))
    cut = _largest(study, "creases")
    if cut:
        try:
            viz.ensure()
        except RuntimeError:
            return
    for run, found in cut.items():
        creases = KinkCutSurface.from_analysis(found)
        residual = creases.minus(creases.quadratic())
        picture = viz.kink_cut_surface(residual, title=title_of(run), style=style)
        words = viz.caption_of(picture)
        yield viz.save(picture, folder / f"creases-{run}.png")
        yield _caption(folder / f"creases-{run}", words)


def _written(stem: Path, figure: Any, words: str) -> Iterator[Path]:
    yield viz.save(figure, stem.with_name(f"{stem.name}.pdf"))
    yield _caption(stem, words)


def _caption(stem: Path, words: str) -> Path:
    caption = stem.with_name(f"{stem.name}.md")
    caption.write_text(viz.as_markdown(words), encoding="utf-8")
    return caption


def _largest(study: StudyFile, kind: str) -> dict[str, Analysis]:
    from landscape.study.analysis_summaries import largest_of

    found = {run: largest_of(study, kind, run) for run in _in_order(study)}
    return {run: one for run, one in found.items() if one is not None}


def _titles(runs: Iterable[str], *, seed: bool = True) -> dict[str, str]:
    """Return the title of each run, without the optimizer where all have the same."""
    titles = {run: title_of(run, seed=seed) for run in runs}
    if len({RunKey.parse(run).optimizer for run in titles}) > 1:
        return titles
    parts = {run: title.split(", ") for run, title in titles.items()}
    return {run: ", ".join([words[0], *words[2:]]) for run, words in parts.items()}


def _in_order(study: StudyFile) -> list[str]:
    return runs_by_smoothness(study, study.runs())
