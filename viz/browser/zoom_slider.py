"""Close-ups -> the zoom slider that opens a page: packed meshes, colours and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landscape.records.close_up import CloseUp
from landscape.records.plurals import counted

from ..closeups.blocks import DEPTH, RISE, VIEW
from ..closeups.clay import check_series, colour_of
from ..geometry.clay_material import FILL, KEY
from ..style import CLAY
from .packing import Blob, float_kind

# More networks side by side are too narrow.
MOST_NETWORKS = 4
_COUNTS = ("", "One network", "Two networks", "Three networks", "Four networks")


def zoom_of(series: Sequence[Sequence[CloseUp]], blobs: list[str]) -> dict[str, Any]:
    """Turn close-ups of networks into what the slider shows, as plain JSON values.

    Args:
        series: for each network its close-ups, widest first.
        blobs: gets their arrays, one text for each window.

    Raises:
        ValueError: for no network or more than 4, other windows for some, fewer than 2 windows, or
            losses that are not finite.
    """
    rows = check_series(series)
    if len(rows) > MOST_NETWORKS:
        raise ValueError(f"a page zooms into at most {MOST_NETWORKS} networks, got {len(rows)}")
    if len(rows[0]) < 2:
        raise ValueError("a slider needs at least 2 windows of each network, got 1")
    first = rows[0][0]
    logarithmic = all(row[0].surface.losses.min() > 0 for row in rows)
    return {
        "heading": f"{_COUNTS[len(rows)]}{', one loss' * (len(rows) > 1)}. Zoom in.",
        "sentence": _sentence(rows, logarithmic=logarithmic),
        "logarithmic": logarithmic,
        "widths": [closeup.width for closeup in rows[0]],
        "full_width": first.full_width or first.width,
        "step_width": first.step_width,
        "look": {
            "clay": CLAY, "depth": DEPTH, "rise": RISE, "view": list(VIEW),
            "lights": [list(KEY), list(FILL)],
        },
        "networks": [_network(row, blobs) for row in rows],
    }  # fmt: skip


def _network(closeups: Sequence[CloseUp], blobs: list[str]) -> dict[str, Any]:
    first = closeups[0]
    return {
        "title": first.title or first.run or "network", "colour": colour_of(first),
        "windows": [_window(closeup, blobs, whole=closeup is first) for closeup in closeups],
    }  # fmt: skip


def _window(closeup: CloseUp, blobs: list[str], *, whole: bool) -> dict[str, Any]:
    """Pack a mesh in units in which its window reaches from -1 to 1.

    Only the whole surface needs its losses themselves, for log heights. The others lose their tilt
    here, in float64: single precision would not hold a loss that hardly changes.
    """
    surface = closeup.surface if whole else closeup.without("tilt")
    (left, right), (low, high) = surface.window
    middle = [(left + right) / 2, (low + high) / 2]
    half = [(right - left) / 2, (high - low) / 2]
    blob = Blob()
    facts = {
        "places": blob.add((surface.coordinates - middle) / half, "f4"),
        "losses": blob.add(surface.losses, float_kind(surface.losses)),
        "gradients": blob.add(surface.gradients * half, "f2"),
        "triangles": blob.add(surface.triangles, "i4"),
        "creases": surface.curves + surface.uncut, "cut": surface.curves,
        "counted": surface.cut_share > 0,
    }  # fmt: skip
    blobs.append(blob.text())
    return {"blob": len(blobs) - 1, **facts}


def _sentence(rows: Sequence[Sequence[CloseUp]], *, logarithmic: bool) -> str:
    """Say what the heights are, and of how many networks."""
    surface = rows[0][0].surface
    loss = str(surface.settings.get("loss", "loss")).replace("_", " ")
    count = len({row[0].run or row[0].title for row in rows})
    words = _COUNTS[count].removesuffix(" networks").lower()
    networks = f"each of {words} differently trained networks" if count > 1 else "the network"
    heights = "logarithmic" if logarithmic else "linear"
    scaled = " and network" if count > 1 else ""
    return (
        f"Mean {loss} over {counted(surface.examples, 'example')} in one random plane through "
        f"{networks}; heights are {heights} for the whole surface, without their tilt closer in, "
        f"and scaled anew for every width{scaled}."
    )
