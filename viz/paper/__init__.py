"""Figures for papers: rendered surfaces inside vector axes."""
