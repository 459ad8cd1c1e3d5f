"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.activation_plates import activation_caption, activation_plate
    from viz.animation import animate_descent
    from viz.budget_bars import budget_caption, slope_budgets
    from viz.budget_layers import layer_budgets, layer_caption
    from viz.caption_files import as_markdown
    from viz.captions import caption
    from viz.contours import contour
    from viz.creases import creased
    from viz.curvature_captions import curvature_scale_caption
    from viz.curvature_lines import curvature_scale
    from viz.density import kink_density
    from viz.effects import MOST_EFFECTS, effect_groups, effect_lines
    from viz.explorer_server import check_address, explore_in_browser
    from viz.explorer_window import explore_in_window
    from viz.height import HeightScale
    from viz.html import page_of, to_html, toy_html
    from viz.hybrid import figure, figure_caption, figure_style
    from viz.kink_lines import kink_contour, kink_surface
    from viz.latex import latex_caption
    from viz.line_figures import barrier, line, line_caption, section
    from viz.matrices import matrix
    from viz.mesh_export import export_mesh
    from viz.microscope_captions import microscope_caption
    from viz.microscope_scene import microscope_3d
    from viz.microscopy import microscope, zooms
    from viz.mosaics import mosaic, mosaic_caption
    from viz.notebook import show
    from viz.offscreen import ensure
    from viz.panels import compare, surface
    from viz.path_lines import along_path, along_path_caption
    from viz.regions import check_points
    from viz.report import ClaimPart, Report, Scene, Section, to_report, write_report
    from viz.report_parts import Picture, Table, picture_of
    from viz.scaling import residual_scaling
    from viz.signature import signed
    from viz.spectra import spectrum, spectrum_caption
    from viz.spreads import spread_lines
    from viz.style import Style
    from viz.told import caption_of
    from viz.venues import width_of
    from viz.video import check_video
    from viz.window import visible
    from viz.writing import save
    from viz.zooming import animate_zoom

_HOME = MappingProxyType(
    {
        # pictures
        "surface": "panels",
        "compare": "panels",
        "matrix": "matrices",
        "contour": "contours",
        "figure_style": "hybrid",
        "figure": "hybrid",
        "figure_caption": "hybrid",
        "line": "line_figures",
        "line_caption": "line_figures",
        "section": "line_figures",
        "barrier": "line_figures",
        "mosaic": "mosaics",
        "mosaic_caption": "mosaics",
        "microscope": "microscopy",
        "microscope_3d": "microscope_scene",
        "zooms": "microscopy",
        "residual_scaling": "scaling",
        "kink_contour": "kink_lines",
        "kink_surface": "kink_lines",
        "kink_density": "density",
        "creased": "creases",
        "visible": "window",
        # figures of measurements
        "slope_budgets": "budget_bars",
        "layer_budgets": "budget_layers",
        "curvature_scale": "curvature_lines",
        "along_path": "path_lines",
        "spectrum": "spectra",
        "effect_lines": "effects",
        "effect_groups": "effects",
        "spread_lines": "spreads",
        "MOST_EFFECTS": "effects",
        # what is written below
        "activation_plate": "activation_plates",
        "activation_caption": "activation_plates",
        "caption": "captions",
        "caption_of": "told",
        "microscope_caption": "microscope_captions",
        "budget_caption": "budget_bars",
        "layer_caption": "budget_layers",
        "curvature_scale_caption": "curvature_captions",
        "along_path_caption": "path_lines",
        "spectrum_caption": "spectra",
        # into a file
        "as_markdown": "caption_files",
        "latex_caption": "latex",
        "save": "writing",
        "signed": "signature",
        # films
        "animate_descent": "animation",
        "animate_zoom": "zooming",
        "check_video": "video",
        # files for other programs
        "export_mesh": "mesh_export",
        # the report
        "Report": "report",
        "ClaimPart": "report",
        "Section": "report",
        "Scene": "report",
        "Picture": "report_parts",
        "Table": "report_parts",
        "picture_of": "report_parts",
        "to_report": "report",
        "write_report": "report",
        # in a browser
        "page_of": "html",
        "to_html": "html",
        "toy_html": "html",
        "show": "notebook",
        # live
        "check_address": "explorer_server",
        "check_points": "regions",
        "explore_in_browser": "explorer_server",
        "explore_in_window": "explorer_window",
        # how they look
        "HeightScale": "height",
        "Style": "style",
        "width_of": "venues",
        # the machine
        "ensure": "offscreen",
    }
)

__all__ = [
    "MOST_EFFECTS",
    "ClaimPart",
    "HeightScale",
    "Picture",
    "Report",
    "Scene",
    "Section",
    "Style",
    "Table",
    "activation_caption",
    "activation_plate",
    "along_path",
    "along_path_caption",
    "animate_descent",
    "animate_zoom",
    "as_markdown",
    "barrier",
    "budget_caption",
    "caption",
    "caption_of",
    "check_address",
    "check_points",
    "check_video",
    "compare",
    "contour",
    "creased",
    "curvature_scale",
    "curvature_scale_caption",
    "effect_groups",
    "effect_lines",
    "ensure",
    "explore_in_browser",
    "explore_in_window",
    "export_mesh",
    "figure",
    "figure_caption",
    "figure_style",
    "kink_contour",
    "kink_density",
    "kink_surface",
    "latex_caption",
    "layer_budgets",
    "layer_caption",
    "line",
    "line_caption",
    "matrix",
    "microscope",
    "microscope_3d",
    "microscope_caption",
    "mosaic",
    "mosaic_caption",
    "page_of",
    "picture_of",
    "residual_scaling",
    "save",
    "section",
    "show",
    "signed",
    "slope_budgets",
    "spectrum",
    "spectrum_caption",
    "spread_lines",
    "surface",
    "to_html",
    "to_report",
    "toy_html",
    "visible",
    "width_of",
    "write_report",
    "zooms",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"viz.{_HOME[name]}"), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
