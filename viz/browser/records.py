"""Records -> what a page shows: panels with levels, paths and kink curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.centre import centre_of
from landscape.records.grid import Grid
from landscape.records.kink_map import KinkMap
from landscape.records.panel import Panel
from landscape.records.plane import Plane
from landscape.records.residuals import Residual
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

from ..captions.normalising import loss_over, statistics_of_paths, statistics_used
from ..captions.plane_words import origins
from ..geometry.centre_mark import place_of
from ..geometry.differences import GRADIENTS
from ..geometry.drape import lossless
from ..geometry.height import check_values, left_out
from ..geometry.window import visible
from ..style import OTHER_BASE, base_of
from .packing import Blob, float_kind

Record = Panel | Surface | KinkMap | Residual
Records = Record | Mapping[str, Record] | Iterable[Record]
# More points a side are too many for a browser that renders in software.
MOST_POINTS = 301
# Kink segments beyond these, the ones with the smallest jumps, are left out.
MOST_SEGMENTS = 60_000
_HALVES = (*GRADIENTS, "slope")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Records by what they are, each with its id."""

    panels: dict[str, Panel] = field(default_factory=dict)
    maps: dict[str, KinkMap] = field(default_factory=dict)
    windows: dict[str, Residual] = field(default_factory=dict)


def sort_records(items: Records, *, needed: bool = True) -> Sorted:
    """Sort records by their kind, with the ids they have or the names they get.

    Args:
        items: the records.
        needed: whether there must be one that is drawn.

    Raises:
        TypeError: for something else.
        ValueError: if there is no surface over a plane and no window, or a line or volume.
    """
    if isinstance(items, Panel | Surface | KinkMap | Residual):
        items = [items]
    named = items.items() if isinstance(items, Mapping) else [("", item) for item in items]
    records = Sorted()
    for name, item in named:
        match item:
            case Panel() | Surface():
                panel = item if isinstance(item, Panel) else Panel(item)
                _put(records.panels, name or panel.surface.plane or "surface", panel)
            case KinkMap():
                _put(records.maps, name or "kinks", item)
            case Residual():
                _put(records.windows, name or "window", item)
            case _:
                raise TypeError(
                    "a page shows records (Panel, Surface, KinkMap, Residual), got "
                    f"{type(item).__name__}"
                )
    shapes = {name: entry.surface.grid.shape for name, entry in records.panels.items()}
    flat = {name: shape for name, shape in shapes.items() if len(shape) != 2}
    if flat:
        raise ValueError(f"a page shows surfaces over planes, got {flat}; leave lines out")
    if needed and not records.panels and not records.windows:
        raise ValueError("a page needs at least one Panel, Surface or Residual, got none")
    return records


def _put(home: dict[str, Any], name: str, item: Any) -> None:
    """Keep an item under its name, or under the next free one."""
    taken = (f"{name}-{i}" for i in range(2, len(home) + 3))
    home[name if name not in home else next(n for n in taken if n not in home)] = item


@dataclass(frozen=True, slots=True)
class Contents:
    """What a page shows, as plain JSON values, and the texts that hold its arrays."""

    panels: list[dict[str, Any]]
    paths: list[dict[str, Any]]
    kinks: list[dict[str, Any]]
    blobs: list[str]


def contents_of(records: Sorted, *, kinked: Iterable[str], runs: Mapping[str, str]) -> Contents:
    """Turn sorted records into what a page shows.

    Args:
        records: the records.
        kinked: runs whose activation has kinks: their creases are drawn crisp.
        runs: names of runs to show; others are shown as they are.

    Raises:
        ValueError: if no surface has a finite value.
    """
    if records.panels and not records.windows:
        check_values([panel.surface for panel in records.panels.values()], "linear")
    blobs: list[str] = []
    # A path that several panels share is in the page once.
    unique = list(
        {id(path): path for panel in records.panels.values() for path in panel.paths}.values()
    )
    flat = [_of_two_axes(path) for path in unique]
    paths = [_path(path, blobs, runs) for path in flat]
    kinks = [
        {"id": name.removeprefix("kinks "), **_kinks(m, blobs)} for name, m in records.maps.items()
    ]
    panels = []
    windows, creased = dict(records.windows), set(kinked)
    for name, panel in records.panels.items():
        surface = panel.surface
        inner = {k: w for k, w in windows.items() if _same_axes(w, surface)}
        windows = {k: w for k, w in windows.items() if k not in inner}
        levels = [_surface_level(surface, blobs)]
        levels += [_window_level(w, blobs) for w in sorted(inner.values(), key=lambda w: -w.width)]
        mine = [i for i, path in enumerate(unique) if any(p is path for p in panel.paths)]
        drawn = [flat[i] for i in mine]
        panels.append(
            _panel(name, surface, levels, panel.title, creased)
            | {"paths": mine, "kinks": _map_of(surface, records.maps),
               "centre": _centre(surface, drawn),
               "notes": _notes(surface.settings, panel.plane, drawn)
               + _thinned(surface.grid) + _missing(surface)}
        )  # fmt: skip
    for series in _series(windows):
        first = next(iter(series.items()))
        levels = [_window_level(w, blobs) for w in series.values()]
        notes = _notes(first[1].settings, None) + _thinned(first[1].grid)
        parts = {"paths": [], "kinks": None, "centre": None, "notes": notes}
        panels.append(_panel(*first, levels, "", creased) | parts)
    return Contents(panels, paths, kinks, blobs)


