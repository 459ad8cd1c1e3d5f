"""What a reader must know about a picture, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.records.panel import Panel, panels_of
from landscape.records.plane import Plane
from landscape.records.plurals import counted, plural
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

from ..geometry.centre_mark import centre_sentences
from ..geometry.colouring import Colours
from ..geometry.drape import lossless
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, above, left_out, surface_heights
from ..geometry.matching import mismatches, settings_of
from ..geometry.numbers import a_range, listed
from ..geometry.paths import TUBE, bead_records, over_limit
from ..geometry.vertices import added_points, known_points
from ..geometry.window import LEAST_CAPTURED, Window, is_drawn, lost_outside, visible
from .normalising import statistics_of_paths
from .plane_words import plane_sentences
from .references import cited, methods

# More paths than these are counted, not named.
_FEW = 4
_SHADING = {
    "flat": "Each triangle of the grid is shaded as it is.",
    "differences": "Shading by differences of the grid: creases narrower than two cells are "
    "rounded off.",
    "gradient": "Shading by exact slopes at the grid points.",
}


def surface_caption(
    given: Panel | Surface | Sequence[Panel | Surface],
    *,
    scale: HeightScale | None = None,
    frame: Frame | None = None,
    shading: str = "flat",
    colours: Colours | None = None,
) -> str:
    """Write the caption of a picture of one or several panels.

    Args:
        given: the panels.
        scale: the height scale; made from the surfaces if not given.
        frame: where they are drawn, for the vertical scale.
        shading: how the surfaces were shaded, "" for a flat figure.
        colours: what the surfaces are coloured by, if not by their losses.
    """
    panels = panels_of(given)
    surfaces, planes = [panel.surface for panel in panels], [panel.plane for panel in panels]
    drawn = [panel.paths for panel in panels]
    paths = [path for several in drawn for path in several]
    scale = scale or HeightScale.of(surfaces)
    parts = [*plane_sentences(surfaces, planes, high=bool(shading)), *_warnings(surfaces, planes)]
    if shading:
        parts += [_height(scale, frame), *(colours.sentences if colours else ()), _SHADING[shading]]
        parts += _paths(paths, surfaces, frame, "at the true losses, ")
        settings = [settings_of(panel, its) for panel, its in zip(surfaces, planes, strict=True)]
        parts += statistics_of_paths(paths, settings)
        parts += added(surfaces, drawn, scale)
    else:
        parts += [*colours.sentences, f"Isolines: {_kind(scale)}."] if colours else [
            f"Colours and isolines: {_kind(scale)}."
        ]  # fmt: skip
        parts += _paths(paths, surfaces, None, "")
    parts += centre_sentences(surfaces, drawn, planes)
    # Without heights a path is drawn wherever it is.
    parts += [*_clipped(surfaces, paths if shading else (), scale), *_interpolated(surfaces)]
    hatched = colours is not None and colours.diverging and not shading
    parts += [*_omissions(surfaces, scale, hatched=hatched), *sources(surfaces, planes)]
    return " ".join(part for part in parts if part)


def _warnings(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> list[str]:
    reasons = [text for text in mismatches(surfaces, planes) if "windows" not in text]
    return [f"Compare with care: {'; '.join(reasons)}."] if reasons else []


def _clipped(
    surfaces: Sequence[Surface], paths: Sequence[Projection], scale: HeightScale
) -> list[str]:
    """Say how much lies above the limit."""
    count = sum(above(surface, scale) for surface in surfaces)
    if not count:
        return []
    total = sum(surface.grid.size for surface in surfaces)
    text = f"Clipped at loss {scale.loss_at(scale.high):.3g}: {count:,} of {total:,} points "
    text += f"{plural(count, 'is', 'are')} higher (hatched)."
    window = Window.around(surfaces)
    over = sum(
        int(np.sum(over_limit(path, scale) & window.inside(path.coordinates)))
        for path in paths
        if visible(path)
    )
    if not over:
        return [text]
    whose = plural(sum(map(visible, paths)), "the path")
    return [text, f"{counted(over, 'point')} of {whose} {plural(over, 'is', 'are')} higher and not "
            "drawn on the surface."]  # fmt: skip


def added(
    surfaces: Sequence[Surface], drawn: Sequence[Sequence[Projection]], scale: HeightScale
) -> list[str]:
    """Say where a mesh passes through the end of a path that is no point of its grid."""
    losses, lowest = [], []
    for surface, paths in zip(surfaces, drawn, strict=False):
        points = added_points(surface, known_points(surface, paths), scale)
        if len(points):
            losses += [float(v) for v in points[:, 2]]
            height = surface_heights(surface, scale.kind)
            lowest.append(scale.loss_at(float(np.nanmin(height))))
    if not losses:
        return []
    ends = plural(len(losses), "The end of the path is", f"The {len(losses)} ends of paths are")
    what = plural(len(losses), "a vertex", "vertices")
    there = a_range([f"{v:.3g}" for v in (min(losses), max(losses))])
    grid = a_range([f"{v:.3g}" for v in (min(lowest), max(lowest))])
    return [
        f"{ends} {what} of the surface between grid points (loss in the plane {there}; the lowest "
        f"grid point has {grid})."
    ]


def sources(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> list[str]:
    """Say whose methods are to be cited."""
    keys: list[str] = []
    for surface, plane in zip(surfaces, planes, strict=True):
        keys += cited(settings_of(surface, plane))
    return methods(keys)


def _height(scale: HeightScale, frame: Frame | None) -> str:
    if frame is None:
        return ""
    per = "decade" if scale.kind == "log" else "unit of loss"
    return f"Height: {_kind(scale)}, one {per} drawn as {frame.rise / frame.unit:.3g} units of α."


def _kind(scale: HeightScale) -> str:
    return "log loss" if scale.kind == "log" else "loss"


def _paths(
    paths: Sequence[Projection], surfaces: Sequence[Surface], frame: Frame | None, where: str
) -> list[str]:
    """Say what is drawn of the paths; ``frame`` is None where they have no height."""
    if not paths:
        return []
    window = frame.window if frame else Window.around(surfaces)
    sentences = []
    drawn = [path for path in paths if is_drawn(path, window)]
    if drawn:
        sentences += _shares([p for p in drawn if not lossless(p)], where)
        on_it = "on the surface, as its losses are not known, " if frame else ""
        sentences += _shares([p for p in drawn if lossless(p)], on_it)
        if frame is not None and any(_dips(path, frame) for path in drawn):
            sentences.append(
                "A thin line is path hidden by the surface; it runs below it where the loss at its "
                "place in the plane is higher than its own."
            )
        if frame is not None:
            sentences += _without_height([p for p in drawn if not lossless(p)], frame)
        outside = sum(int(np.sum(~window.inside(path.coordinates))) for path in drawn)
        if outside:
            whose, lie = plural(len(drawn), "its", "their"), plural(outside, "lies", "lie")
            sentences.append(f"{outside} of {whose} points {lie} outside the window.")
    sentences += not_drawn(paths, window)
    return sentences


def not_drawn(paths: Sequence[Projection], window: Window) -> list[str]:
    """Name the paths that are not drawn, and say why."""
    outside = [path for path in paths if lost_outside(path, window)]
    it = plural(len(outside), "it lies", "they lie")
    sentences = [f"{_called(outside)} not drawn: {it} outside the window."] if outside else []
    return sentences + _off_plane([path for path in paths if not visible(path)], window)


def _called(paths: Sequence[Projection]) -> str:
    """Return the names of a few paths, or the number of many."""
    names = list(dict.fromkeys(path.run for path in paths if path.run))
    if len(names) > _FEW:
        return f"{len(paths)} paths"
    return f"{plural(len(paths), 'Path')} {listed(names)}" if names else plural(len(paths), "Path")


def _off_plane(hidden: Sequence[Projection], window: Window) -> list[str]:
    """Say which share of paths lies in the plane, where it is too little for them to be drawn."""
    if not hidden:
        return []
    most = f"{max(path.captured for path in hidden):.2g}"
    ends = [window.inside(path.coordinates)[-1] for path in hidden]
    marks = plural(sum(ends), "the mark is the solution", "the marks are their ends")
    mark = f"; {marks}" if any(ends) else ""
    share = f"at most {most}" if len(hidden) > 1 else most
    its = plural(len(hidden), "its", "their")
    return [
        f"{_called(hidden)} not drawn: {share} of {its} squared displacement lies in the plane "
        f"(at least {LEAST_CAPTURED:g} is needed){mark}."
    ]


def _without_height(paths: Sequence[Projection], frame: Frame) -> list[str]:
    """Say how many points inside the window are not drawn, as their loss has no height."""
    count = sum(
        int(np.sum(frame.window.inside(p.coordinates) & np.isnan(frame.scale.of_losses(p.losses))))
        for p in paths
    )
    if not count:
        return []
    what = "finite and positive" if frame.scale.kind == "log" else "finite"
    whose, are = plural(len(paths), "its", "their"), plural(count, "is", "are")
    losses = plural(count, "loss is", "losses are")
    return [f"{count} of {whose} points {are} not drawn on the surface, whose {losses} not {what}."]


def _shares(paths: Sequence[Projection], where: str) -> list[str]:
    """Say where paths are drawn, and how much of them lies in the plane."""
    sentences = []
    # Several in one plane, not one in each of several panels.
    several = len(paths) > len({path.plane for path in paths})
    noun, its, they = ("Paths", "their", "they run") if several else ("Path", "its", "it runs")
    known = [path for path in paths if np.isfinite(path.distances).any()]
    if known:
        shares = sorted(path.captured for path in known)
        share = a_range([f"{s:.1%}" for s in (shares[0], shares[-1])])
        off = a_range([f"{1 - s:.1%}" for s in (shares[-1], shares[0])])
        sentences.append(
            f"{noun} {where}with {share} of {its} squared displacement in the plane, {off} off it"
            f"{_marks(known)}."
        )
    others = [path for path in paths if not np.isfinite(path.distances).any()]
    if others:
        drawn = f" {where.removesuffix(', ')}" if where else ""
        sentences.append(
            f"{noun}{drawn}; how far off the plane {they} is not known{_marks(others)}."
        )
    return sentences


def _marks(paths: Sequence[Projection]) -> str:
    """Say what the beads on paths mark: steps if they are even, else records."""
    beads = []
    for path in paths:
        records, every, unit = bead_records(path)
        if len(records):
            beads.append((every, unit))
    if not beads:
        return ""
    units = {unit for _, unit in beads}
    unit = units.pop() if len(units) == 1 else "steps or records"
    counts = sorted(count for count, _ in beads)
    if counts[-1] == 1:
        return f"; a bead at every {unit.removesuffix('s')}"
    return f"; a bead every {a_range([str(counts[0]), str(counts[-1])])} {unit}"


def _dips(path: Projection, frame: Frame) -> bool:
    """Return whether a path visibly passes under the surface."""
    above, below = (frame.scale.of_losses(v) for v in (path.losses, path.plane_losses))
    with np.errstate(invalid="ignore"):
        return bool(np.any((below - above) * frame.rise > TUBE))


def _interpolated(surfaces: Sequence[Surface]) -> list[str]:
    """Say how much was interpolated, from what, and how exactly."""
    sentences = []
    for surface in surfaces:
        count = int(np.sum(surface.status == Status.INTERPOLATED))
        made = surface.settings.get("resampled")
        if count and made:
            nodes = " x ".join(map(str, made["nodes"]))
            # Of a surface for a log height the error in decades is the one that is seen.
            decades = made.get("estimated_decades")
            also = "" if decades is None else f" and {decades:.1g} decades"
            sentences.append(
                f"{count:,} of {surface.grid.size:,} points interpolated from {nodes} Chebyshev "
                f"points, estimated error {made['estimated_error']:.1g} of the range{also}."
            )
        elif count:
            sentences.append(f"{count:,} of {surface.grid.size:,} points interpolated.")
    return list(dict.fromkeys(sentences))


def _omissions(
    surfaces: Sequence[Surface], scale: HeightScale, *, hatched: bool = False
) -> list[str]:
    out = "cut out (cross-hatched)" if hatched else "cut out"
    return [
        f"{counted(count, 'point')} {out}: {reason}."
        for reason, count in left_out(surfaces, scale.kind).items()
    ]
