"""Kinks measured: the slope budget of a segment, the kink map of a plane."""

from landscape.derivatives import gradient
from landscape.kinks.creasing import creased_surface
from landscape.kinks.measuring import slope_budget
from landscape.kinks.path import along_path, spread_records
from landscape.kinks.plane_map import kink_map
from landscape.kinks.scale import curvature_against_scale
from landscape.kinks.segments import gradient_segment, random_segment

__all__ = [
    "along_path",
    "creased_surface",
    "curvature_against_scale",
    "gradient",
    "gradient_segment",
    "kink_map",
    "random_segment",
    "slope_budget",
    "spread_records",
]
