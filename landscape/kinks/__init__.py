"""Kinks measured: the slope budget of a segment, the kink map of a plane."""

from landscape.derivatives import gradient
from landscape.kinks.creasing import creased_surface
from landscape.kinks.measuring import slope_budget
from landscape.kinks.path import along_path, spread_records
from landscape.kinks.plane_map import kink_map
from landscape.kinks.prediction import SlopePrediction, predicted_slope_change
from landscape.kinks.scale import curvature_against_scale
from landscape.kinks.segments import gradient_segment, random_segment

__all__ = [
    "SlopePrediction",
    "along_path",
    "creased_surface",
    "curvature_against_scale",
    "gradient",
    "gradient_segment",
    "kink_map",
    "predicted_slope_change",
    "random_segment",
    "slope_budget",
    "spread_records",
]
