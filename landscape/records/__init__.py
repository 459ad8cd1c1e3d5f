"""Records: frozen dataclasses of numpy arrays, and what all of them need. No torch."""
