"""Captions as LaTeX that can be input as they are."""

from __future__ import annotations

from .beside import as_latex


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
        f"\\caption{{%\n{as_latex(text)}}}\n"
    )
