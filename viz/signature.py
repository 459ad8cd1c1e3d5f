"""Whether a file was written by :func:`viz.save` or :func:`viz.to_html`."""

from __future__ import annotations

import re
from pathlib import Path

from .writing import SOFTWARE


def signed(path: Path) -> bool:
    """Return whether a PDF, PNG, SVG or HTML file names this software as its maker.

    A document that only contains such a figure does not.
    """
    if path.suffix == ".pdf":
        return _signed_pdf(path.read_bytes())
    if path.suffix == ".png":
        return _signed_png(path)
    if path.suffix.lower() in (".html", ".htm"):
        with path.open("rb") as file:
            return f'<meta name="generator" content="{SOFTWARE}">'.encode() in file.read(2000)
    head = path.read_bytes()[:4000] if path.suffix == ".svg" else b""
    return f"<dc:title>{SOFTWARE}</dc:title>".encode() in head


def _signed_pdf(content: bytes) -> bool:
    """Look into the document's own information, which its trailer points to."""
    _, keyword, trailer = content.rpartition(b"trailer")
    number = re.search(rb"/Info (\d+) 0 R", trailer)
    if not keyword or number is None:
        return False
    entry = re.search(rb"(?:^|\n)" + number[1] + rb" 0 obj(.*?)endobj", content, re.DOTALL)
    return entry is not None and f"/Creator ({SOFTWARE})".encode() in entry[1]


def _signed_png(path: Path) -> bool:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return picture.info.get("Software") == SOFTWARE
    except UnidentifiedImageError:
        return False
