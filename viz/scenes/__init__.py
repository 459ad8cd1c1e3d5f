"""Pictures in 3D, in PyVista."""
