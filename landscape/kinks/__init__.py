"""Kinks measured: the slope budget of a segment, the kink map of a plane."""

from landscape.kinks.curvature_scale import curvature_against_scale
from landscape.kinks.kink_cut import kink_cut_surface
from landscape.kinks.path_following import along_path, spread_records
from landscape.kinks.plane_map import kink_map
from landscape.kinks.prediction import SlopePrediction, predicted_slope_change
from landscape.kinks.slope_budgets import slope_budget

__all__ = [
    "SlopePrediction",
    "along_path",
    "curvature_against_scale",
    "kink_cut_surface",
    "kink_map",
    "predicted_slope_change",
    "slope_budget",
    "spread_records",
]
