"""What a reader must know about a picture, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.plane import Plane
from landscape.results import Projection
from landscape.surface import Status, Surface
from viz.frame import Frame
from viz.height import HeightScale, left_out
from viz.paths import TUBE
from viz.window import LEAST_CAPTURED, Window, visible

_SHADING = {
    "flat": "Each triangle of the grid is shaded as it is.",
    "differences": "Shading by differences of the grid: creases narrower than two cells are "
    "rounded off.",
    "gradient": "Shading by exact slopes at the grid points.",
}


def caption(
    surfaces: Surface | Sequence[Surface],
    paths: Sequence[Projection] = (),
    *,
    scale: HeightScale | None = None,
    frame: Frame | None = None,
    shading: str = "flat",
    plane: Plane | None = None,
) -> str:
    """Write the caption of a picture of one or several surfaces.

    Args:
        surfaces: what is shown.
        paths: the paths on them.
        scale: the height scale; made from the surfaces if not given.
        frame: where it is drawn, for the vertical scale.
        shading: how the surface was shaded, "" for a flat figure.
        plane: of a single surface, for what its settings do not say.
    """
    surfaces = [surfaces] if isinstance(surfaces, Surface) else list(surfaces)
    scale = scale or HeightScale.of(surfaces)
    parts = [_what(surfaces, plane), _grid(surfaces)]
    if shading:
        parts += [_height(scale, frame), _SHADING[shading]]
        parts += _paths(paths, surfaces, frame, "at the true losses, ")
    else:
        parts.append(f"Colours and isolines: {_kind(scale)}.")
        parts += _paths(paths, surfaces, None, "")
    parts += _interpolated(surfaces)
    parts += _omissions(surfaces, scale)
    return " ".join(part for part in parts if part)


def _what(surfaces: Sequence[Surface], plane: Plane | None) -> str:
    runs = sorted({surface.run for surface in surfaces if surface.run})
    settings = {**(plane.settings if plane else {}), **surfaces[0].settings}
    kind = settings.get("kind") or (plane.kind if plane else "")
    if kind == "random":
        what = f"random plane, {settings.get('normalisation')}-normalised directions"
        what += f" (seed {settings.get('seed')})"
    elif kind == "pca":
        what = "plane of the path's first two principal components"
        variance = settings.get("explained_variance") if len(surfaces) == 1 else None
        if variance:
            what += f" ({sum(variance):.1%} of its variance)"
        what += _lengths(surfaces)
    else:
        what = f"{kind} plane" if kind else "surface"
    examples = settings.get("examples")
    loss = str(settings.get("loss", "loss")).replace("_", " ")
    over = f", {loss} over {examples:,} examples" if examples else ""
    whose = f" around {runs[0]}" if len(runs) == 1 else ""
    return f"{what[0].upper()}{what[1:]}{whose}{over}."


def _lengths(surfaces: Sequence[Surface]) -> str:
    """Say how long the directions of PCA planes are."""
    lengths = sorted(float(s.settings.get("direction_length", 1.0)) for s in surfaces)
    if lengths[-1] == 1.0:
        return ", unit directions"
    share = _range([f"{length:.3g}" for length in (lengths[0], lengths[-1])])
    return f", directions as long as the way from start to solution ({share})"


def _grid(surfaces: Sequence[Surface]) -> str:
    grids = {(s.grid.shape, *(float(v) for a in s.grid.axes for v in (a[0], a[-1])))
             for s in surfaces}  # fmt: skip
    if len(grids) > 1:
        return "The panels show different grids or spans: compare with care."
    first = surfaces[0]
    shape = " x ".join(map(str, first.grid.shape))
    ends = ", ".join(
        f"{name} {axis[0]:.3g} to {axis[-1]:.3g}"
        for name, axis in zip("αβ", first.grid.axes, strict=False)
    )
    return f"{shape} points, {ends}, in multiples of the directions.".replace("-", "−")


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
    shown = [path for path in paths if visible(path)]
    hidden = [path for path in paths if not visible(path)]
    if shown:
        shares = sorted(path.captured for path in shown)
        share = _range([f"{s:.1%}" for s in (shares[0], shares[-1])])
        sentences.append(f"Path {where}with {share} of its squared displacement in the plane.")
        if frame is not None and any(_dips(path, frame) for path in shown):
            sentences.append(
                "A thin line is path hidden by the surface; it runs below it where the loss at its "
                "place in the plane is higher than its own."
            )
        outside = sum(int(np.sum(~window.inside(path.coordinates))) for path in shown)
        if outside:
            lie = "lies" if outside == 1 else "lie"
            sentences.append(f"{outside} of its points {lie} outside the window.")
    if hidden:
        most = f"{max(path.captured for path in hidden):.2g}"
        ends = [window.inside(path.coordinates)[-1] for path in hidden]
        mark = "; the mark is the solution" if any(ends) else ""
        share = f"at most {most}" if len(hidden) > 1 else most
        sentences.append(
            f"Path not drawn: {share} of its squared displacement lies in the plane "
            f"(at least {LEAST_CAPTURED:g} is needed){mark}."
        )
    return sentences


def _dips(path: Projection, frame: Frame) -> bool:
    """Return whether a path visibly passes under the surface."""
    own, below = (frame.scale.of_losses(v) for v in (path.losses, path.plane_losses))
    with np.errstate(invalid="ignore"):
        return bool(np.any((below - own) * frame.rise > TUBE))


def _range(texts: list[str]) -> str:
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


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


def _omissions(surfaces: Sequence[Surface], scale: HeightScale) -> list[str]:
    counts: dict[str, int] = {}
    for surface in surfaces:
        for reason, count in left_out(surface, scale.kind).items():
            counts[reason] = counts.get(reason, 0) + count
    return [
        f"{count:,} point{'s' if count > 1 else ''} cut out: {reason}."
        for reason, count in counts.items()
    ]
