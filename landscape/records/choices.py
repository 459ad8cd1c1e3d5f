"""What may be chosen: names of closed sets, numbers from a least one on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def known_names(names: Iterable[object], *, none: str = "none") -> str:
    """List the names that are known.

    Args:
        names: of what there is.
        none: said where there is nothing.

    >>> known_names(["pca", "random"]), known_names([])
    ('known: pca, random', 'known: none')
    """
    return f"known: {', '.join(map(str, names)) or none}"


def check_known(
    what: str, given: object, names: Iterable[object], *, suggest: bool = False, more: str = ""
) -> None:
    """Check that a name is one of a closed set.

    Args:
        what: the noun, as ``plane``.
        given: the name.
        names: the set.
        suggest: whether the message names the closest of them.
        more: said after the names.

    Raises:
        ValueError: if it is not; the message lists the known.

    >>> check_known("height", "logg", ("log", "linear"), suggest=True)
    Traceback (most recent call last):
    ValueError: unknown height 'logg' (did you mean 'log'?); known: log, linear
    """
    choices = tuple(names)
    if given in choices:
        return
    close = difflib.get_close_matches(str(given), map(str, choices), n=1) if suggest else []
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"unknown {what} {given!r}{hint}; {known_names(choices)}{more}")


def check_least(least: int, **numbers: int) -> None:
    """Check that numbers are not less than one.

    Args:
        least: the smallest that is possible.
        numbers: by name.

    Raises:
        ValueError: for one that is less.

    >>> check_least(1, starts=0)
    Traceback (most recent call last):
    ValueError: starts must be >= 1, got 0
    """
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"{name} must be >= {least}, got {number}")
