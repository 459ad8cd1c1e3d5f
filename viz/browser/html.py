"""One file that turns landscapes in a browser: offline, with everything inside."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from landscape.records.atomic import writable_folder, write_bytes
from landscape.records.choices import known_names
from landscape.records.close_up import CloseUp

from ..geometry.centre_mark import WORDS
from ..geometry.window import LEAST_CAPTURED
from ..style import Style
from ..writing import SOFTWARE
from .records import Records, contents_of, sort_records
from .zoom_slider import zoom_of

WEB = Path(__file__).parents[1] / "web"
# A name, not a path: what is typed after `landscape render`.
_STUDY = "study.h5"
# Themes of the page and the styles of pictures whose paths have the same colours.
_STYLES = {"light": "paper", "dark": "dark"}


def to_html(
    items: Records,
    path: Path | str,
    *,
    zoom: Sequence[Sequence[CloseUp]] = (),
    title: str = "",
    runs: Mapping[str, str] | None = None,
    kinked: Iterable[str] = (),
    show: Sequence[str] = (),
    source: str = _STUDY,
) -> Path:
    """Write panels with what belongs to them as one HTML file and return its path.

    The file opens from disk, without a network. Losses are float32, gradients float16. The reader
    of the page chooses height, colour and shading there, so that it takes no look.

    Args:
        items: records, or records by their ids: panels or surfaces, kink maps, and residuals of
            the microscope (a zoom series behind the surface of their run). A panel without a title
            has that of its run, or its id. None are needed beside ``zoom``.
        path: of the file.
        zoom: for each of one to four networks its close-ups, widest first, as of
            :func:`landscape.close_ups`. The page opens on a slider from the whole surfaces down to
            one optimizer step.
        title: of the page.
        runs: names to show for runs.
        kinked: runs whose activation has kinks: without stored gradients they are shaded flat, so
            that creases stay crisp.
        show: ids of the surfaces that are shown first; the first two by default.
        source: name of the study in the command that the page offers.

    Raises:
        TypeError: for an item that is no record.
        ValueError: without a surface, for lines and volumes, if no surface has a finite value, for
            unknown ids in ``show``, or for close-ups of other windows.
        OSError: if the file cannot be written.
    """
    text = page_of(items, zoom=zoom, title=title, runs=runs, kinked=kinked, show=show,
                   source=source)  # fmt: skip
    path = Path(path)
    writable_folder(path.parent)
    write_bytes(path, text.encode("utf-8"))
    return path


def page_of(
    items: Records,
    *,
    zoom: Sequence[Sequence[CloseUp]] = (),
    title: str = "",
    runs: Mapping[str, str] | None = None,
    kinked: Iterable[str] = (),
    show: Sequence[str] = (),
    source: str = _STUDY,
) -> str:
    """Return the page of :func:`to_html` as a text."""
    records = sort_records(items, needed=not zoom)
    contents = contents_of(records, kinked=kinked, runs=runs or {})
    zooming = zoom_of(zoom, contents.blobs) if zoom else None
    known = [panel["id"] for panel in contents.panels]
    unknown = [name for name in show if name not in known]
    if unknown:
        raise ValueError(f"no surface {', '.join(unknown)} to show; {known_names(known)}")
    page = {
        "mode": "study", "title": title or "Loss landscapes", "source": source,
        "panels": contents.panels, "paths": contents.paths, "kinks": contents.kinks,
        "centres": dict(WORDS), "least_captured": LEAST_CAPTURED, "zoom": zooming,
        "show": [known.index(name) for name in show] or list(range(min(2, len(known)))),
    }  # fmt: skip
    return document(page, contents.blobs)


def toy_html(path: Path | str) -> Path:
    """Write the page of a network with two parameters and return its path.

    Everything is computed in the page: the loss over both parameters, its kink lines, gradient
    descent at a chosen rate, and the slope along the way with its jumps.

    Raises:
        OSError: if the file cannot be written.
    """
    path = Path(path)
    writable_folder(path.parent)
    write_bytes(
        path, document({"mode": "toy", "title": "A network of two parameters"}, []).encode()
    )
    return path


def document(page: Mapping[str, Any], blobs: Sequence[str]) -> str:
    """Write a page around what it shows.

    Names from files stay text: they are in one block of JSON in which no ``<`` is left, and the
    policy of the page lets no script run but the viewer, known by its digest.
    """
    script = (WEB / "dist" / "viewer.js").read_text(encoding="utf-8")
    style = (WEB / "dist" / "viewer.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    colours = {name: Style.named(style).path_colours for name, style in _STYLES.items()}
    told = {**page, "path_colours": colours}
    data = json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    arrays = "\n".join(
        f'<script type="text/plain" id="lossoscope-blob-{i}">{text}</script>'
        for i, text in enumerate(blobs)
    )
    title = html.escape(str(page.get("title", "")))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="{SOFTWARE}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page draws with JavaScript, which is switched off.</noscript>
<script type="application/json" id="lossoscope-data">{data}</script>
{arrays}
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    """Return how a policy names an inline block."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
