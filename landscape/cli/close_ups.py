"""Close-ups of a study: which runs they are of, and what the file lacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from landscape.cli.choosing import (
    by_kind,
    chosen_surfaces,
    key_of,
    kinked,
    kinked_beside_smooth,
)
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.cli.options import Chosen
    from landscape.records.close_up import CloseUp
    from landscape.store import StudyFile
    from landscape.study.reporting import Reporter
    from landscape.study.study_close_ups import Of

# Windows of a zoom, and networks that are told apart side by side.
LEVELS, MOST = 4, 4


def runs_in_close_up(study: StudyFile, chosen: Chosen) -> list[str]:
    """Return the runs that are chosen, or one with kinks and a smooth one.

    Raises:
        ValueError: for more than fit, or a run that has no random plane of the study's own.
    """
    surfaces = chosen_surfaces(study, chosen)
    if not (chosen.surface or chosen.select):
        groups = by_kind(study, surfaces)
        surfaces = kinked_beside_smooth(study, groups.get("random", surfaces))
    runs = list(dict.fromkeys(str(study.surface(name).run) for name in surfaces))
    for run in runs:
        if key_of(run) is None or f"{run}.random" not in study.planes():
            raise ValueError(
                f"close-ups are of runs that 'landscape run' trained, over their random planes; "
                f"got {run}; for a network of your own call landscape.close_ups and viz.zoom"
            )
    if len(runs) > MOST:
        raise ValueError(f"at most {MOST} networks stand side by side, got {', '.join(runs)}; "
                         "choose some with --select")  # fmt: skip
    return runs


def series_of(
    study: StudyFile, runs: Sequence[str], *, of: str = "random", least: int = 1
) -> list[list[CloseUp]]:
    """Return the stored close-ups of runs, widest first: those windows that all of them have.

    Args:
        study: the study.
        runs: of which.
        of: what they are of, see :class:`landscape.study.study_close_ups.CloseUpsOfRun`.
        least: of fewer windows nothing is returned.
    """
    from landscape.records.close_up import KIND, CloseUp

    by_run: dict[str, dict[str, CloseUp]] = {run: {} for run in runs}
    for name in study.analyses(KIND):
        run, what, width = _parts(name)
        if run in by_run and what == of:
            by_run[run][width] = CloseUp.from_analysis(study.analysis(KIND, name))
    common = set.intersection(*map(set, by_run.values())) if by_run else set()
    if len(common) < least:
        return []
    widths = sorted(common, key=float, reverse=True)
    return [[windows[width] for width in widths] for windows in by_run.values()]


def step_close_up(study: StudyFile, run: str) -> CloseUp | None:
    """Return the stored window of one optimizer step around a run; None without one."""
    rows = series_of(study, [run])
    return rows[0][-1] if rows and rows[0][-1].is_one_step else None


def runs_with_close_ups(study: StudyFile) -> list[str]:
    """Return the runs of which a study holds close-ups of the random plane."""
    from landscape.records.close_up import KIND

    parts = [_parts(name) for name in study.analyses(KIND)]
    return list(dict.fromkeys(run for run, what, _ in parts if what == "random"))


def _parts(name: str) -> tuple[str, str, str]:
    """Return run, what it is of, and width from an id, as ``relu-gd-seed0.random.0.0018.81``."""
    run, of, rest = name.split(".", 2)
    return run, of, rest.rpartition(".")[0]


def with_close_ups(
    study: StudyFile, runs: Sequence[str], levels: int, progress: Reporter, *, of: Of = "random"
) -> StudyFile:
    """Return the study with close-ups of runs; those that it lacks are sampled and stored.

    Args:
        study: the study.
        runs: of which.
        levels: windows, from the whole surface down to one step; 1 for one step alone.
        progress: hears of it.
        of: what they are of, see :func:`series_of`.

    Raises:
        ValueError: if the data are not those that the study was trained on.
    """
    from landscape.cli.wiring import configuration_of, load_data
    from landscape.store import open_study
    from landscape.study.analyses import Wanted, add_analyses

    if of == "swapped":
        # Only a kinked activation has its smooth copy in a picture.
        runs = [run for run in runs if kinked(run)]
    if not runs or series_of(study, runs, of=of, least=levels):
        return study
    progress.note(f"sampling {counted(levels, 'close-up')} of each of {', '.join(runs)} first, cut "
                  f"along kinks; about {15 * levels * len(runs)} seconds for small networks, kept "
                  "in the study")  # fmt: skip
    add_analyses(study, configuration_of(study), Wanted(steps=0, zoom=levels, zoom_of=(of,)),
                 load_data=load_data, runs=runs, reporter=progress)  # fmt: skip
    return open_study(study.path)
