"""Names and texts that a terminal would obey: none of them is printed as it is."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import typer
from attacks.forging import forged, written

from landscape.cli.check import check
from landscape.cli.info import info
from landscape.cli.mistakes import one_line_errors
from landscape.store import digests

ESCAPE = "\x1b[2J\u202e"


def listed_name(file: h5py.File) -> None:
    found = json.loads(file["digests"].asstr()[()])
    found["records"][f"surfaces/{ESCAPE}"] = "0"
    del file["digests"]
    put_text(file, "digests", json.dumps(found))


def put_text(file: h5py.File, name: str, text: str) -> None:
    file[name] = text
    file[name].attrs["sha256"] = digests.text_digest(text)


def names_of_groups(file: h5py.File) -> None:
    file["surfaces"].create_group(ESCAPE)


def names_of_attributes(file: h5py.File) -> None:
    file["surfaces/s"].attrs[ESCAPE] = 1


def names_of_nothing(file: h5py.File) -> None:
    h5py.h5g.create(file["surfaces"].id, b"\xff\xfe")


def names_of_fields(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = np.zeros((3, 3), dtype=[(ESCAPE, "f8")])


def format_version(file: h5py.File) -> None:
    file.attrs["format_version"] = ESCAPE


def versions(file: h5py.File) -> None:
    unsealed(file)
    file.attrs["versions"] = ESCAPE


def configuration(file: h5py.File) -> None:
    unsealed(file)
    file.attrs["config"] = json.dumps({"data": {"name": ESCAPE}, "network": ESCAPE})


def unsealed(file: h5py.File) -> None:
    """Take the digests away: the file is valid without."""
    del file["digests"]
    file.attrs.pop("sha256")
    file.visititems(lambda _name, item: item.attrs.pop("sha256", None) and None)


def markup(file: h5py.File) -> None:
    unsealed(file)
    settings = {"run": "[/red]", "final_loss": "[bold]", "accuracy": {}, "sharpness": [1]}
    file["analyses/summary/r"].attrs["settings"] = json.dumps(settings)


TEXTS = [
    listed_name, names_of_groups, names_of_attributes, names_of_nothing, names_of_fields,
    format_version, versions, configuration, markup,
]  # fmt: skip


@pytest.mark.parametrize("attack", TEXTS, ids=lambda a: a.__name__)
def test_a_terminal_obeys_nothing_of_a_file(
    tmp_path: Path, attack: Callable[[h5py.File], None], capsys: pytest.CaptureFixture[str]
) -> None:
    study = written(tmp_path)
    forged(study, attack)
    for command in (check, info):
        with suppress(typer.Exit):
            one_line_errors(command)(study)
        told = "".join(capsys.readouterr())
        assert told
        assert told.replace("\n", "").isprintable()
        assert "Traceback" not in told
