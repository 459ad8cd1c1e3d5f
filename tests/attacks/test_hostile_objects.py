"""Pickles made to run something: their weights are read, what they name is told, nothing runs."""

from __future__ import annotations

import io
import resource
import struct
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from landscape.training.recording import inert
from landscape.training.recording.checkpoints import read_checkpoint


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def data_of(values: object) -> tuple[bytes, dict[str, bytes]]:
    """Return the instructions that make values, without frame, and the other entries."""
    image = io.BytesIO()
    torch.save(values, image)
    with zipfile.ZipFile(image) as archive:
        entries = {n.partition("/")[2]: archive.read(n) for n in archive.namelist()}
    return entries.pop("data.pkl")[2:-1], entries


def forged(path: Path, hostile: bytes, *, within: bytes = b"") -> Path:
    """Write a checkpoint with weights under ``model`` and something hostile beside them."""
    weights, entries = data_of({"w": torch.ones(2)})
    pickle = b"\x80\x04}(" + text("model") + weights + within + text("x") + hostile + b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        for name, data in entries.items():
            archive.writestr(f"archive/{name}", data)
    return path


def call(function: str, *arguments: bytes) -> bytes:
    module, _, name = function.rpartition(".")
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


TOUCH = "touch IT_RAN"
PYTHON = "open('IT_RAN', 'w')"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "system": (call("posix.system", text(TOUCH)), r"posix\.system"),
    "system by string opcodes": (
        text("os") + text("system") + b"\x93" + text(TOUCH) + b"\x85R", r"os\.system",
    ),
    "dotted name": (
        text("torch") + text("serialization.os.system") + b"\x93" + text(TOUCH) + b"\x85R",
        r"torch\.serialization\.os\.system",
    ),
    "eval": (call("builtins.eval", text(PYTHON)), r"builtins\.eval"),
    "exec": (call("builtins.exec", text(PYTHON)), r"builtins\.exec"),
    "getattr chain": (
        call("builtins.getattr", call("builtins.__import__", text("os")), text("system"))
        + text(TOUCH) + b"\x85R",
        r"builtins\.getattr, builtins\.__import__",
    ),
    "attribute getter": (
        call("operator.attrgetter", text("system")) + b"cos\npath\n\x85R" + text(TOUCH) + b"\x85R",
        r"operator\.attrgetter, os\.path",
    ),
    "partial": (
        call("functools.partial", b"cos\nsystem\n", text(TOUCH)) + b")R", r"functools\.partial",
    ),
    "map over a set": (
        call("builtins.set", call("builtins.map", b"cos\nsystem\n", b"](" + text(TOUCH) + b"e")),
        r"builtins\.map",
    ),
    "instance": (b"(" + text(TOUCH) + b"ios\nsystem\n", r"os\.system"),
    "object": (b"(cos\nsystem\n" + text(TOUCH) + b"o", r"os\.system"),
    "new object": (b"cos\nsystem\n(" + text(TOUCH) + b"t\x81", r"os\.system"),
    "new object with names": (b"cos\nsystem\n(" + text(TOUCH) + b"t}\x92", r"os\.system"),
    "reconstructor": (
        b"ccopyreg\n_reconstructor\n(coutlaw\nThing\ncbuiltins\nobject\nNtR", r"outlaw\.Thing",
    ),
    "import alone": (b"coutlaw\nThing\n", r"outlaw\.Thing"),
    "state": (b"coutlaw\nThing\n)\x81}(" + text("a") + b"K\x01ub", r"outlaw\.Thing"),
    "nested states": (
        b"coutlaw\nThing\n)\x81coutlaw\nThing\n)\x81" + call("os.system", text(TOUCH)) + b"bb",
        r"outlaw\.Thing, os\.system",
    ),
    "state of a class": (
        b"coutlaw\nThing\nN}(" + text("__reduce__") + b"cos\nsystem\nu\x86b", r"outlaw\.Thing",
    ),
    "slots of a function of torch": (
        TENSOR + b"N}(" + text("__code__") + call("os.system", text(TOUCH)) + b"u\x86b",
        r"os\.system",
    ),
    "state of a mapping": (
        b"ccollections\nOrderedDict\n)R}(" + text("update") + b"cos\nsystem\nub", r"os\.system",
    ),
    "a factory": (
        b"ccollections\ndefaultdict\ncos\nsystem\n\x85R" + text("a") + b"Ns", r"os\.system",
    ),
    "a list that is none": (b"coutlaw\nThing\n)R" + text(TOUCH) + b"a", r"outlaw\.Thing"),
    "a mapping that is none": (b"coutlaw\nThing\n)R" + text("a") + b"Ns", r"outlaw\.Thing"),
    "loading within": (
        call("torch.storage._load_from_bytes", b"C\x04cos\n"), r"torch\.storage\._load_from_bytes",
    ),
    "the hub": (call("torch.hub.load", text("a/b"), text("c")), r"torch\.hub\.load"),
    "a call of a call": (call("os.system", text(TOUCH)) + b")R)R", r"os\.system"),
    "a terminal's codes": (text("e\x1b[31mvil") + text("f") + b"\x93)R", "vil"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_weights_are_read_and_nothing_is_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, names = HOSTILE[kind]
    (tmp_path / "outlaw.py").write_text("open('IT_RAN', 'w')\nclass Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = forged(tmp_path / "w.pt", hostile)
    with pytest.warns(UserWarning, match=names) as told:
        found = read_checkpoint(path)
    assert found["w"].tolist() == [1, 1]
    assert "\x1b" not in str(told[0].message)
    assert not (tmp_path / "IT_RAN").exists()
    assert "outlaw" not in sys.modules


def storage(
    kind: bytes = b"FloatStorage", count: bytes = b"K\x02", key: bytes = text("0")
) -> bytes:
    return b"(" + text("storage") + b"ctorch\n" + kind + b"\n" + key + text("cpu") + count + b"tQ"


ONE_AXIS = b"K\x01\x85"


def tensor(
    of: bytes, offset: bytes = b"K\0", size: bytes = b"K\x02\x85", stride: bytes = ONE_AXIS
) -> bytes:
    return TENSOR + b"(" + of + offset + size + stride + b"\x89Nt" + b"R"


OBJECT = b"cargparse\nNamespace\n)\x81"
BROKEN: dict[str, bytes] = {
    "beyond its storage": tensor(storage(), size=b"K\x03\x85"),
    "from beyond its storage": tensor(storage(), offset=b"K\x02"),
    "before its storage": tensor(storage(), offset=b"J\xff\xff\xff\xff"),
    "backwards": tensor(storage(), stride=b"J\xff\xff\xff\xff\x85"),
    "of a negative size": tensor(storage(), size=b"J\xff\xff\xff\xff\x85"),
    "of a huge size": tensor(storage(), size=b"\x8a\x09" + b"\xff" * 8 + b"\x7f\x85"),
    "of too many axes": tensor(storage(), size=b"(" + b"K\x01" * 70 + b"t",
                               stride=b"(" + b"K\x01" * 70 + b"t"),
    "of sizes that are none": tensor(storage(), size=text("ab"), stride=text("ab")),
    "without a storage": tensor(OBJECT),
    "of a storage that is absent": tensor(storage(key=text("7"))),
    "of a storage elsewhere": tensor(storage(key=text("../data.pkl"))),
    "of a storage that claims more": tensor(storage(count=b"J\xff\xff\xff\x7f")),
    "of a wider storage": tensor(storage(kind=b"DoubleStorage")),
    "of an unknown storage": tensor(storage(kind=b"OtherStorage")),
    "of a reference to nothing": tensor(b"(" + text("file") + text("/etc/passwd") + b"tQ"),
    "a parameter of an object": call("torch._utils._rebuild_parameter", OBJECT, b"\x88", b"N"),
    "an extension": b"\x82\x01",
    "a buffer from elsewhere": b"\x97",
    "an empty stack": b"00000000",
    "a mark that is none": b"ttttttt",
    "an unknown memo": b"j\xff\xff\xff\x7f",
    "an odd mapping": b"}(" + text("a") + b"u",
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_tensors_and_instructions_that_cannot_be_are_refused(kind: str, tmp_path: Path) -> None:
    path = forged(tmp_path / "w.pt", OBJECT + b"0" + BROKEN[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="is not a file of weights alone") as told:
        read_checkpoint(path)
    assert "\n" not in str(told.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_the_same_instructions_without_the_fault_are_read(tmp_path: Path) -> None:
    path = forged(tmp_path / "w.pt", OBJECT + b"0" + tensor(storage()))
    with pytest.warns(UserWarning, match=r"argparse\.Namespace"):
        assert read_checkpoint(path)["w"].tolist() == [1, 1]


def deep(kind: str) -> bytes:
    """Values that share their parts: as many as 2 to the 60th when they are walked."""
    if kind == "tuple as a key":
        return b"}" + text("a") + b"\x85" + b"2\x86" * 60 + b"Ns"
    if kind == "mappings":
        half = b"".join(
            b"}(" + text("a") + b"h\x01" + text("b") + b"h\x01u\x94q\x01" for _ in range(60)
        )
        return b"}q\x01" + half
    return b"]" + b"2\x86" * 60


@pytest.mark.parametrize("kind", ["tuple as a key", "mappings", "tuples"])
def test_shared_parts_are_not_walked_again_and_again(kind: str, tmp_path: Path) -> None:
    path = forged(tmp_path / "w.pt", b"(" + OBJECT + deep(kind) + b"l")
    start = time.perf_counter()
    with pytest.warns(UserWarning, match=r"argparse\.Namespace"):
        assert read_checkpoint(path)["w"].tolist() == [1, 1]
    assert time.perf_counter() - start < 20


def test_more_instructions_than_any_checkpoint_has(tmp_path: Path) -> None:
    path = forged(tmp_path / "w.pt", OBJECT + b"N0" * (1 << 22))
    start = time.perf_counter()
    with pytest.raises(ValueError, match="is not a file of weights alone"):
        read_checkpoint(path)
    assert time.perf_counter() - start < 60


def test_modules_that_hold_each_other_end(tmp_path: Path) -> None:
    """A module in itself, and one that holds the next twice, a hundred times."""
    kinds = b"}(" + text("_parameters") + b"}" + text("_buffers") + b"}" + text("_modules") + b"}("

    def module(inner: bytes) -> bytes:
        return b"coutlaw\nNet\n)\x81q\x05" + kinds + inner + b"uub"

    itself = module(text("again") + b"h\x05")
    with pytest.warns(UserWarning, match=r"outlaw\.Net"):
        assert read_checkpoint(forged(tmp_path / "a.pt", itself))["w"].tolist() == [1, 1]
    twice = module(b"")
    for _ in range(100):
        twice = (
            b"coutlaw\nNet\n)\x81" + kinds + text("a") + twice + b"q\x07" + text("b") + b"h\x07uub"
        )
    start = time.perf_counter()
    with pytest.raises(ValueError, match="is not a file of weights alone"):
        read_checkpoint(forged(tmp_path / "b.pt", twice))
    assert time.perf_counter() - start < 30


def old_format(path: Path) -> bytes:
    torch.save({"m": {"w": torch.ones(8)}, "x": inert.Inert}, path,
               _use_new_zipfile_serialization=False)  # fmt: skip
    return path.read_bytes()


def test_old_files_that_claim_more_than_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    whole = old_format(path)
    with pytest.warns(UserWarning, match=r"landscape\.training\.recording\.inert\.Inert"):
        assert read_checkpoint(path)["w"].tolist() == [1] * 8
    assert whole.count(b"K\x08") >= 1
    forgeries = {
        "cut": whole[:-4], "no numbers": whole[:-40], "another length": whole[:-40]
        + struct.pack("<q", 1 << 40) + whole[-32:], "many": whole.replace(b"K\x08", b"J\0\0\0\x40"),
    }  # fmt: skip
    for data in forgeries.values():
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is not a file of weights alone"):
            read_checkpoint(path)
