"""Make docs/gallery.md: every picture of the examples, with the cell that made it.

python -P docs/make_gallery.py [EXAMPLE.py ...]
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from landscape import viz

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
WIDTH = 1000
_ABOUT = (
    "`make docs` makes this page from the scripts in [examples/](../examples). It shows each "
    "picture with the cell that made it; the scripts hold the cells before it."
)
_WROTE = re.compile(r"^wrote (?:the film )?(.+\.(?:png|pdf|gif))$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of an example, and the pictures it wrote."""

    title: str
    code: str
    pictures: tuple[Path, ...]


def cells_of(text: str) -> list[tuple[str, str]]:
    """Cut a script at its ``# %%`` lines into titles and code; the docstring comes first."""
    parts = re.split(r"^# %% ?(.*)$", text, flags=re.MULTILINE)
    return [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


def run(script: Path, out: Path) -> list[Cell]:
    """Run an example cell by cell, and note what each writes."""
    space: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    cells, arguments = [], sys.argv
    sys.argv = [str(script), "--out", str(out)]
    try:
        for title, code in cells_of(script.read_text("utf-8")):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(code, str(script), "exec"), space)  # noqa: S102
            written = [Path(path) for path in _WROTE.findall(said.getvalue())]
            cells.append(Cell(title, code.strip(), tuple(written)))
    finally:
        sys.argv = arguments
    return cells


def flat(pdf: Path) -> Path:
    """Return where a flat figure is written as PNG besides; a surface may have its name."""
    return pdf.with_name(f"{pdf.stem}-flat.png")


def shown(picture: Path, script: Path) -> str:
    """Copy a picture at the width of the page, and return its name there; films as they are."""
    if picture.suffix == ".gif":
        return Path(shutil.copy(picture, PICTURES / f"{script.stem}-{picture.name}")).name
    if picture.suffix == ".pdf":
        picture = flat(picture)
    name = f"{script.stem}-{picture.stem}.webp"
    with Image.open(picture) as image:
        small = image.convert("RGB")
        if small.width > WIDTH:
            height = round(small.height * WIDTH / small.width)
            small = small.resize((WIDTH, height), Image.Resampling.LANCZOS)
        small.save(PICTURES / name, quality=88, method=6)
    return name


def section(script: Path, cells: list[Cell]) -> list[str]:
    """Write an example: its first line, and each picture below the cell that made it."""
    docstring = cells[0].code.strip('"').splitlines()[0]
    lines = [f"## {docstring}", "", f"[`examples/{script.name}`](../examples/{script.name})", ""]
    for cell in cells:
        if cell.pictures:
            lines += ["```python", f"# {cell.title}", cell.code, "```", ""]
            lines += [f"![{cell.title}](gallery/{shown(path, script)})" for path in cell.pictures]
            lines.append("")
    return lines


def main() -> None:
    """Run the examples and write the page; with names, those examples' pictures alone."""
    original = viz.save

    def save(picture: Any, path: Path | str, **options: Any) -> Path:
        """Write a flat figure as PNG besides, for the page."""
        path = Path(path)
        if path.suffix == ".pdf":
            original(picture, flat(path))
        return original(picture, path, **options)

    vars(viz)["save"] = save
    PICTURES.mkdir(exist_ok=True)
    names = sys.argv[1:]
    scripts = [s for s in sorted((ROOT / "examples").glob("[0-9]*.py"))
               if not names or s.name in names]  # fmt: skip
    lines = ["# Gallery", "", _ABOUT, ""]
    for script in scripts:
        print(f"running {script.name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                lines += section(script, run(script, Path(folder)))
            except SystemExit as end:
                print(f"left out: {end}", flush=True)
                continue
        if not names:
            PAGE.write_text("\n".join(lines).rstrip() + "\n", "utf-8")
    print(f"wrote {PAGE if not names else PICTURES}")


if __name__ == "__main__":
    main()
