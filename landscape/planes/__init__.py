"""Planes, lines and segments through parameter space."""
