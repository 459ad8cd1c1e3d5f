"""Pictures of a study: which panels, in which order, under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.records.panel import Panel

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.viz import Look


def panel(study: StudyFile, identifier: str) -> Panel:
    """Collect what belongs to a surface: its plane and the paths placed on it.

    Raises:
        KeyError: if there is no such surface.
    """
    surface = study.surface(identifier)
    plane = study.plane(surface.plane) if surface.plane in study.planes() else None
    # The path of the surface's own run comes first.
    placed = [name.rpartition("@") for name in study.projections()]
    runs = sorted({run for run, _, where in placed if where == surface.plane},
                  key=lambda run: (run != surface.run, run))  # fmt: skip
    paths = tuple(study.projection(run, str(surface.plane)) for run in runs)
    return Panel(surface, plane, paths, title_of(surface.run) or identifier)


def title_of(run: str | None, *, seed: bool = True) -> str:
    """Return the activation's usual name, how smooth it is, and the optimizer's name.

    >>> title_of("leaky_relu-gd-seed0")
    'LeakyReLU (kinked), gradient descent'
    """
    if not run:
        return ""
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey

    try:
        key = RunKey.parse(run)
        activation = get(key.activation)
    except ValueError:
        return run
    number = f", seed {key.seed}" if seed and key.seed else ""
    name = f"{activation.label} ({CLASSES.get(activation.smoothness, activation.smoothness)})"
    return f"{name}, {OPTIMIZERS.get(key.optimizer, key.optimizer)}{number}"


CLASSES = {"C0": "kinked", "C-infinity": "smooth"}
OPTIMIZERS = {
    "gd": "gradient descent",
    "sgd": "SGD",
    "momentum": "momentum",
    "nesterov": "Nesterov",
    "adam": "Adam",
    "adamw": "AdamW",
}


def runs_by_smoothness(study: StudyFile, runs: Iterable[str]) -> list[str]:
    """Order runs: kinked activations first, each class as the study lists it; others last."""
    from landscape.records.naming import RunKey

    order = {name: i for i, name in enumerate(study.config.get("activations", []))}

    def rank(run: str) -> tuple[bool, int]:
        try:
            return not kinked(run), order.get(RunKey.parse(run).activation, 0)
        except ValueError:
            # A network of the user's own.
            return True, len(order)

    return sorted(runs, key=rank)


def kinked(run: str) -> bool:
    """Whether the activation of a run has kinks; False where its name tells of none."""
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey

    try:
        return bool(get(RunKey.parse(run).activation).kinks)
    except ValueError:
        return False


def by_smoothness(study: StudyFile, identifiers: Iterable[str]) -> list[str]:
    """Order surfaces by their runs, as :func:`runs_by_smoothness`."""
    runs = {identifier: str(study.surface(identifier).run) for identifier in identifiers}
    order = runs_by_smoothness(study, dict.fromkeys(runs.values()))
    return sorted(runs, key=lambda identifier: order.index(runs[identifier]))


def with_values(study: StudyFile, identifiers: Sequence[str]) -> list[str]:
    """Return the surfaces that have a finite loss, and say which have none.

    Where none has, all are returned: drawing them says what is wrong.
    """
    import numpy as np

    drawn = [i for i in identifiers if np.isfinite(study.surface(i).losses).any()]
    if drawn:
        for identifier in (i for i in identifiers if i not in drawn):
            size = study.surface(identifier).grid.size
            print(f"left out {identifier}: none of its {size:,} losses is finite")
    return drawn or list(identifiers)


def by_kind(study: StudyFile, identifiers: Iterable[str]) -> dict[str, list[str]]:
    """Group surfaces by the kind of their plane: coordinates of different kinds do not compare."""
    groups: dict[str, list[str]] = {}
    for identifier in identifiers:
        one = panel(study, identifier)
        kind = str(one.surface.settings.get("kind") or getattr(one.plane, "kind", "") or "other")
        groups.setdefault(re.sub(r"[^A-Za-z0-9_.+]", "_", kind), []).append(identifier)
    return groups


def draw(
    study: StudyFile,
    identifiers: Iterable[str],
    path: Path,
    kind: str,
    look: Look | None = None,
    *,
    captions: bool = False,
) -> Path:
    """Write one picture of surfaces.

    Args:
        study: the study.
        identifiers: of the surfaces; several are ordered by :func:`by_smoothness`.
        path: of the picture.
        kind: ``surface`` (of one), ``compare``, ``matrix`` or ``contour``.
        look: of all panels.
        captions: whether the caption is written beside, as .tex and .md.

    Raises:
        ValueError: if a run is missing in a matrix, or has two surfaces.
    """
    look = look or viz.Look()
    panels = [panel(study, identifier) for identifier in by_smoothness(study, identifiers)]
    if kind == "surface":
        picture = viz.surface(panels[0], look)
    elif kind == "matrix":
        picture = _matrix(panels, look)
    elif kind == "contour":
        picture = viz.contour(shortened(panels), look)
    else:
        picture = viz.compare(shortened(panels), look)
    written: Path = viz.save(picture, path, caption=captions)
    return written


def shortened(panels: Sequence[Panel]) -> list[Panel]:
    """Leave the optimizer out of the titles of panels where all have the same."""
    optimizers = {one.title.partition(", ")[2] for one in panels}
    if len(optimizers) > 1:
        return list(panels)
    return [replace(one, title=one.title.partition(", ")[0]) for one in panels]


def _matrix(panels: Sequence[Panel], look: Look) -> Any:
    """Draw a row for each activation, a column for each optimizer and seed."""
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey

    keys = [RunKey.parse(str(one.surface.run)) for one in panels]
    rows = list(dict.fromkeys(key.activation for key in keys))
    columns = sorted({(key.optimizer, key.seed) for key in keys})
    placed = {
        (key.activation, key.optimizer, key.seed): one
        for key, one in zip(keys, panels, strict=True)
    }
    every = [[(row, *column) for column in columns] for row in rows]
    absent = [RunKey(*key).name for line in every for key in line if key not in placed]
    if absent or len(placed) < len(panels):
        told = f"missing: {', '.join(absent)}" if absent else "a run has several surfaces"
        raise ValueError(f"a matrix shows one surface of each activation and column; {told}")
    several = len({optimizer for optimizer, _ in columns}) > 1
    return viz.matrix(
        [[placed[key] for key in line] for line in every],
        look,
        row_titles=[get(row).label for row in rows],
        column_titles=[
            f"{OPTIMIZERS.get(optimizer, optimizer)}, seed {seed}" if several else f"seed {seed}"
            for optimizer, seed in columns
        ],
    )


def microscope_figure(study: StudyFile, style: Any = "paper") -> Any:
    """Return the figure of the windows of one optimizer step; None without any."""
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey
    from landscape.study.microscopes import KIND, residual_of

    surfaces = by_smoothness(study, [f"{name}.random" for name in study.analyses(KIND)])
    names = [str(study.surface(identifier).run) for identifier in surfaces]
    if not names:
        return None
    windows = [study.analysis(KIND, name) for name in names]
    closeups = [
        viz.Closeup((residual_of(window),), get(RunKey.parse(name).activation).label,
                    study.surface(identifier), window.settings["noise"])
        for window, name, identifier in zip(windows, names, surfaces, strict=True)
    ]  # fmt: skip
    settings = windows[0].settings
    step = viz.StepFacts(settings["step_run"], settings["step_length"], settings["batch_size"])
    return viz.microscope(closeups, viz.Look(style=style), step=step)


def draw_microscope(study: StudyFile, folder: Path, style: Any = "paper") -> list[Path]:
    """Draw the windows of one optimizer step that a study holds, and write the caption beside."""
    figure = microscope_figure(study, style)
    return [] if figure is None else with_caption(figure, folder / "microscope.png")


def with_caption(picture: Any, path: Path) -> list[Path]:
    """Write a picture, and its caption beside it as Markdown; return both files."""
    from landscape.viz.captions.beside import as_markdown

    words = viz.caption_of(picture)
    # Not with_suffix: names of runs have dots.
    caption = path.with_name(f"{path.name.removesuffix(path.suffix)}.md")
    written = [viz.save(picture, path), caption]
    caption.write_text(as_markdown(words), encoding="utf-8")
    return written
