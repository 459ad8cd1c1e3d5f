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
    from viz.captions import caption
    from viz.contours import contour
    from viz.creases import creased
    from viz.density import kink_density
    from viz.height import HeightScale
    from viz.kink_lines import kink_contour, kink_surface
    from viz.mesh_export import export_mesh
    from viz.microscope_captions import microscope_caption
    from viz.microscope_scene import microscope_3d
    from viz.microscopy import microscope, zooms
    from viz.offscreen import ensure
    from viz.panels import compare, surface
    from viz.scaling import residual_scaling
    from viz.style import Style
    from viz.video import check_video
    from viz.writing import save
    from viz.zooming import animate_zoom

_HOME = MappingProxyType(
    {
        # pictures
        "surface": "panels",
        "compare": "panels",
        "contour": "contours",
        "microscope": "microscopy",
        "microscope_3d": "microscope_scene",
        "zooms": "microscopy",
        "residual_scaling": "scaling",
        "kink_contour": "kink_lines",
        "kink_surface": "kink_lines",
        "kink_density": "density",
        "creased": "creases",
        "activation_plate": "activation_plates",
        "activation_caption": "activation_plates",
        "caption": "captions",
        "microscope_caption": "microscope_captions",
        "save": "writing",
        # films
        "animate_descent": "animation",
        "animate_zoom": "zooming",
        "check_video": "video",
        # files for other programs
        "export_mesh": "mesh_export",
        # how they look
        "HeightScale": "height",
        "Style": "style",
        # the machine
        "ensure": "offscreen",
    }
)

__all__ = [
    "HeightScale",
    "Style",
    "activation_caption",
    "activation_plate",
    "animate_descent",
    "animate_zoom",
    "caption",
    "check_video",
    "compare",
    "contour",
    "creased",
    "ensure",
    "export_mesh",
    "kink_contour",
    "kink_density",
    "kink_surface",
    "microscope",
    "microscope_3d",
    "microscope_caption",
    "residual_scaling",
    "save",
    "surface",
    "zooms",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"viz.{_HOME[name]}"), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
