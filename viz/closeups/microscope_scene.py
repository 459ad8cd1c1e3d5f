"""The loss microscope in 3D: residuals as surfaces on one vertical scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landscape.records.panel import Panel
from landscape.records.residuals import Residual

from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.relief import Relief
from ..geometry.rows import per_row
from ..look import USUAL, Look
from ..scenes.arrangement import Drawing, picture_of
from ..scenes.common import Common
from ..scenes.scene import DrawnPanel
from ..style import Style
from .closeup import Closeup, closeups_of
from .microscope_captions import StepFacts, microscope_caption


def microscope_3d(
    closeups: Sequence[Closeup | Residual],
    look: Look = USUAL,
    *,
    step: StepFacts | None = None,
    columns: int | None = None,
    inset: bool = True,
    caption: bool = False,
    off_screen: bool = True,
) -> Any:
    """Draw residuals as 3D surfaces: one vertical scale, one range of colours, one camera.

    A panel that uses less than an eighth of the common scale shows its surface once more, smaller,
    magnified by the power of 2 written beside it. What is only rounding is drawn as 0. Surfaces at
    full scale stand above them.

    Args:
        closeups: of one window each.
        look: style; height of the surfaces at full scale; shading of the residuals, of which
            ``gradient`` needs surfaces that had the fields ``gradient_alpha`` and
            ``gradient_beta``, see :func:`viz.geometry.mesh.surface_mesh`.
        step: of the optimizer that the window is wide, for the caption.
        columns: panels per row; by default at most 4, with surfaces at full scale all.
        inset: whether flat panels get one.
        caption: whether the caption is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`viz.surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no close-up, several windows of one, another colour, or residuals that are 0
            everywhere.
    """
    look.check_plain("the microscope")
    chosen = closeups_of(closeups, most=1)
    style = Style.of(look.style).of_many()
    residuals = [closeup.residuals[0] for closeup in chosen]
    relief = Relief.of(residuals)
    whole = [Panel(closeup.full, title=closeup.title) for closeup in chosen if closeup.full]
    titles = ["" if whole else closeup.title for closeup in chosen]
    panels = [
        DrawnPanel(residual.surface(), (), title, relief.factor(residual) if inset else 1)
        for residual, title in zip(residuals, titles, strict=True)
    ]
    frame = Frame.around([panel.surface for panel in panels],
                         HeightScale.of_residuals(relief.limit), style)  # fmt: skip
    drawings = [Drawing.of(panels, frame, style.of_residuals(), look.shading)]
    if whole:
        common = Common.of(whole, look, style)
        drawings.insert(0, Drawing.of(common.drawn(), common.frame, style, "flat"))
    return picture_of(
        drawings, microscope_caption(chosen, step), caption=caption, off_screen=off_screen,
        columns=len(chosen) if whole else per_row(len(chosen), columns, 4),
    )  # fmt: skip
