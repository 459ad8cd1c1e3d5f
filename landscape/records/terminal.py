"""Texts of others for a terminal, which would obey some of them."""

from __future__ import annotations


def one_line(text: str) -> str:
    r"""Return a text as one line in which a terminal finds nothing to obey.

    >>> one_line("a\n b\x1b[2J")
    'a b\\x1b[2J'
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
