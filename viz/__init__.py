"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used. The parts of a report are in :mod:`viz.report`.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.records.panel import Panel
    from viz.browser.html import to_html, toy_html
    from viz.browser.notebook import show
    from viz.captions.told import caption_of
    from viz.closeups.microscope_captions import StepFacts
    from viz.closeups.microscope_scene import microscope_3d
    from viz.closeups.microscopy import microscope, zooms
    from viz.closeups.scaling import residual_scaling
    from viz.films.descent import animate_descent
    from viz.films.zoom import animate_zoom
    from viz.flat.contours import contour
    from viz.flat.line_figures import barrier, line, section
    from viz.geometry.height import HeightScale
    from viz.kinks.kink_cut_figure import creased
    from viz.kinks.kink_lines import kink_contour, kink_surface
    from viz.look import Look
    from viz.measured.activation_plates import activation_plate
    from viz.measured.budget_bars import slope_budgets
    from viz.measured.budget_layers import layer_budgets
    from viz.measured.curvature_lines import curvature_scale
    from viz.measured.path_lines import along_path
    from viz.measured.spectra import spectrum
    from viz.meshes.mesh_files import export_mesh
    from viz.paper.hybrid import figure
    from viz.paper.mosaics import mosaic
    from viz.scenes.matrices import matrix
    from viz.scenes.panels import compare, surface
    from viz.style import Style
    from viz.venues import width_of
    from viz.writing import save

_HOME = MappingProxyType(
    {
        # what a picture shows, and how it looks
        "Panel": "landscape.records.panel",
        "Look": "viz.look",
        "HeightScale": "viz.geometry.height",
        "Style": "viz.style",
        "width_of": "viz.venues",
        # surfaces
        "surface": "viz.scenes.panels",
        "compare": "viz.scenes.panels",
        "matrix": "viz.scenes.matrices",
        "contour": "viz.flat.contours",
        "figure": "viz.paper.hybrid",
        "mosaic": "viz.paper.mosaics",
        # lines
        "line": "viz.flat.line_figures",
        "section": "viz.flat.line_figures",
        "barrier": "viz.flat.line_figures",
        # kinks and the microscope
        "kink_contour": "viz.kinks.kink_lines",
        "kink_surface": "viz.kinks.kink_lines",
        "creased": "viz.kinks.kink_cut_figure",
        "microscope": "viz.closeups.microscopy",
        "microscope_3d": "viz.closeups.microscope_scene",
        "StepFacts": "viz.closeups.microscope_captions",
        "zooms": "viz.closeups.microscopy",
        "residual_scaling": "viz.closeups.scaling",
        # measurements
        "activation_plate": "viz.measured.activation_plates",
        "slope_budgets": "viz.measured.budget_bars",
        "layer_budgets": "viz.measured.budget_layers",
        "curvature_scale": "viz.measured.curvature_lines",
        "along_path": "viz.measured.path_lines",
        "spectrum": "viz.measured.spectra",
        # films, and files for other programs
        "animate_descent": "viz.films.descent",
        "animate_zoom": "viz.films.zoom",
        "export_mesh": "viz.meshes.mesh_files",
        # in a browser
        "to_html": "viz.browser.html",
        "toy_html": "viz.browser.html",
        "show": "viz.browser.notebook",
        # into a file
        "caption_of": "viz.captions.told",
        "save": "viz.writing",
    }
)

__all__ = [
    "HeightScale",
    "Look",
    "Panel",
    "StepFacts",
    "Style",
    "activation_plate",
    "along_path",
    "animate_descent",
    "animate_zoom",
    "barrier",
    "caption_of",
    "compare",
    "contour",
    "creased",
    "curvature_scale",
    "export_mesh",
    "figure",
    "kink_contour",
    "kink_surface",
    "layer_budgets",
    "line",
    "matrix",
    "microscope",
    "microscope_3d",
    "mosaic",
    "residual_scaling",
    "save",
    "section",
    "show",
    "slope_budgets",
    "spectrum",
    "surface",
    "to_html",
    "toy_html",
    "width_of",
    "zooms",
]


def __getattr__(name: str) -> Any:
    if name == "report":
        return import_module("viz.report")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
