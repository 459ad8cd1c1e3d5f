"""Captions as LaTeX."""

from __future__ import annotations

import re
from types import MappingProxyType

_SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_PLAIN = str.maketrans(_SUPERSCRIPTS, "-0123456789")
# What means something else to LaTeX, or is missing in its usual fonts and encodings.
_WRITTEN = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        **{sign: f"${sign}$" for sign in "<>|"},
        "−": "$-$",
        "×": r"$\times$",
        "·": r"$\cdot$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "≈": r"$\approx$",
        "±": r"$\pm$",
        "∞": r"$\infty$",
        "→": r"$\rightarrow$",
        "√": r"$\surd$",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "γ": r"$\gamma$",
        "θ": r"$\theta$",
        "λ": r"$\lambda$",
        "σ": r"$\sigma$",
        "†": r"\dag{}",
        "…": r"\ldots{}",
        "–": "--",
        "—": "---",
        "“": "``",
        "”": "''",
        "’": "'",
        "é": r"\'e",
        "ö": r"\"o",
        "ü": r"\"u",
    }
)
_TOKEN = re.compile(f"[{_SUPERSCRIPTS}]+|.", re.DOTALL)


def escape(text: str) -> str:
    r"""Write a text so that LaTeX prints it as it is, in text mode.

    >>> escape("α −1 to 1, 98.2% of relu_x, 10⁻⁸")
    '$\\alpha$ $-$1 to 1, 98.2\\% of relu\\_x, 10$^{-8}$'
    """
    return "".join(_written(token[0]) for token in _TOKEN.finditer(text))


def _written(token: str) -> str:
    if token[0] in _SUPERSCRIPTS:
        return f"$^{{{token.translate(_PLAIN)}}}$"
    return _WRITTEN.get(token, token)


def latex_caption(text: str, figure: str) -> str:
    r"""Write ``\caption{...}`` with a comment that says how to use it.

    Args:
        text: the caption.
        figure: name of the figure's file, without its suffix.
    """
    return (
        f"% Within a figure environment:\n"
        f"%   \\includegraphics{{{figure}}}\n"
        f"%   \\input{{{figure}}}\n"
        f"\\caption{{{escape(text)}}}\n"
    )
