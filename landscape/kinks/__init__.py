"""Kinks measured: the slope budget of a segment, crossing by crossing."""

from landscape.kinks.measuring import slope_budget
from landscape.kinks.segments import gradient, gradient_segment, random_segment

__all__ = ["gradient", "gradient_segment", "random_segment", "slope_budget"]
