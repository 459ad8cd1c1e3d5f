"""Kinks in pictures: their curves, their density, surfaces cut along them."""
