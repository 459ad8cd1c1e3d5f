"""A surface cut along its kinks in 3D: every crease is an edge, every side has its own normals."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.records.choices import check_known
from landscape.records.kink_cut_surface import KinkCutSurface

from ..captions.normalising import loss_over
from ..geometry.camera import aim
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, heights, resolved
from ..geometry.numbers import minus, number
from ..geometry.window import Window
from ..look import USUAL, Look
from ..scenes.arrangement import Drawing, picture_of
from ..scenes.legends import draw_heading
from ..scenes.scene import draw_mesh
from ..style import Style


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
    look: Look = USUAL,
    *,
    title: str = "",
    caption: bool = True,
    off_screen: bool = True,
) -> Any:
    """Draw a surface cut along its kinks in 3D.

    Args:
        surface: as it is, or without its quadratic: ``surface.minus(surface.quadratic())``.
        look: height, and style. A residual is always linear. The surface is coloured by its losses,
            and shaded by its own gradients.
        title: above the picture.
        caption: whether the caption is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`viz.surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for a surface without a finite height, or another colour.
    """
    look.check_plain("a surface cut along its kinks")
    style = Style.of(look.style).of_creases()
    scale = _scale(surface, look)
    frame = Frame.over(Window(*surface.window), scale, style)

    def draw(plotter: Any, _number: int) -> None:
        draw_mesh(plotter, creased_mesh(surface, frame), frame, style, smooth=True)
        draw_heading(plotter, title, (), style)
        aim(plotter.renderer, frame, style)

    return picture_of([Drawing(draw, 1, scale, style)], crease_caption(surface, frame),
                      caption=caption, off_screen=off_screen)  # fmt: skip


def crease_caption(surface: KinkCutSurface, frame: Frame) -> str:
    """Write the caption of a surface cut along its kinks."""
    ends = ", ".join(f"{name} {first:.3g} to {last:.3g}" for name, (first, last) in
                     zip("αβ", surface.window, strict=True))  # fmt: skip
    loss = loss_over({**surface.settings, "examples": surface.examples})
    text = [minus(f"{loss[0].upper()}{loss[1:]}, {ends}, in multiples of the directions.")]
    if any(surface.removed):
        text.append("Its best-fitting quadratic is subtracted.")
    name = frame.scale.quantity
    kind = f"log {name}" if frame.scale.kind == "log" else name
    extent = number(frame.scale.high - frame.scale.low)
    text.append(minus(f"Height: {kind}, range {extent}."))
    text.append(
        f"Cut along {surface.curves:,} kink curves into {len(surface.triangles):,} triangles; "
        "shaded by the gradient on each side of every kink."
    )
    if surface.uncut:
        text.append(f"{surface.uncut:,} curves with smaller jumps are not cut.")
    if surface.doubtful:
        text.append(f"{surface.doubtful:,} vertices may have the gradient of another side.")
    return " ".join(text)


def _scale(surface: KinkCutSurface, look: Look) -> HeightScale:
    if isinstance(look.height, HeightScale):
        return look.height
    residual = any(surface.removed)
    kind: Kind = "linear" if residual else resolved(look.height, [surface.losses])
    check_known("height of a surface cut along its kinks", kind, ("log", "linear"))
    values = heights(surface.losses, kind)
    if not np.isfinite(values).any():
        hint = "; use a linear height" if kind == "log" else ""
        raise ValueError(f"the surface has no finite value to draw{hint}")
    scale = HeightScale.around(values, kind, "residual" if residual else "loss")
    return scale if look.limit is None else scale.cut_at(look.limit)
