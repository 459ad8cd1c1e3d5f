"""Captions as text for a document: LaTeX and Markdown, with what is to be cited."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .references import REFERENCES

_ESCAPED: Mapping[str, str] = MappingProxyType(
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#",
        "$": r"\$", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "|": r"\ensuremath{|}", "≤": r"\ensuremath{\leq}", "≥": r"\ensuremath{\geq}",
        "∞": r"\ensuremath{\infty}", "γ": r"\ensuremath{\gamma}", "→": r"\ensuremath{\to}",
        "√": r"\ensuremath{\surd}", "†": r"\dag{}", "…": r"\ldots{}", "–": "--",
        "“": "``", "”": "''", "’": "'",
        "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
        "α": r"\ensuremath{\alpha}", "β": r"\ensuremath{\beta}", "×": r"\ensuremath{\times}",
        "·": r"\ensuremath{\cdot}", "±": r"\ensuremath{\pm}", "−": r"\ensuremath{-}",
        **{s: rf"\textsuperscript{{{d}}}" for s, d in
           zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", [*"0123456789", r"\ensuremath{-}"], strict=True)},
    }
)  # fmt: skip


def latex(text: str) -> str:
    r"""Return a text in which LaTeX reads every character as it is.

    >>> latex("α to 5 % of my_run")
    '\\ensuremath{\\alpha} to 5 \\% of my\\_run'
    """
    return "".join(_ESCAPED.get(letter, letter) for letter in text)


def as_latex(caption: str) -> str:
    r"""Return a caption as a file for ``\caption{\input{...}}``; BibTeX entries are comments."""
    entries = [REFERENCES[key].bibtex for key in _named(caption)]
    # The first comment ends the caption's line without a space behind it.
    notes = [f"% {line}" for entry in entries for line in entry.split("\n")]
    return "\n".join([latex(caption) + "%", *notes]) + "\n"


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


def as_markdown(caption: str) -> str:
    """Return a caption as a paragraph, with the references below it."""
    references = [f"- {REFERENCES[key].full}" for key in _named(caption)]
    escaped = "".join(f"\\{c}" if c in "\\*_`<#[]" else c for c in caption)
    return "\n".join([escaped, *(["", *references] if references else [])]) + "\n"


def _named(caption: str) -> list[str]:
    """Return the keys of the references that a caption names."""
    return [key for key, reference in REFERENCES.items() if reference.short in caption]
