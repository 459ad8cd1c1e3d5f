"""Figures of what was measured: slope budgets, curvature, spectra, activations."""
