"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used. The parts of a report are in :mod:`viz.report`.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.records.panel import Panel

    from .browser.html import to_html, toy_html
    from .browser.notebook import show
    from .captions.told import caption_of
    from .closeups.clay import microscope, zoom
    from .closeups.scaling import residual_scaling
    from .films.descent import animate_descent
    from .films.zoom import animate_zoom
    from .flat.contours import contour
    from .flat.line_figures import barrier, line, section
    from .flat.thumbnails import thumbnail
    from .flat.volumes import volume
    from .geometry.height import HeightScale
    from .kinks.kink_lines import kink_contour, kink_surface
    from .look import Look
    from .measured.activation_plates import activation_plate
    from .measured.budget_bars import slope_budgets
    from .measured.budget_layers import layer_budgets
    from .measured.curvature_lines import curvature_scale
    from .measured.path_lines import along_path
    from .measured.spectra import spectrum
    from .meshes.close_up_meshes import export_close_up
    from .meshes.mesh_files import export_mesh
    from .paper.hybrid import figure
    from .paper.mosaics import mosaic
    from .scenes.panels import compare, matrix, surface
    from .style import Style
    from .venues import width_of
    from .writing import save

_HOME = MappingProxyType(
    {
        # what a picture shows, and how it looks
        "Panel": "landscape.records.panel",
        "Look": ".look",
        "HeightScale": ".geometry.height",
        "Style": ".style",
        "width_of": ".venues",
        # surfaces
        "surface": ".scenes.panels",
        "compare": ".scenes.panels",
        "matrix": ".scenes.panels",
        "contour": ".flat.contours",
        "figure": ".paper.hybrid",
        "mosaic": ".paper.mosaics",
        "volume": ".flat.volumes",
        "thumbnail": ".flat.thumbnails",
        # lines
        "line": ".flat.line_figures",
        "section": ".flat.line_figures",
        "barrier": ".flat.line_figures",
        # kinks and the microscope
        "kink_contour": ".kinks.kink_lines",
        "kink_surface": ".kinks.kink_lines",
        "microscope": ".closeups.clay",
        "zoom": ".closeups.clay",
        "residual_scaling": ".closeups.scaling",
        # measurements
        "activation_plate": ".measured.activation_plates",
        "slope_budgets": ".measured.budget_bars",
        "layer_budgets": ".measured.budget_layers",
        "curvature_scale": ".measured.curvature_lines",
        "along_path": ".measured.path_lines",
        "spectrum": ".measured.spectra",
        # films, and files for other programs
        "animate_descent": ".films.descent",
        "animate_zoom": ".films.zoom",
        "export_mesh": ".meshes.mesh_files",
        "export_close_up": ".meshes.close_up_meshes",
        # in a browser
        "to_html": ".browser.html",
        "toy_html": ".browser.html",
        "show": ".browser.notebook",
        # into a file
        "caption_of": ".captions.told",
        "save": ".writing",
    }
)

__all__ = [
    "HeightScale",
    "Look",
    "Panel",
    "Style",
    "activation_plate",
    "along_path",
    "animate_descent",
    "animate_zoom",
    "barrier",
    "caption_of",
    "compare",
    "contour",
    "curvature_scale",
    "export_close_up",
    "export_mesh",
    "figure",
    "kink_contour",
    "kink_surface",
    "layer_budgets",
    "line",
    "matrix",
    "microscope",
    "mosaic",
    "residual_scaling",
    "save",
    "section",
    "show",
    "slope_budgets",
    "spectrum",
    "surface",
    "thumbnail",
    "to_html",
    "toy_html",
    "volume",
    "width_of",
    "zoom",
]


def __getattr__(name: str) -> Any:
    if name == "report":
        return import_module(".report", __name__)
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
