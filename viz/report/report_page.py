"""A report in one HTML file: records of what it holds, and the page made of them.

The page asks for nothing outside itself: pictures, tables and styles are in it, and a content
security policy forbids the rest. Every text is escaped where it is put in, so that a name from a
file stays a name. Scripts run only inside the frames of 3D scenes, and only those whose digest the
policy lists.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from landscape.records.atomic import write_bytes

from .report_parts import Picture, Table

LARGEST = 15_000_000
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
# Blocks of another type hold data, which no browser runs.
_DATA = re.compile(r"type\s*=\s*[\"']?(text/plain|application/json)", re.IGNORECASE)
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPart:
    """What a report says of one claim.

    Attributes:
        number: 1 to 10.
        title: in a few words.
        quotation: the claim.
        readings: where translations differ, each of them.
        control: what the effect is compared with.
        command: measures it.
        outcome: ``supported``, ``equivalent``, ``contradicted``, ``undecided``, ``exploratory``,
            or ``not measured``.
        spoken: the outcome in plain words.
        sentence: the finding, with its numbers.
        limits: what it does not say.
        pictures: of its effects.
        tables: of its effects.
    """

    number: int
    title: str
    quotation: str
    readings: tuple[str, ...] = ()
    control: str = ""
    command: str = ""
    outcome: str = NOT_MEASURED
    spoken: str = NOT_MEASURED
    sentence: str = ""
    limits: str = ""
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether there is a verdict."""
        return self.outcome != NOT_MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A page with a 3D scene that turns, shown in a frame.

    Attributes:
        title: of the frame.
        page: HTML that needs nothing outside itself.
    """

    title: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report below the claims.

    Attributes:
        name: of its anchor, letters and hyphens.
        title: its heading.
        text: paragraphs.
        pictures: in order.
        tables: below the pictures.
        scenes: below the tables.
    """

    name: str
    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a report holds.

    Attributes:
        title: of the page.
        subtitle: what was studied, in one line.
        answer: a few sentences, the shortest form first.
        claims: all ten, measured or not.
        sections: what follows.
        provenance: names and values: versions, digests, commands.
        configuration: the study's, as a text.
    """

    title: str
    subtitle: str
    answer: Sequence[str]
    claims: Sequence[ClaimPart]
    sections: Sequence[Section] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    configuration: str = ""


def to_report(report: Report) -> str:
    """Return the page, a whole HTML document.

    Raises:
        ValueError: if it is larger than 15 MB; the message names the largest part.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    folder = files(__package__) / "templates"
    template = environment.from_string((folder / "report.html").read_text(encoding="utf-8"))
    style = (folder / "report.css").read_text(encoding="utf-8")
    # The style sheet is this package's own, the only text that is not escaped.
    page = template.render(report=report, style=Markup(style),  # noqa: S704
                           policy=policy(report))  # fmt: skip
    size = len(page.encode())
    if size > LARGEST:
        raise ValueError(
            f"the report must have at most {LARGEST / 1e6:.0f} MB, got {size / 1e6:.1f} MB; "
            f"the largest part is {_largest(report)}, show fewer surfaces"
        )
    return page


def write_report(report: Report, path: Path | str) -> Path:
    """Write the page to a file, whole or not at all, and return the path.

    Raises:
        ValueError: for another suffix than ``.html``, or a page that is too large.
        OSError: if the folder cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".html", ".htm"):
        raise ValueError(f"a report is written as .html, got {path.name!r}")
    write_bytes(path, to_report(report).encode())
    return path


def policy(report: Report) -> str:
    """Return the content security policy: nothing from outside, no script but the scenes' own.

    A frame made from ``srcdoc`` obeys the policy of the page around it.
    """
    scripts = [script for section in report.sections for scene in section.scenes
               for attributes, script in _SCRIPT.findall(scene.page)
               if not _DATA.search(attributes)]  # fmt: skip
    rules = ["default-src 'none'", "img-src data: blob:", "style-src 'unsafe-inline'",
             "base-uri 'none'", "form-action 'none'"]  # fmt: skip
    if scripts:
        rules.append("script-src " + " ".join(sorted(set(map(_digest, scripts)))))
    return "; ".join(rules)


def _digest(script: str) -> str:
    # HTML turns every line end into a line feed before the digest is taken.
    plain = script.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(plain.encode()).digest()).decode()}'"


def _largest(report: Report) -> str:
    sizes: dict[str, int] = {}
    parts: list[Any] = [*report.claims, *report.sections]
    for part in parts:
        sizes[part.title] = sum(len(picture.data) for picture in part.pictures)
        sizes[part.title] += sum(len(scene.page) for scene in getattr(part, "scenes", ()))
    return repr(max(sizes, key=lambda title: sizes[title])) if sizes else "its text"
