"""The live explorer: windows and lines sampled while one looks."""
