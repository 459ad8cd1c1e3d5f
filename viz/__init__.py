"""Pictures of stored records: 3D surfaces, comparisons, contours. Needs no torch.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.captions import caption
    from viz.contours import contour
    from viz.creases import creased
    from viz.density import kink_density
    from viz.height import HeightScale
    from viz.kink_lines import kink_contour, kink_surface
    from viz.matrices import matrix
    from viz.microscope_captions import microscope_caption
    from viz.microscope_scene import microscope_3d
    from viz.microscopy import microscope, zooms
    from viz.offscreen import ensure
    from viz.panels import compare, surface
    from viz.scaling import residual_scaling
    from viz.style import Style
    from viz.told import caption_of
    from viz.venues import width_of
    from viz.writing import save

_HOME = MappingProxyType(
    {
        # pictures
        "surface": "panels",
        "compare": "panels",
        "matrix": "matrices",
        "contour": "contours",
        "microscope": "microscopy",
        "microscope_3d": "microscope_scene",
        "zooms": "microscopy",
        "residual_scaling": "scaling",
        "kink_contour": "kink_lines",
        "kink_surface": "kink_lines",
        "kink_density": "density",
        "creased": "creases",
        "caption": "captions",
        "caption_of": "told",
        "microscope_caption": "microscope_captions",
        "save": "writing",
        # how they look
        "HeightScale": "height",
        "Style": "style",
        "width_of": "venues",
        # the machine
        "ensure": "offscreen",
    }
)

__all__ = [
    "HeightScale",
    "Style",
    "caption",
    "caption_of",
    "compare",
    "contour",
    "creased",
    "ensure",
    "kink_contour",
    "kink_density",
    "kink_surface",
    "matrix",
    "microscope",
    "microscope_3d",
    "microscope_caption",
    "residual_scaling",
    "save",
    "surface",
    "width_of",
    "zooms",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"viz.{_HOME[name]}"), name)
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
