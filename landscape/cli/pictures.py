"""Pictures of a study: which panels, in which order, under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli.looks import Look

if TYPE_CHECKING:
    from landscape.store import StudyFile


@dataclass(frozen=True, slots=True)
class Panel:
    """A surface with what is drawn on it."""

    surface: Any
    plane: Any
    paths: tuple[Any, ...]
    title: str


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


def draw_each(
    study: StudyFile, identifiers: Iterable[str], folder: Path, look: Look | None = None
) -> Iterator[Path]:
    """Write one 3D picture per surface, yielding each path."""
    for identifier in identifiers:
        yield draw_one(study, identifier, folder / f"{identifier}.png", look)


def draw_one(study: StudyFile, identifier: str, path: Path, look: Look | None = None) -> Path:
    """Write the 3D picture of a surface."""
    look, one = look or Look(), panel(study, identifier)
    plotter = viz.surface(
        one.surface, plane=one.plane, path=one.paths, title=one.title, **look.options(viz, [one])
    )
    written: Path = viz.save(plotter, path, caption=look.captions)
    return written


def draw_group(
    study: StudyFile, identifiers: Iterable[str], path: Path, kind: str, look: Look
) -> Path:
    """Write one picture of several surfaces: ``compare``, ``matrix`` or ``contour``."""
    draw = {"contour": draw_contours, "matrix": draw_matrix}.get(kind, draw_comparison)
    return draw(study, by_smoothness(study, identifiers), path, look)


def titles_of(panels: list[Panel]) -> list[str]:
    """Return the titles of panels, without the optimizer where all have the same."""
    optimizers = {one.title.partition(", ")[2] for one in panels}
    if len(optimizers) > 1:
        return [one.title for one in panels]
    return [one.title.partition(", ")[0] for one in panels]


def draw_comparison(
    study: StudyFile, identifiers: Iterable[str], path: Path, look: Look | None = None
) -> Path:
    """Write one 3D picture with a panel for each surface, on one scale."""
    look = look or Look()
    panels = [panel(study, identifier) for identifier in identifiers]
    plotter = viz.compare(
        [one.surface for one in panels],
        planes=[one.plane for one in panels],
        paths=[one.paths for one in panels],
        titles=titles_of(panels),
        **look.options(viz, panels),
    )
    return Path(viz.save(plotter, path, caption=look.captions))


def draw_matrix(
    study: StudyFile, identifiers: Iterable[str], path: Path, look: Look | None = None
) -> Path:
    """Write one 3D picture with a row for each activation, a column for each optimizer and seed.

    Raises:
        ValueError: if a run is missing in the matrix, or has two surfaces.
    """
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey

    look = look or Look()
    panels = [panel(study, identifier) for identifier in identifiers]
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
    cells = [[placed[key] for key in line] for line in every]
    several = len({optimizer for optimizer, _ in columns}) > 1
    plotter = viz.matrix(
        [[one.surface for one in line] for line in cells],
        planes=[[one.plane for one in line] for line in cells],
        paths=[[one.paths for one in line] for line in cells],
        row_titles=[get(row).label for row in rows],
        column_titles=[
            f"{OPTIMIZERS.get(optimizer, optimizer)}, seed {seed}" if several else f"seed {seed}"
            for optimizer, seed in columns
        ],
        **look.options(viz, panels),
    )
    return Path(viz.save(plotter, path, caption=look.captions))


def draw_contours(
    study: StudyFile, identifiers: Iterable[str], path: Path, look: Look | None = None
) -> Path:
    """Write one contour figure with a panel for each surface, on one scale."""
    look = look or Look()
    panels = [panel(study, identifier) for identifier in identifiers]
    figure = viz.contour(
        [one.surface for one in panels],
        planes=[one.plane for one in panels],
        paths=[one.paths for one in panels],
        titles=titles_of(panels),
        **look.options(viz, panels, flat=True),
    )
    return Path(viz.save(figure, path, caption=look.captions))


def microscope_figure(study: StudyFile, style: Any = "paper") -> tuple[Any, str] | None:
    """Return the figure of the windows of one optimizer step and its caption; None without any."""
    from landscape.networks.activations import get
    from landscape.records.naming import RunKey
    from landscape.study.microscopes import KIND, residual_of

    surfaces = by_smoothness(study, [f"{name}.random" for name in study.analyses(KIND)])
    names = [str(study.surface(identifier).run) for identifier in surfaces]
    if not names:
        return None
    windows = [study.analysis(KIND, name) for name in names]
    residuals = [residual_of(window) for window in windows]
    full = [study.surface(identifier) for identifier in surfaces]
    titles = [get(RunKey.parse(name).activation).label for name in names]
    figure = viz.microscope(
        residuals,
        titles=titles,
        full=full,
        style=style,
    )
    told = windows[0].settings
    words = viz.microscope_caption(
        residuals, titles=titles, run=told["step_run"], step_length=told["step_length"],
        noise=[w.settings["noise"] for w in windows], batch_size=told["batch_size"],
        full=full,
    )  # fmt: skip
    return figure, words


def draw_microscope(study: StudyFile, folder: Path, style: Any = "paper") -> list[Path]:
    """Draw the windows of one optimizer step that a study holds, and write the caption beside."""
    found = microscope_figure(study, style)
    if found is None:
        return []
    figure, words = found
    caption = folder / "microscope.md"
    picture = viz.save(figure, folder / "microscope.png")
    caption.write_text(viz.as_markdown(words), encoding="utf-8")
    return [picture, caption]
