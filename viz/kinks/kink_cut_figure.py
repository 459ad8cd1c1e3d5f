"""A surface cut along its kinks in 3D: every crease is an edge, every side has its own normals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.choices import check_known
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.plurals import counted

from ..captions.told import remember
from ..geometry.camera import aim
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, heights
from ..geometry.window import Window
from ..scenes.arrangement import Drawing, arranged
from ..scenes.legends import draw_heading
from ..scenes.scene import draw_mesh
from ..style import Style

Floats = NDArray[np.float64]


def creased_mesh(surface: KinkCutSurface, frame: Frame) -> Any:
    """Make the mesh of a surface cut along its kinks, a ``pyvista.PolyData`` with its own normals.

    The normal of a height h is that of (-h_alpha, -h_beta, 1) as it is drawn; for a log height
    h_alpha is L_alpha / (ln(10) L). Triangles with a corner that has no height are left out.
    """
    import pyvista

    height = heights(surface.losses, frame.scale.kind)
    usable = np.isfinite(height)
    slopes = surface.gradients
    if frame.scale.kind == "log":
        safe = np.where(usable, surface.losses, 1.0)
        slopes = slopes / (np.log(10.0) * safe[:, None])
    drawn = np.where(usable[:, None], slopes, 0.0) * frame.rise / frame.unit
    normals = np.column_stack([-drawn, np.ones(len(drawn))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    z = frame.z(np.where(usable, height, frame.scale.low))
    points = np.column_stack([frame.x(surface.coordinates[:, 0]),
                              frame.y(surface.coordinates[:, 1]), z])  # fmt: skip
    faces = surface.triangles[usable[surface.triangles].all(axis=1)]
    mesh = pyvista.PolyData.from_regular_faces(points, faces)
    mesh.point_data["losses"] = surface.losses
    mesh.point_data["heights"] = height
    mesh.point_data["Normals"] = normals
    mesh.point_data.active_normals_name = "Normals"
    return mesh


def kink_cut_surface(
    surface: KinkCutSurface,
    *,
    title: str = "",
    height: Kind | HeightScale | None = None,
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw a surface cut along its kinks in 3D.

    Args:
        surface: as it is, or without its quadratic: ``surface.minus(surface.quadratic())``.
        title: above the picture.
        height: ``log``, ``linear`` or a scale; by default linear for a residual, log else.
        caption: whether the caption is drawn below.
        style: how it looks.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for a surface without a finite height.
    """
    style = Style.of(style)
    residual = any(surface.removed)
    scale = _scale(surface, height or ("linear" if residual else "log"))
    unit = 2.0 / max(last - first for first, last in surface.window)
    frame = Frame(Window(*surface.window), scale, unit,
                  2.0 * style.height / (scale.high - scale.low))  # fmt: skip

    def draw(plotter: Any, _number: int) -> None:
        draw_mesh(plotter, creased_mesh(surface, frame), frame, style, smooth=True,
                  relief=True)  # fmt: skip
        draw_heading(plotter, title, (), style)
        aim(plotter.renderer, frame, style, aspect=style.panel_width / style.panel_height)

    words = crease_caption(surface, frame)
    plotter = arranged([Drawing(draw, 1, scale, style)], words if caption else "",
                       off_screen=off_screen)  # fmt: skip
    remember(plotter, words)
    return plotter


def crease_caption(surface: KinkCutSurface, frame: Frame) -> str:
    """Write the caption of a surface cut along its kinks."""
    ends = ", ".join(f"{name} {first:.3g} to {last:.3g}" for name, (first, last) in
                     zip("αβ", surface.window, strict=True))  # fmt: skip
    loss = str(surface.settings.get("loss", "loss")).replace("_", " ")
    what = f"{loss[0].upper()}{loss[1:]} over {counted(surface.examples, 'example')}"
    text = [f"{what}, {ends}, in multiples of the directions.".replace("-", "−")]
    if any(surface.removed):
        text.append("Its best-fitting quadratic is subtracted.")
    name = frame.scale.quantity
    kind = f"log {name}" if frame.scale.kind == "log" else name
    text.append(
        f"Height: {kind}, range {frame.scale.high - frame.scale.low:.2g}.".replace(
            "e-0", "e-"
        ).replace("-", "−")
    )
    text.append(
        f"Cut along {surface.curves:,} kink curves into {len(surface.triangles):,} triangles; "
        "shaded by the gradient on each side of every kink."
    )
    if surface.uncut:
        text.append(f"{surface.uncut:,} curves with smaller jumps are not cut.")
    if surface.doubtful:
        text.append(f"{surface.doubtful:,} vertices may have the gradient of another side.")
    return " ".join(text)


def _scale(surface: KinkCutSurface, height: Kind | HeightScale) -> HeightScale:
    if isinstance(height, HeightScale):
        return height
    check_known("height", height, ("log", "linear"))
    values = heights(surface.losses, height)
    finite = values[np.isfinite(values)]
    if not len(finite):
        hint = "; use a linear height" if height == "log" else ""
        raise ValueError(f"the surface has no finite value to draw{hint}")
    low, high = float(finite.min()), float(finite.max())
    if high - low < 1e-12 * max(abs(high), 1e-300):
        low, high = low - 0.5, high + 0.5
    name = "residual" if any(surface.removed) else "loss"
    return HeightScale(height, low, high, name)