def _panel(
    name: str,
    record: Surface | Residual,
    levels: list[dict[str, Any]],
    title: str,
    kinked: set[str],
) -> dict[str, Any]:
    run = str(record.run or "")
    return {
        "id": name, "title": title or run or name, "run": run,
        "kind": str(record.settings.get("kind", "")), "kinked": run in kinked, "levels": levels,
        "colour": _base(run), "subject": loss_over(record.settings),
    }  # fmt: skip


def _centre(surface: Surface, paths: Sequence[Projection]) -> dict[str, Any] | None:
    """Say what stands at the network's own weights and what is known there; None on other surfaces.

    A page marks no solutions, so that the cross is drawn also where one lies.
    """
    centre = centre_of(surface)
    if centre is None:
        return None
    values = {"loss": centre.loss, "accuracy": centre.accuracy}
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"place": place_of(surface, paths), "known": centre.known, **finite}


def _kept(axis: Floats) -> NDArray[np.int64]:
    """Return which points of an axis are shown: as many as a browser draws, evenly, with its ends.

    The point nearest to 0 is among them: there the solution is, and often the lowest loss.
    """
    count = len(axis)
    if count <= MOST_POINTS:
        return np.arange(count)
    kept = np.round(np.linspace(0, count - 1, MOST_POINTS)).astype(np.int64)
    origin = int(np.argmin(np.abs(axis)))
    if 0 < origin < count - 1:
        # The ends stay.
        kept[1 + np.argmin(np.abs(kept[1:-1] - origin))] = origin
    return kept


def _thinned(grid: Grid) -> list[str]:
    """Say which share of a grid is shown, if not all is."""
    counts = [len(_kept(axis)) for axis in grid.axes]
    if counts == list(grid.shape):
        return []
    return [f"{' x '.join(map(str, counts))} of {' x '.join(map(str, grid.shape))} points shown"]


def _missing(surface: Surface) -> list[str]:
    """Say how many points are not shown."""
    return [f"{count:,} of {surface.grid.size:,} points {reason}"
            for reason, count in left_out([surface], "linear").items()]  # fmt: skip


def _surface_level(surface: Surface, blobs: list[str]) -> dict[str, Any]:
    there = np.isin(surface.status, (Status.EVALUATED, Status.INTERPOLATED))
    fields = {name: np.where(there, v, np.nan) for name, v in surface.fields.items()}
    return _level(surface.grid, fields, surface.status, blobs, quantity="loss")


def _window_level(window: Residual, blobs: list[str]) -> dict[str, Any]:
    slopes = window.slopes if set(GRADIENTS) <= set(window.slopes) else {}
    return _level(
        window.grid, {"losses": window.values, **slopes}, None, blobs, quantity="residual",
        width=window.width, coefficients=[float(c) for c in window.coefficients],
        centre=list(window.centre), rounding=float(window.rounding),
        loss_range=float(window.loss_range),
    )  # fmt: skip


def _level(
    grid: Grid, fields: Mapping[str, Floats], status: NDArray[np.uint8] | None, blobs: list[str],
    **facts: Any,
) -> dict[str, Any]:  # fmt: skip
    """Pack the points of a grid that are shown."""
    blob = Blob()
    kept = [_kept(axis) for axis in grid.axes]
    every = np.ix_(*kept)
    packed = {
        name: blob.add(values[every], "f2" if name in _HALVES else float_kind(values[every]))
        for name, values in fields.items()
    }
    states = None if status is None else blob.add(status[every], "u1")
    alphas, betas = (blob.add(axis[k], "f8") for axis, k in zip(grid.axes, kept, strict=True))
    level = {"fields": packed, "status": states, "alphas": alphas, "betas": betas,
             "points": list(grid.shape), **facts}  # fmt: skip
    return _stored(level, blob, blobs)


def _stored(facts: dict[str, Any], blob: Blob, blobs: list[str]) -> dict[str, Any]:
    blobs.append(blob.text())
    return {"blob": len(blobs) - 1, **facts}


