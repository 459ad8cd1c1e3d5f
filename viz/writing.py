"""Writing pictures: whole or not at all, never blank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.atomic import replacing, writable_folder

from .captions.beside import as_latex, as_markdown
from .captions.told import caption_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_FORMATS = (".pdf", ".png", ".svg")
# What a figure's file names as its maker.
SOFTWARE = "Lossoscope"
_LEAST_DEVIATION = 5.0


def save(picture: Any, path: Path | str, *, caption: str | bool = False) -> Path:
    """Write a figure or a 3D picture and return the path.

    A plotter is closed. The file holds no time of writing: the same picture gives the same bytes.

    Args:
        picture: a ``pyvista.Plotter`` or a ``matplotlib.figure.Figure``.
        path: a plotter is written as ``.png``; a figure as ``.png``, ``.pdf`` or ``.svg``.
        caption: a text, or True for the picture's own caption: also written beside the picture, as
            ``<stem>.md`` and, with LaTeX's special characters escaped, as ``<stem>.tex``, each with
            the papers to cite.

    Raises:
        ValueError: for another suffix (the message lists the known), or the own caption of a
            picture that has none.
        RuntimeError: if the rendered picture is blank.
        OSError: if the folder cannot be written.
    """
    path = Path(path)
    text = caption_of(picture) if caption is True else caption or ""
    if caption is True and not text:
        raise ValueError("nothing is known of this picture; give its caption as a text")
    writable_folder(path.parent)
    if hasattr(picture, "savefig"):
        _save_figure(picture, path)
    else:
        _save_plotter(picture, path)
    if text:
        for suffix, words in ((".tex", as_latex(text)), (".md", as_markdown(text))):
            with replacing(path.with_suffix(suffix)) as temporary:
                Path(temporary).write_text(words, encoding="utf-8")
    return path


def _save_figure(figure: Figure, path: Path) -> None:
    _check_suffix(path, FIGURE_FORMATS)
    import matplotlib

    from .flat.contours import FIGURE_SETTINGS

    metadata: dict[str, Any] = {
        ".pdf": {"Creator": SOFTWARE, "CreationDate": None},
        ".svg": {"Creator": SOFTWARE, "Date": None},
        ".png": {"Software": SOFTWARE},
    }
    # A figure that holds rendered pictures has their resolution.
    dpi = max(float(figure.dpi), float(FIGURE_SETTINGS["savefig.dpi"]))
    with matplotlib.rc_context(dict(FIGURE_SETTINGS)), replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata=metadata[path.suffix])


def _save_plotter(plotter: Any, path: Path) -> None:
    _check_suffix(path, (".png",))
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    try:
        image = np.asarray(plotter.screenshot(return_img=True))
    finally:
        plotter.close()
    if image.std() < _LEAST_DEVIATION:
        raise RuntimeError(f"the picture for {path} came out blank; try 'landscape info --machine'")
    info = PngInfo()
    info.add_text("Software", SOFTWARE)
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=6, pnginfo=info)


def _check_suffix(path: Path, known: tuple[str, ...]) -> None:
    if path.suffix not in known:
        raise ValueError(f"this picture is written as {' or '.join(known)}, got {path.name!r}")
