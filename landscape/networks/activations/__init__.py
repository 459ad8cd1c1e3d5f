"""Activations by name: how smooth each is, where its kinks are, and the module itself."""

from landscape.networks.activations.facts import Activation, Kink, Smoothness
from landscape.networks.activations.profiles import profile, usual_range
from landscape.networks.activations.registry import get, make, names

__all__ = ["Activation", "Kink", "Smoothness", "get", "make", "names", "profile", "usual_range"]
