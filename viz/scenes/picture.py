"""A 3D picture: a ``pyvista.Plotter`` whose ``show`` opens a window, or says what to do instead."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pyvista


class Picture(pyvista.Plotter):  # type: ignore[misc]  # pyvista is not typed
    """A 3D picture, rendered off-screen until it is shown.

    Write it with :func:`viz.save` or ``screenshot``; ``show`` opens a window where there is a
    display, and in a notebook shows the picture in its cell.

    Attributes:
        again: draws the same picture for a window; None where that is not known.
    """

    again: Callable[[], Picture] | None = None

    def show(self, *args: Any, **options: Any) -> Any:
        """Show the picture, as ``pyvista.Plotter.show`` does, if there is something to show it on.

        An off-screen picture is drawn anew in a window of its own, and closed; what was added to it
        by hand is not in the window (draw with ``off_screen=False`` for that). Without a display
        nothing is shown, and a warning says what to do.

        Args:
            args: of ``pyvista.Plotter.show``.
            options: likewise; with ``screenshot`` or ``return_img`` the picture is rendered
                off-screen as ever.
        """
        wants_image = options.get("screenshot") or options.get("return_img")
        if not self.off_screen or self.notebook or pyvista.OFF_SCREEN or wants_image:
            return super().show(*args, **options)
        if not has_display():
            warnings.warn(
                "there is no display to show this picture on; write it with "
                "viz.save(picture, 'picture.png') or picture.screenshot('picture.png')",
                stacklevel=2,
            )
            return None
        if self.again is None:
            return super().show(*args, **options)
        window = self.again()
        self.close()
        return window.show(*args, **options)


def has_display() -> bool:
    """Return whether a window can be opened on this machine."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
