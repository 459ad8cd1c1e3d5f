"""The loss microscope in 3D: residuals as surfaces on one vertical scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landscape.records.residuals import Residual
from landscape.records.surface import Surface

from ..captions.told import remember
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.mesh import Shading, check_shading
from ..geometry.relief import COLOURS, Relief
from ..scenes.arrangement import Group, draw_groups
from ..scenes.scene import DrawnPanel
from ..style import Style
from .microscope_captions import StepFacts, microscope_caption
from .microscopy import check_residuals


def microscope_3d(
    residuals: Sequence[Residual],
    *,
    titles: Sequence[str] | None = None,
    full: Sequence[Surface] | None = None,
    step: StepFacts | None = None,
    columns: int | None = None,
    shading: Shading = "flat",
    inset: bool = True,
    caption: bool = False,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw residuals as 3D surfaces: one vertical scale, one range of colours, one camera.

    A panel that uses less than an eighth of the common scale shows its surface once more, smaller,
    magnified by the power of 2 written beside it. What is only rounding is drawn as 0.

    Args:
        residuals: one for each panel, see :func:`landscape.remove_quadratic`.
        titles: of each panel.
        full: surfaces at full scale, one for each panel, drawn above them on a log scale.
        step: of the optimizer that the window is wide, for the caption.
        columns: panels per row; by default at most 4, with ``full`` all.
        shading: ``flat`` lights each triangle as it is; ``gradient`` by exact slopes, where the
            surfaces had the fields ``gradient_alpha`` and ``gradient_beta``; see
            :func:`viz.geometry.mesh.surface_mesh`.
        inset: whether flat panels get one.
        caption: whether the caption is drawn below.
        style: how it looks.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no residual, lists of other lengths, an unknown shading, or residuals that
            are 0 everywhere.
    """
    check_shading(shading)
    count = check_residuals(residuals, titles=titles, full=full)
    style = Style.of(style).of_many()
    relief = Relief.of(residuals)
    scale = HeightScale("linear", -relief.limit, relief.limit, "residual")
    names = titles or [""] * count
    panels = [
        DrawnPanel(residual.surface(), (), "" if full else name,
                   relief.factor(residual) if inset else 1)
        for residual, name in zip(residuals, names, strict=True)
    ]  # fmt: skip
    surfaces = [panel.surface for panel in panels]
    # Lines of equal height would hide creases, which need contrast between light and shade.
    below = replace(style, colour_map=COLOURS, isolines=False, ambient=0.15, diffuse=0.95)
    groups = [Group(panels, Frame.around(surfaces, scale, style), below, shading)]
    if full:
        frame = Frame.around(full, HeightScale.of(full), style)
        above = [DrawnPanel(surface, (), name) for surface, name in zip(full, names, strict=True)]
        groups.insert(0, Group(above, frame, style, "flat"))
    per_row = count if full else columns or min(count, 4)
    words = microscope_caption(residuals, titles, step, full)
    plotter = draw_groups(groups, words if caption else "", columns=per_row,
                          off_screen=off_screen)  # fmt: skip
    remember(plotter, words)
    return plotter
