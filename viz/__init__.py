"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .browser.html import page_of, to_html, toy_html
    from .browser.notebook import show
    from .captions.beside import as_markdown
    from .captions.latex import latex_caption
    from .captions.surfaces import caption
    from .captions.told import caption_of
    from .closeups.microscope_captions import microscope_caption
    from .closeups.microscope_scene import microscope_3d
    from .closeups.microscopy import microscope, zooms
    from .closeups.scaling import residual_scaling
    from .explorer.desktop import explore_in_window
    from .explorer.regions import check_points
    from .explorer.server import check_address, explore_in_browser
    from .films.descent import animate_descent
    from .films.video import check_video
    from .films.zoom import animate_zoom
    from .flat.contours import contour
    from .flat.line_figures import barrier, line, line_caption, section
    from .geometry.height import HeightScale
    from .geometry.window import visible
    from .kinks.density import kink_density
    from .kinks.kink_cut_figure import kink_cut_surface
    from .kinks.kink_lines import kink_contour, kink_surface
    from .measured.activation_plates import activation_caption, activation_plate
    from .measured.budget_bars import budget_caption, slope_budgets
    from .measured.budget_layers import layer_budgets, layer_caption
    from .measured.curvature_captions import curvature_scale_caption
    from .measured.curvature_lines import curvature_scale
    from .measured.path_lines import along_path, along_path_caption
    from .measured.spectra import spectrum, spectrum_caption
    from .meshes.mesh_files import export_mesh
    from .offscreen import ensure
    from .paper.hybrid import figure, figure_caption, figure_style
    from .paper.mosaics import mosaic, mosaic_caption
    from .report.effect_lines import MOST_EFFECTS, effect_groups, effect_lines
    from .report.report_page import ClaimPart, Report, Scene, Section, to_report, write_report
    from .report.report_parts import Picture, Table, picture_of
    from .report.spreads import spread_lines
    from .scenes.matrices import matrix
    from .scenes.panels import compare, surface
    from .signature import signed
    from .style import Style
    from .venues import width_of
    from .writing import save

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
        "kink_cut_surface": "kinks.kink_cut_figure",
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
    "kink_cut_surface",
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
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
