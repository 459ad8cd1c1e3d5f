"""Records as a line of text and a notebook's table: what they hold, never all their numbers."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

# numpy is imported where it is used: the command prints its help without it.
if TYPE_CHECKING:
    import numpy as np

# Larger arrays, and those that lie in a file, are told without their range.
_LARGEST = 2_000_000
_LONGEST = 120
_MOST = 8


class Presented:
    """Gives a dataclass a short ``repr`` and a table for notebooks, made of its fields.

    >>> from landscape.records.grid import Grid
    >>> Grid.square(5)
    Grid(5 x 5, -1 to 1, -1 to 1)
    """

    __slots__ = ()

    def _texts(self) -> dict[str, str]:
        """Return what is told, by name; settings come last, in a row each."""
        texts = {f.name: in_short(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]
        settings = getattr(self, "settings", {})
        texts.pop("settings", None)
        return texts | {f"settings: {name}": in_short(value) for name, value in settings.items()}

    def __repr__(self) -> str:
        parts = [f"{name}={text}" for name, text in self._texts().items()
                 if text != "None" and not name.startswith("settings: ")]  # fmt: skip
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Return a table; whatever stands in a record stays text."""
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for name, text in self._texts().items()
            if text != "None"
        )
        return (f"<table><caption><strong>{html.escape(type(self).__name__)}</strong></caption>"
                f"{rows}</table>")  # fmt: skip


class Pictured(Presented):
    """Shows a small picture above the table of a surface or a panel.

    The table stands alone for what has no finite value or more than 2,000,000 points, and where
    nothing can be drawn.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        record: Any = self
        surface = getattr(record, "surface", record)
        table = Presented._repr_html_(self)
        if surface.grid.size > _LARGEST:
            return table
        try:
            # Not an import statement: records stand below all that draws them.
            drawn = import_module("landscape.viz").thumbnail(record)
        except (ImportError, OSError, RuntimeError, ValueError):
            return table
        image = b64encode(drawn).decode("ascii")
        return f'<img alt="the loss, drawn" src="data:image/png;base64,{image}">{table}'


def in_short(value: Any) -> str:
    """Write a value in a few words: an array by its shape, type and range, a text with an end.

    >>> import numpy as np
    >>> in_short(np.linspace(0, 2, 6).reshape(2, 3))
    '2 x 3 float64, 0 to 2'
    >>> in_short({"losses": np.array([0.5, np.nan])})
    'losses: 2 float64, 0.5 to 0.5, 1 not finite'
    >>> in_short(tuple(range(100)))
    '100 values'
    """
    import numpy as np

    if isinstance(value, np.ndarray):
        return _array_in_short(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        parts = [f"{name}: {in_short(item)}" for name, item in list(value.items())[:_MOST]]
        more = [f"{len(value) - _MOST} more"] if len(value) > _MOST else []
        return _shortened("; ".join([*parts, *more]) or "none", 3 * _LONGEST)
    if isinstance(value, tuple | list):
        few = len(value) <= _MOST
        return (
            _shortened(", ".join(map(in_short, value)) or "none") if few else f"{len(value)} values"
        )
    return _shortened(value if isinstance(value, str) else repr(value))


def _array_in_short(array: np.ndarray) -> str:
    import numpy as np

    size = " x ".join(map(str, array.shape)) or "1"
    text = f"{size} {array.dtype}"
    plain = array.dtype.kind in "iufb" and not isinstance(array, np.memmap)
    if not plain or not 0 < array.size <= _LARGEST:
        return text
    finite = array[np.isfinite(array)]
    ends = f", {finite.min():.4g} to {finite.max():.4g}" if finite.size else ""
    lost = array.size - finite.size
    return f"{text}{ends}, {lost} not finite" if lost else f"{text}{ends}"


def _shortened(text: str, longest: int = _LONGEST) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def one_line(text: str) -> str:
    r"""Return a text as one line in which a terminal finds nothing to obey.

    >>> one_line("a\n b\x1b[2J")
    'a b\\x1b[2J'
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
