"""Checking a study file: which of its parts are not as they were published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from landscape.records.presenting import one_line
from landscape.store import child, digests, guard
from landscape.store.codec import read
from landscape.store.lock import in_use, refuse_held
from landscape.store.places import GROUPS
from landscape.store.seal import remember, seal_of, sealed

FORMAT = "lossoscope-study"
VERSION = 1
# What h5py raises for damaged or foreign files.
DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError)
WHOLE = "/"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found.

    Attributes:
        problems: what is wrong, by the path of the record, or ``/`` for the file's attributes and
            its list of records.
        records: number of records.
        digests: whether the file carries digests; without them damage can go unseen.
        sealed: whether every byte is as it was published.
    """

    problems: dict[str, str]
    records: int
    digests: bool
    sealed: bool = False

    @property
    def said(self) -> str:
        """The problems in one line."""
        return "; ".join(f"{path}: {problem}" for path, problem in self.problems.items())


def check_file(path: Path) -> Findings:
    """Check a study file in a child process: every digest, every record.

    Raises:
        BlockingIOError: if another process is writing it in place.
        ValueError: if it is no study file, or so damaged that nothing can be read.
    """
    findings_of_child = child.ask("check", path)
    return Findings(**findings_of_child, sealed=sealed(path))


def verify_written(path: Path) -> None:
    """Check what this process has just written, byte by byte and digest by digest.

    Raises:
        OSError: if the disk does not give back what was written.
    """
    with opened(path) as file:
        written = findings(file)
    seal = seal_of(path)
    if written.problems or not written.digests or not seal:
        raise OSError(f"the study was not written as it is ({written.said}); the old file stays")
    remember(seal)


def check_in_child(path: str) -> dict[str, Any]:
    """Return the findings as plain values; to be called in a process of its own."""
    with opened(Path(path)) as file:
        checked = findings(file)
    return {"problems": checked.problems, "records": checked.records, "digests": checked.digests}


def findings(file: h5py.File) -> Findings:
    """Check every digest of an open study, and that every record can be read."""
    try:
        digests.attributes(file)
        whole = digests.stored(file)
        paths = record_paths(file)
    except DAMAGE as error:
        return Findings({WHOLE: one_line(f"it cannot be listed: {error}")}, 0, False)
    kept = whole is not None or guard.has(file, digests.LIST)
    problems: dict[str, str] = {}
    wanted: dict[str, str] | None = None
    if kept:
        try:
            _, wanted = digests.listed(file)
            if digests.root_digest(file) != whole:
                problems[WHOLE] = "its attributes are not as published"
        except DAMAGE as error:
            problems[WHOLE] = one_line(f"its list of records is damaged: {error}")
        lost = (wanted or {}).keys() - set(paths)
        problems |= dict.fromkeys(sorted(lost), "it is gone")
    for path in paths:
        # Without the list a record vouches for itself.
        own = wanted.get(path, "") if wanted is not None else None
        problem = _problem(file, path, own, kept=kept)
        if problem:
            problems[path] = one_line(problem)
    return Findings(problems, len(paths), kept)


def record_paths(file: h5py.File) -> list[str]:
    """Return the paths of all records.

    Raises:
        ValueError: for links, and names that are no ids.
    """
    paths = []
    for group in GROUPS:
        if not guard.has(file, group):
            continue
        top = guard.subgroup(file, group)
        for name in guard.names(top):
            if group != "analyses":
                paths.append(f"{group}/{name}")
            else:
                kind = guard.subgroup(top, name)
                paths += [f"analyses/{name}/{below}" for below in guard.names(kind)]
    return paths


def holds(file: h5py.File, path: str) -> bool:
    """Whether there is a group of that path; raises ValueError like :func:`at`."""
    try:
        at(file, path)
    except KeyError:
        return False
    return True


def at(file: h5py.File, path: str) -> h5py.Group:
    """Return the group of a record, following no link.

    Raises:
        KeyError: if there is none.
        ValueError: if it is a link, or no group.
    """
    group: h5py.Group = file
    for name in path.split("/"):
        group = guard.subgroup(group, name)
    return group


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a study file for reading.

    Raises:
        FileNotFoundError: if there is none.
        BlockingIOError: if another process is writing it in place.
        ValueError: if it is no study file, or of another version.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no study file {path}; make one with: landscape run --out FOLDER"
        )
    refuse_held(path)
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is not a study file: it is not HDF5")
    try:
        file = h5py.File(path, "r")
    except BlockingIOError:
        raise in_use(path) from None
    except DAMAGE as error:
        if "unable to lock file" in str(error):
            raise OSError(
                f"{path} is on a file system without locks; set HDF5_USE_FILE_LOCKING=FALSE in the "
                "environment"
            ) from None
        reason = str(error).partition("(")[2].rstrip(")") or str(error)
        raise ValueError(f"{path} is damaged or truncated: {reason}") from None
    with file:
        check_version(file, path)
        yield file


def check_version(file: h5py.File, path: Path) -> None:
    """Check that an HDF5 file is a study of a version that is known.

    Raises:
        ValueError: otherwise.
    """
    try:
        name, version = (guard.attribute(file, n) for n in ("format", "format_version"))
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: its attributes cannot be read: {error}") from None
    if not isinstance(name, str) or name != FORMAT:
        raise ValueError(f"{path} is HDF5, but not a study file (no format={FORMAT!r})")
    if str(version) != str(VERSION):
        raise ValueError(
            f"{path} has format version {str(version)[:20]}, this program reads {VERSION}; "
            "use another version of lossoscope"
        )


def _problem(file: h5py.File, path: str, wanted: str | None, *, kept: bool) -> str:
    """Say what is wrong with a record, "" for nothing."""
    try:
        group = at(file, path)
        guard.check_total(item for _, item in digests.members(group))
        wrong = _wrong_data(group, kept=kept)
        if wrong:
            return ", ".join(wrong)
        if wanted is None:
            wanted = digests.stored(group)
        if kept and digests.record_digest(group) != wanted:
            read(group)  # says more, where a part is missing
            return "its names or attributes are not as published"
        read(group)
    except DAMAGE as error:
        return str(error) or type(error).__name__
    return ""


def _wrong_data(group: h5py.Group, *, kept: bool) -> list[str]:
    wrong = []
    for path, item in digests.members(group):
        if not isinstance(item, h5py.Dataset):
            continue
        try:
            wanted = digests.stored(item)
            if wanted is None and not kept:
                continue
            same = digests.dataset_digest(item) == wanted
        except DAMAGE as error:
            wrong.append(f"{path} cannot be read ({error})")
            continue
        if not same or not kept:
            wrong.append(f"{path} is not as published" if kept else f"{path} has lost its list")
    return wrong
