"""How people write a grid: ``51x41`` points over the span ``-1:1x0:2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landscape.records.grid import Grid

Span = tuple[float, float]
_MOST_AXES = 3


def parse_shape(text: str) -> tuple[int, ...]:
    """Read the points along each axis; one number is meant for two axes, ``101x1`` is a line.

    Raises:
        ValueError: for anything else.

    >>> parse_shape("51"), parse_shape("51x41"), parse_shape("101x1"), parse_shape("17x17x17")
    ((51, 51), (51, 41), (101,), (17, 17, 17))
    """
    sizes = text.lower().split("x")
    if not all(size.isdecimal() for size in sizes) or len(sizes) > _MOST_AXES:
        raise ValueError(f"a grid is written 51, 51x41, 17x17x17, or 101x1 (a line), got {text!r}")
    numbers = tuple(int(size) for size in sizes)
    if len(numbers) == 1:
        return numbers * 2
    return numbers[:1] if numbers[1:] == (1,) else numbers


def parse_plane_shape(text: str) -> tuple[int, int]:
    """Read the points along alpha and beta.

    Raises:
        ValueError: for anything else, a line and a volume among them.
    """
    shape = parse_shape(text)
    if len(shape) != 2:
        raise ValueError(f"the grid of a plane is written 51 or 51x41, got {text!r}")
    return shape[0], shape[1]


def parse_spans(text: str, axes: int) -> tuple[Span, ...]:
    """Read the first and the last coordinate of each axis; one range is meant for all axes.

    Args:
        text: ``FIRST:LAST`` for each axis, ``x`` between them; ``S`` alone is ``-S:S``.
        axes: of the grid.

    Raises:
        ValueError: for another form, or as many ranges as the grid has no axes.

    >>> parse_spans("0.5", 2), parse_spans("-1.5:0.5x-1:1", 2)
    (((-0.5, 0.5), (-0.5, 0.5)), ((-1.5, 0.5), (-1.0, 1.0)))
    """
    spans = tuple(_span(part, text) for part in text.lower().split("x"))
    if len(spans) == 1:
        return spans * axes
    if len(spans) != axes:
        raise ValueError(
            f"a span names one range, or one for each axis of the grid, {axes}, got {len(spans)} "
            f"in {text!r}"
        )
    return spans


def _span(part: str, text: str) -> Span:
    first, colon, last = part.partition(":")
    try:
        return (float(first), float(last)) if colon else (-float(first), float(first))
    except ValueError:
        raise ValueError(
            f"a span is written 0.5, -1:1 or -1:1x0:2 (first:last of each axis), got {text!r}"
        ) from None


def shape_text(shape: Sequence[int]) -> str:
    """Write the points along each axis as :func:`parse_shape` reads them.

    >>> shape_text((51, 41)), shape_text((101,))
    ('51x41', '101x1')
    """
    return "x".join(map(str, shape if len(shape) > 1 else (*shape, 1)))


def span_text(grid: Grid) -> str:
    """Write the ends of a grid's axes, exactly, as :func:`parse_spans` reads them.

    >>> from landscape.records.grid import Grid
    >>> span_text(Grid.rectangle((3, 5), (-1, 1), (0, 2)))
    '-1.0:1.0x0.0:2.0'
    """
    return "x".join(f"{float(axis[0])!r}:{float(axis[-1])!r}" for axis in grid.axes)
