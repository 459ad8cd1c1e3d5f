"""What a reader must know, beside a picture."""
