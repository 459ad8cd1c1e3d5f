"""Figures seen from above and along lines, in matplotlib."""
