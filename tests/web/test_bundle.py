"""The bundle in the wheel is made of the sources beside it, and cannot end its script block."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "viz" / "web"


def digest_of_sources() -> str:
    """Return what viz/web/build.mjs records: names and contents in the order of the names."""
    inside = [path for path in (WEB / "src").rglob("*") if path.is_file()]
    inside += [WEB / "build.mjs", WEB / "package-lock.json"]
    found = hashlib.sha256()
    for path in sorted(inside, key=lambda path: path.relative_to(WEB).as_posix()):
        found.update(path.relative_to(WEB).as_posix().encode() + b"\0")
        found.update(path.read_bytes() + b"\0")
    return found.hexdigest()


@pytest.mark.parametrize("name", ["viewer.js", "viewer.css"])
def test_the_bundle_matches_its_source(name: str) -> None:
    head = (WEB / "dist" / name).read_text(encoding="utf-8")[:200]
    recorded = re.search(r"sources ([0-9a-f]{64})", head)
    assert recorded is not None
    assert recorded[1] == digest_of_sources(), "the bundle is old; run 'make web'"


def test_the_bundle_stays_inside_its_block() -> None:
    script = (WEB / "dist" / "viewer.js").read_text(encoding="utf-8")
    assert "</script" not in script.lower()
    assert "<!--" not in script
    assert "</style" not in (WEB / "dist" / "viewer.css").read_text(encoding="utf-8").lower()


def test_the_bundle_asks_for_nothing() -> None:
    script = (WEB / "dist" / "viewer.js").read_text(encoding="utf-8")
    hosts = set(re.findall(r"https?://([\w.-]+)", script))
    # Names of standards and of error messages of the library; the browser tests see no request.
    assert hosts <= {"www.w3.org", "github.com", "jcgt.org", "threejs.org", "registry.khronos.org"}
    assert len(script) < 700_000
