"""Kinks measured: the slope budget of a segment, crossing by crossing."""

from landscape.kinks.budget import slope_budget

__all__ = ["slope_budget"]
