"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.browser.html import page_of, to_html, toy_html
    from viz.browser.notebook import show
    from viz.captions.beside import as_markdown
    from viz.captions.latex import latex_caption
    from viz.captions.surfaces import caption
    from viz.captions.told import caption_of
    from viz.closeups.microscope_captions import microscope_caption
    from viz.closeups.microscope_scene import microscope_3d
    from viz.closeups.microscopy import microscope, zooms
    from viz.closeups.scaling import residual_scaling
    from viz.explorer.desktop import explore_in_window
    from viz.explorer.regions import check_points
    from viz.explorer.server import check_address, explore_in_browser
    from viz.films.descent import animate_descent
    from viz.films.video import check_video
    from viz.films.zoom import animate_zoom
    from viz.flat.contours import contour
    from viz.flat.line_figures import barrier, line, line_caption, section
    from viz.geometry.height import HeightScale
    from viz.geometry.window import visible
    from viz.kinks.density import kink_density
    from viz.kinks.kink_cut_figure import creased
    from viz.kinks.kink_lines import kink_contour, kink_surface
    from viz.measured.activation_plates import activation_caption, activation_plate
    from viz.measured.budget_bars import budget_caption, slope_budgets
    from viz.measured.budget_layers import layer_budgets, layer_caption
    from viz.measured.curvature_captions import curvature_scale_caption
    from viz.measured.curvature_lines import curvature_scale
    from viz.measured.path_lines import along_path, along_path_caption
    from viz.measured.spectra import spectrum, spectrum_caption
    from viz.meshes.mesh_files import export_mesh
    from viz.offscreen import ensure
    from viz.paper.hybrid import figure, figure_caption, figure_style
    from viz.paper.mosaics import mosaic, mosaic_caption
    from viz.report.effect_lines import MOST_EFFECTS, effect_groups, effect_lines
    from viz.report.report_page import ClaimPart, Report, Scene, Section, to_report, write_report
    from viz.report.report_parts import Picture, Table, picture_of
    from viz.report.spreads import spread_lines
    from viz.scenes.matrices import matrix
    from viz.scenes.panels import compare, surface
    from viz.signature import signed
    from viz.style import Style
    from viz.venues import width_of
    from viz.writing import save

_HOME = MappingProxyType(
    {
        # pictures
        "surface": "scenes.panels",
        "compare": "scenes.panels",
        "matrix": "scenes.matrices",
        "contour": "flat.contours",
        "figure_style": "paper.hybrid",
        "figure": "paper.hybrid",
        "figure_caption": "paper.hybrid",
        "line": "flat.line_figures",
        "line_caption": "flat.line_figures",
        "section": "flat.line_figures",
        "barrier": "flat.line_figures",
        "mosaic": "paper.mosaics",
        "mosaic_caption": "paper.mosaics",
        "microscope": "closeups.microscopy",
        "microscope_3d": "closeups.microscope_scene",
        "zooms": "closeups.microscopy",
        "residual_scaling": "closeups.scaling",
        "kink_contour": "kinks.kink_lines",
        "kink_surface": "kinks.kink_lines",
        "kink_density": "kinks.density",
        "creased": "kinks.kink_cut_figure",
        "visible": "geometry.window",
        # figures of measurements
        "slope_budgets": "measured.budget_bars",
        "layer_budgets": "measured.budget_layers",
        "curvature_scale": "measured.curvature_lines",
        "along_path": "measured.path_lines",
        "spectrum": "measured.spectra",
        "effect_lines": "report.effect_lines",
        "effect_groups": "report.effect_lines",
        "spread_lines": "report.spreads",
        "MOST_EFFECTS": "report.effect_lines",
        # what is written below
        "activation_plate": "measured.activation_plates",
        "activation_caption": "measured.activation_plates",
        "caption": "captions.surfaces",
        "caption_of": "captions.told",
        "microscope_caption": "closeups.microscope_captions",
        "budget_caption": "measured.budget_bars",
        "layer_caption": "measured.budget_layers",
        "curvature_scale_caption": "measured.curvature_captions",
        "along_path_caption": "measured.path_lines",
        "spectrum_caption": "measured.spectra",
        # into a file
        "as_markdown": "captions.beside",
        "latex_caption": "captions.latex",
        "save": "writing",
        "signed": "signature",
        # films
        "animate_descent": "films.descent",
        "animate_zoom": "films.zoom",
        "check_video": "films.video",
        # files for other programs
        "export_mesh": "meshes.mesh_files",
        # the report
        "Report": "report.report_page",
        "ClaimPart": "report.report_page",
        "Section": "report.report_page",
        "Scene": "report.report_page",
        "Picture": "report.report_parts",
        "Table": "report.report_parts",
        "picture_of": "report.report_parts",
        "to_report": "report.report_page",
        "write_report": "report.report_page",
        # in a browser
        "page_of": "browser.html",
        "to_html": "browser.html",
        "toy_html": "browser.html",
        "show": "browser.notebook",
        # live
        "check_address": "explorer.server",
        "check_points": "explorer.regions",
        "explore_in_browser": "explorer.server",
        "explore_in_window": "explorer.desktop",
        # how they look
        "HeightScale": "geometry.height",
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
