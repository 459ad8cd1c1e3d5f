"""The viewer in a notebook: a whole page in a frame, so that nothing has to be set up."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from viz.html import page_of
from viz.html_records import Record


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that notebooks show in a frame.

    Attributes:
        page: the whole page, as :func:`viz.to_html` writes it.
        height: of the frame, in pixels.
        told: what is shown where no HTML is.
    """

    page: str
    height: int
    told: str

    def __repr__(self) -> str:
        return self.told

    def _repr_html_(self) -> str:
        """Return the frame. Scripts in it are kept apart from the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.page, quote=True)}" title="Loss landscapes" '
            'sandbox="allow-scripts allow-downloads allow-modals" allow="clipboard-write" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8884"></iframe>'
        )


def show(
    items: Record | Mapping[str, Record] | Iterable[Record],
    *,
    height: int = 560,
    **options: Any,
) -> Shown:
    """Show surfaces with what belongs to them as the last value of a notebook's cell.

    Works in Jupyter, VS Code and Colab without an extension and without a network: the frame holds
    everything.

    Args:
        items: as for :func:`viz.to_html`.
        height: of the frame, in pixels.
        options: ``title``, ``titles``, ``runs``, ``kinked``, ``show`` and ``source`` of
            :func:`viz.to_html`.

    Raises:
        TypeError: for an item that is no record.
        ValueError: as :func:`viz.to_html`, or for a height below 200.
    """
    if height < 200:
        raise ValueError(f"height must be at least 200 pixels, got {height}")
    page = page_of(items, **options)
    size = len(page) / 1e6
    return Shown(page, height, f"<interactive page of {size:.1f} MB; viz.to_html writes it>")
