"""Weights beside objects of other classes are read, and the objects are named and left alone."""

from __future__ import annotations

import collections
import datetime
import enum
import pathlib
import sys
import types
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.recording.loops import network, vector
from training.recording.saved import same, trained

from landscape import trajectory_from_checkpoints
from landscape.training.recording.checkpoints import load_into, read_checkpoint


class Mode(enum.Enum):
    FAST = "fast"


@dataclass
class Options:
    rate: float = 0.1
    sizes: list[int] = field(default_factory=lambda: [1, 2])


class Configuration(dict):
    """As those of many programs: a mapping with attributes."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values)
        self.path = pathlib.PurePosixPath("/data")

    def __setstate__(self, state: Any) -> None:
        raise RuntimeError("this is not to be called")


class Slotted:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = 1


def gone() -> Any:
    """An object of a class of a module that cannot be imported when it is read."""
    name = "module_that_is_gone"
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        exec("class Thing:\n    def __init__(self):\n        self.a = 1", vars(sys.modules[name]))
    return sys.modules[name].Thing()


BESIDE: dict[str, tuple[Callable[[], Any], str]] = {
    "namespace": (
        lambda: Namespace(lr=0.1, path=pathlib.PurePosixPath("/x")),
        "argparse.Namespace",
    ),
    "path": (lambda: pathlib.PurePosixPath("/data"), "pathlib.PurePosixPath"),
    "numpy scalar": (lambda: np.float64(1.5), "numpy"),
    "numpy array": (lambda: np.arange(6.0).reshape(2, 3), "numpy"),
    "numpy dtype": (lambda: np.dtype("f4"), "numpy.dtype"),
    "numpy generator": (lambda: np.random.default_rng(0), "numpy.random"),
    "time": (lambda: datetime.datetime(2020, 1, 1), "datetime.datetime"),
    "ordered": (lambda: collections.OrderedDict(a=Namespace()), "argparse.Namespace"),
    "defaults": (lambda: collections.defaultdict(list, a=[1]), r"builtin(s|__).list"),
    "queue": (lambda: collections.deque([1]), "collections.deque"),
    "enumeration": (lambda: Mode.FAST, "Mode"),
    "key": (lambda: {Mode.FAST: 1, (1, Mode.FAST): 2}, "Mode"),
    "dataclass": (Options, "Options"),
    "mapping": (lambda: Configuration(a=1, b=[2]), "Configuration"),
    "class": (lambda: Options, "Options"),
    "slots": (Slotted, "Slotted"),
    "function": (lambda: trained, "recording.saved.trained"),
    "complex": (lambda: {1, 2j, frozenset({3})}, r"builtin(s|__).complex"),
    "gone": (gone, "module_that_is_gone.Thing"),
    "generator": (lambda: (torch.device("cuda"), Namespace()), "argparse.Namespace"),
}


def saved(folder: Path, what: Any, *, zipped: bool = True) -> Path:
    path = folder / "model.pth"
    torch.save(what, path, _use_new_zipfile_serialization=zipped)
    sys.modules.pop("module_that_is_gone", None)
    return path


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", BESIDE)
def test_weights_beside_an_object_are_read(kind: str, zipped: bool, tmp_path: Path) -> None:
    make, name = BESIDE[kind]
    wanted, model = trained(), network()
    optimizer = torch.optim.Adam(wanted.parameters())
    wanted(torch.ones(4, 4)).sum().backward()
    optimizer.step()
    what = {"args": make(), "model": wanted.state_dict(), "optimizer": optimizer.state_dict(),
            "epoch": 3, "again": make()}  # fmt: skip
    path = saved(tmp_path, what, zipped=zipped)
    with pytest.warns(UserWarning, match=f"holds more than tensors; what is not read: .*{name}"):
        load_into(model, path)
    assert same(model, wanted)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool,
     torch.complex64, torch.float8_e4m3fn, torch.uint16],
)  # fmt: skip
def test_tensors_are_those_that_torch_reads(
    dtype: torch.dtype, zipped: bool, tmp_path: Path
) -> None:
    if not zipped and dtype in (torch.float8_e4m3fn, torch.uint16):
        pytest.skip("torch does not read these in its old format")
    base = torch.arange(24).to(dtype)
    tensors = {
        "whole": base, "part": base[4:8], "turned": base.reshape(4, 6).T, "empty": base[:0],
        "one": base[5], "strided": base[1::3], "parameter": torch.ones(3), "expanded":
        base[:1].expand(5), "by itself": base.clone(),
    }  # fmt: skip
    path = saved(tmp_path, {"model": tensors, "args": Namespace()}, zipped=zipped)
    with pytest.warns(UserWarning, match=r"argparse\.Namespace"):
        found = read_checkpoint(path)
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert found[name].stride() == tensor.stride()
        assert found[name].tolist() == tensor.tolist()
    shared = found["whole"].untyped_storage().data_ptr()
    assert found["turned"].untyped_storage().data_ptr() == shared


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.tied = self.inner[0]
        self.scale = nn.Parameter(torch.randn(3))
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("fleeting", torch.ones(2), persistent=False)
        self.absent = None
        self.normal = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"model": m, "epoch": 1}])
def test_the_weights_of_a_whole_module_have_the_names_of_its_state(
    wrap: Callable[[nn.Module], Any], zipped: bool, tmp_path: Path
) -> None:
    wanted = Own()
    wanted.normal = nn.Linear(2, 2)
    path = saved(tmp_path, wrap(wanted), zipped=zipped)
    with pytest.warns(UserWarning, match=r"Own, torch\.nn\.modules\.container\.Sequential, "):
        found = read_checkpoint(path)
    state = wanted.state_dict()
    assert sorted(found) == sorted(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())
    model = Own()
    model.normal = nn.Linear(2, 2)
    with pytest.warns(UserWarning, match="not read"):
        load_into(nn.DataParallel(model), path)
    assert same(model, wanted)


def test_a_path_of_checkpoints_with_objects_is_ordered_by_their_notes(tmp_path: Path) -> None:
    for name, epoch in (("b", 1), ("a", 10), ("c", 5)):
        what = {"net": trained(epoch).state_dict(), "epoch": epoch, "args": Namespace(lr=1)}
        torch.save(what, tmp_path / f"{name}.pth.tar")
    with pytest.warns(UserWarning, match=r"argparse\.Namespace"):
        path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.steps.tolist() == [1, 5, 10]
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == vector(trained(step)).tobytes()


def test_what_holds_tensors_and_no_weights_is_refused_by_its_entries(tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.ones(2), "args": Namespace()})
    with (
        pytest.warns(UserWarning, match="not read"),
        pytest.raises(ValueError, match=r"holds no weights: .* it has 'w', 'args'"),
    ):
        read_checkpoint(path)


@pytest.mark.filterwarnings("default")
def test_a_command_names_what_was_not_read_in_one_line(tmp_path: Path) -> None:
    from calling import call

    own = tmp_path / "own.py"
    own.write_text(
        "import torch\nfrom torch import nn\ndef build():\n    return nn.Linear(2, 2)\n"
        "def data():\n    return torch.ones(4, 2), torch.tensor([0, 1, 0, 1])\n"
    )
    path = saved(tmp_path, {"model": nn.Linear(2, 2).state_dict(), "args": Namespace(lr=1)})
    told = call("analyse", "--model", f"{own}:build", "--data", f"{own}:data", "--lines", 0,
                "--checkpoint", path)  # fmt: skip
    assert told.exit_code == 0, told.output
    line = "landscape: the checkpoint holds more than tensors; what is not read: argparse.Namespace"
    assert told.stderr.splitlines().count(line) == 1
