"""Files of pictures and captions: where they go, and that none of somebody else's is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from landscape import viz

# The first line of a caption that may be replaced.
_MARK = "Lossoscope: caption of"


def files_of(stems: Sequence[str], out: Path, formats: Sequence[str], what: str) -> list[Path]:
    """Return the files to write.

    Args:
        stems: their names without the suffix, in a folder.
        out: that folder, or the one file.
        formats: suffixes without the dot, the usual one first.
        what: is written, for messages.

    Raises:
        ValueError: for a file of another format, or one file for several pictures.
    """
    if not out.suffix or out.is_dir():
        return [out / f"{stem}.{formats[0]}" for stem in stems]
    if out.suffix.removeprefix(".").lower() not in formats:
        known = ", ".join(f".{suffix}" for suffix in formats)
        raise ValueError(f"{what} is written as {known}, got {out.name!r}")
    if len(stems) != 1:
        raise ValueError(
            f"{out} is one file, got {len(stems)} to write; choose one with --surface, or give a "
            "folder"
        )
    return [out]


def check_ours(path: Path, *, force: bool, captions: Sequence[str] = ()) -> None:
    """Check that the files of a picture are not somebody else's.

    Args:
        path: of the picture.
        force: whether they are replaced whosever they are.
        captions: suffixes of the captions beside it.

    Raises:
        ValueError: if one exists and does not name this software, unless ``force`` is given.
    """
    from landscape.viz.signature import signed

    for file in (path, *map(path.with_suffix, captions)):
        ours = signed if file == path else _is_caption
        if not force and file.exists() and not ours(file):
            raise ValueError(
                f"{file} exists and was not written by this program; name another file, or --force "
                "to replace it"
            )


def _is_caption(path: Path) -> bool:
    return _MARK.encode() in path.read_bytes().partition(b"\n")[0]


def write_captioned(picture: Any, path: Path, captions: Sequence[str] = (".md",)) -> list[Path]:
    """Write a picture and, with a mark, its caption beside it; return all files.

    Args:
        picture: as :func:`viz.save` takes it.
        path: of the picture.
        captions: ``.tex`` for a figure of LaTeX, ``.md`` for Markdown.
    """
    from landscape.viz.captions.beside import as_markdown, latex_caption

    caption, mark = viz.caption_of(picture), f"{_MARK} {path.name}."
    texts = {".tex": f"% {mark}\n{latex_caption(caption, path.stem)}",
             ".md": f"<!-- {mark} -->\n{as_markdown(caption)}"}  # fmt: skip
    written = [viz.save(picture, path), *map(path.with_suffix, captions)]
    for file in written[1:]:
        file.write_text(texts[file.suffix], encoding="utf-8")
    return written