def _of_two_axes(path: Projection) -> Projection:
    """Return a path with an alpha and a beta, which is 0 on a plane of another number of axes."""
    if path.coordinates.shape[1] == 2:
        return path
    return replace(path, coordinates=np.pad(path.coordinates[:, :1], ((0, 0), (0, 1))))


def _path(path: Projection, blobs: list[str], runs: Mapping[str, str]) -> dict[str, Any]:
    """Pack a path; of one that hardly lies in the plane the end alone."""
    blob = Blob()
    shown = visible(path)
    drawn = slice(None) if shown else slice(-1, None)
    facts = {
        "run": path.run, "title": runs.get(path.run, path.run), "plane": path.plane,
        "shown": shown, "captured": path.captured, "lossless": lossless(path),
        "steps": blob.add(path.steps[drawn], "i4"),
        "alphas": blob.add(path.coordinates[drawn, 0], "f8"),
        "betas": blob.add(path.coordinates[drawn, 1], "f8"),
        "losses": blob.add(path.losses[drawn], "f8"),
        "plane_losses": blob.add(path.plane_losses[drawn], "f8"),
        "off_plane": blob.add(path.off_plane_distances[drawn], "f8"),
    }  # fmt: skip
    return _stored(facts, blob, blobs)


def _kinks(kinks: KinkMap, blobs: list[str]) -> dict[str, Any]:
    blob = Blob()
    largest = np.argsort(-kinks.weights, kind="stable")[:MOST_SEGMENTS]
    facts = {
        "segments": blob.add(kinks.segments[largest], "f8"),
        "jumps": blob.add(kinks.jumps[largest], "f4"),
        "density": blob.add(kinks.density, "f4"), "alphas": blob.add(kinks.alphas, "f8"),
        "betas": blob.add(kinks.betas, "f8"), "curves": int(kinks.curves),
        "found": int(kinks.found), "shown": len(largest),
    }  # fmt: skip
    return _stored(facts, blob, blobs)


def _base(run: str) -> str:
    """Return the colour of a run's activation, or "" where it has none of its own."""
    base = base_of(run.partition("-")[0])
    return "" if base == OTHER_BASE else base


def _same_axes(window: Residual, surface: Surface) -> bool:
    """Whether a window lies in the plane of a surface, as far as both tell."""
    known = window.run is not None or "kind" in window.settings
    return known and _plane_of(window) == _plane_of(surface)


def _plane_of(record: Surface | Residual) -> tuple[str | None, str, str]:
    """Return the run and what its plane was made from."""
    settings = record.settings
    return record.run, str(settings.get("kind", "")), str(settings.get("seed", ""))


def _series(windows: Mapping[str, Residual]) -> list[dict[str, Residual]]:
    """Group windows that belong to no surface by their planes, widest first."""
    groups: dict[tuple[str | None, str, str], dict[str, Residual]] = {}
    for name, window in windows.items():
        groups.setdefault(_plane_of(window), {})[name] = window
    return [dict(sorted(g.items(), key=lambda kv: -kv[1].width)) for g in groups.values()]


def _map_of(surface: Surface, maps: Mapping[str, KinkMap]) -> int | None:
    """Return which map belongs to a surface: of its run, if told, with lines inside its window."""
    ends = [(float(a[0]), float(a[-1])) for a in surface.grid.axes]
    for number, kinks in enumerate(maps.values()):
        run = kinks.settings.get("run")
        kind = kinks.settings.get("kind")
        inside = all(
            low - 1e-9 <= first and last <= high + 1e-9
            for (low, high), (first, last) in zip(ends, kinks.window, strict=True)
        )
        alike = run in (None, surface.run) and kind in (None, surface.settings.get("kind"))
        if inside and alike:
            return number
    return None


def _notes(
    settings: Mapping[str, Any], plane: Plane | None, paths: Sequence[Projection] = ()
) -> list[str]:
    """Say in words what a surface shows."""
    notes = []
    if "examples" in settings:
        notes.append(loss_over(settings))
    variance = settings.get("explained_variance")
    if isinstance(variance, Sequence) and variance:
        notes.append(f"PCA plane: {100 * sum(map(float, variance)):.1f}% of the path's variance")
    elif settings.get("kind"):
        way = settings.get("normalisation")
        notes.append(f"{settings['kind']} plane" + (f", {way} normalisation" if way else ""))
    if plane is not None and plane.axes == 2:
        lengths = np.linalg.norm(plane.directions, axis=1)
        notes.append(f"lengths of the directions {lengths[0]:.4g} and {lengths[1]:.4g}, "
                    f"cosine {plane.cosines[0]:.2g}")  # fmt: skip
    known = {**(plane.settings if plane else {}), **settings}
    words = [statistics_used(known), *origins([known]), *statistics_of_paths(paths, [known])]
    notes += [text.removesuffix(".") for text in words if text]
    return notes
