"""Surfaces in a notebook: a whole page in a frame, so that nothing has to be set up.

On request PyVista's own backend instead, which renders in the notebook's kernel.
"""

from __future__ import annotations

import html
import importlib.util
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from landscape.records.choices import check_known

from ..look import USUAL, Look
from .html import page_of
from .records import Records, sort_records

Backend = Literal["html", "pyvista"]
_PACKAGES = ("trame", "trame_vtk", "trame_vuetify", "ipywidgets")


@dataclass(frozen=True, slots=True)
class NotebookPage:
    """A page that notebooks show in a frame.

    Attributes:
        page: the whole page, as :func:`viz.to_html` writes it.
        height: of the frame, in pixels.
        summary: what is shown where no HTML is.
    """

    page: str
    height: int
    summary: str

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        """Return the frame. Scripts in it are kept apart from the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.page, quote=True)}" title="Loss landscapes" '
            'sandbox="allow-scripts allow-downloads allow-modals" allow="clipboard-write" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8884"></iframe>'
        )


def show(
    items: Records,
    look: Look = USUAL,
    *,
    height: int = 560,
    backend: Backend = "html",
    **options: Any,
) -> Any:
    """Show surfaces with what belongs to them as the last value of a notebook's cell.

    By default a page in a frame: works in Jupyter, VS Code and Colab without an extension and
    without a network, for the frame holds everything, also after the kernel has ended.
    ``pyvista`` renders in the kernel with the notebook backend of PyVista; it needs
    ``pip install 'lossoscope[notebook]'``. PyVista serves that frame from a port of this machine,
    without a token: whoever else works on it may see the picture.

    Args:
        items: as for :func:`viz.to_html`.
        look: of PyVista's picture; the reader of a page chooses there.
        height: of the frame, in pixels.
        backend: ``html`` or ``pyvista``.
        options: ``title``, ``runs``, ``kinked``, ``show`` and ``source`` of :func:`viz.to_html`;
            for ``pyvista`` those of :func:`viz.surface`, or of :func:`viz.compare` for several
            surfaces.

    Returns:
        What the cell shows: :class:`NotebookPage`, or the widget of PyVista.

    Raises:
        ImportError: if a package that PyVista's backend needs is not installed.
        TypeError: for an item that is no record.
        ValueError: as :func:`viz.to_html`, for a height below 200, an unknown backend, or
            PyVista's outside a notebook.
    """
    if height < 200:
        raise ValueError(f"height must be at least 200 pixels, got {height}")
    check_known("backend", backend, get_args(Backend))
    if backend == "pyvista":
        return _in_kernel(items, look, height, options)
    page = page_of(items, **options)
    size = len(page) / 1e6
    return NotebookPage(page, height, f"<interactive page of {size:.1f} MB; viz.to_html writes it>")


def check_packages() -> None:
    """Check that PyVista's notebook backend can be used.

    Raises:
        ImportError: if a package is missing; the message names the extra.
    """
    import pyvista

    # Its own package since then.
    wanted = (*_PACKAGES, *(["trame_pyvista"] if pyvista.version_info[:2] >= (0, 48) else []))
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"PyVista's notebook backend needs further packages, {', '.join(missing)}: "
            "pip install 'lossoscope[notebook]'; or leave backend out"
        )


def _in_kernel(items: Records, look: Look, height: int, options: dict[str, Any]) -> Any:
    """Show surfaces with the notebook backend of PyVista."""
    check_packages()
    picture = picture_of(items, look, **options)
    if not picture.notebook:
        picture.close()
        raise ValueError(
            "PyVista's notebook backend needs a notebook; elsewhere viz.surface(...).show() opens "
            "a window"
        )
    return picture.show(
        jupyter_backend="trame", return_viewer=True,
        jupyter_kwargs={"height": f"{height}px", "width": "100%"},
    )  # fmt: skip


def picture_of(items: Records, look: Look = USUAL, **options: Any) -> Any:
    """Draw panels in 3D; one without a title has that of its run, or its id.

    Args:
        items: panels or surfaces.
        look: how they look.
        options: of :func:`viz.surface`, or of :func:`viz.compare` for several surfaces.

    Raises:
        TypeError: for an item that is no record.
        ValueError: for kink maps and windows, or no surface.
    """
    from ..scenes.panels import compare, surface

    records = sort_records(items)
    if records.maps or records.windows:
        raise ValueError(
            "PyVista's backend shows surfaces with their paths; leave kink maps and windows out, "
            "or leave backend out"
        )
    panels = [replace(panel, title=panel.title or panel.surface.run or name)
              for name, panel in records.panels.items()]  # fmt: skip
    if len(panels) == 1:
        return surface(panels[0], look, **options)
    return compare(panels, look, **options)
