"""Pictures and tables as parts of a page: everything inside it, nothing beside it."""

from __future__ import annotations

import base64
import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..captions.told import caption_of
from ..geometry.numbers import minus
from ..style import PAPER
from ..writing import SOFTWARE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A vector figure larger than this is embedded as pixels.
_LARGEST_SVG = 400_000
_DPI = 144
# What a table program takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture in the page.

    Attributes:
        data: the bytes of a PNG or SVG file.
        kind: which.
        alt: what is to be seen, for those who do not see it.
        caption: below it.
        width: in inches at which its letters have their size; a narrower screen scrolls it.
    """

    data: bytes
    kind: Literal["png", "svg"]
    alt: str
    caption: str = ""
    width: float = 5.5

    @property
    def source(self) -> str:
        """The picture as an address that holds it."""
        return f"data:{_TYPES[self.kind]};base64,{base64.b64encode(self.data).decode()}"

    @property
    def pixels(self) -> int:
        """Its width on a screen in CSS pixels, 96 to the inch."""
        return round(96 * self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, which can be taken out of the page as CSV.

    Attributes:
        name: of the file, without suffix.
        title: above it.
        header: names of the columns.
        rows: their values; numbers are shown to four digits, kept whole in the file.
        note: below it.
        listed: rows that are shown; the file has all. None shows all.
        columns: the first so many are shown; the file has all. None shows all.
    """

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    listed: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"a row of {self.name} must have {len(self.header)} values, got {len(row)}"
                )

    @property
    def csv(self) -> str:
        """The whole table as CSV (RFC 4180)."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(map(_harmless, self.header))
        writer.writerows([_harmless(value) for value in row] for row in self.rows)
        return text.getvalue()

    @property
    def source(self) -> str:
        """The file as an address that holds it."""
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(self.csv.encode()).decode()}"

    @property
    def shown(self) -> list[list[str]]:
        """Rows as they are shown."""
        return [[shown(value) for value in row[: self.columns]] for row in self.rows[: self.listed]]

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers."""
        columns = zip(*self.rows, strict=True) if self.rows else [() for _ in self.header]
        return [any(_is_number(v) for v in column) and
                all(v is None or _is_number(v) for v in column) for column in columns]  # fmt: skip


def shown(value: Any) -> str:
    """Write a value for a reader.

    >>> [shown(v) for v in (0.123456, 12345, None, float("inf"), True, "relu")]
    ['0.1235', '12,345', '–', '∞', 'yes', 'relu']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return minus(f"{value:.4g}")
    return str(value)


def picture_of(drawn: Any, *, alt: str, caption: str | None = None) -> Picture:
    """Make a picture of a figure or a 3D picture, which is closed.

    Args:
        drawn: a ``matplotlib.figure.Figure`` or a ``pyvista.Plotter``.
        alt: what is to be seen.
        caption: below it; None takes the picture's own.
    """
    text = caption_of(drawn) if caption is None else caption
    if hasattr(drawn, "savefig"):
        width = float(drawn.get_figwidth())
        data = _written(drawn, "svg", metadata={"Creator": SOFTWARE, "Date": None})
        if len(data) <= _LARGEST_SVG:
            return Picture(data=data, kind="svg", alt=alt, caption=text, width=width)
        data = _written(drawn, "png", dpi=_DPI, metadata={"Software": SOFTWARE})
        return Picture(data=data, kind="png", alt=alt, caption=text, width=width)
    data, wide = _rendered(drawn)
    return Picture(data=data, kind="png", alt=alt, caption=text, width=wide / _DPI)


def _written(figure: Figure, kind: str, **options: Any) -> bytes:
    import matplotlib

    # Letters as outlines: a reader's machine has none of these fonts.
    file = io.BytesIO()
    with matplotlib.rc_context({**PAPER.figure_settings, "svg.fonttype": "path"}):
        figure.savefig(file, format=kind, **options)
    return file.getvalue()


def _rendered(plotter: Any) -> tuple[bytes, int]:
    import numpy as np
    from PIL import Image

    try:
        image = np.asarray(plotter.screenshot(return_img=True))
    finally:
        plotter.close()
    if image.std() < 5.0:
        raise RuntimeError("a picture came out blank; try 'landscape info --machine'")
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG", optimize=True)
    return file.getvalue(), image.shape[1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _harmless(value: Any) -> Any:
    """Return a value which a table program does not take for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
