"""A pickle of torch, read without running anything: tensors, plain values, names of all the rest.

``pickle`` and ``torch.load`` call what a file names. Here the file's instructions are followed on a
stack of plain values, and no object of the file is ever called, imported or given state: what
stands for it is an :class:`Inert` with its name. Tensors are made here, from numbers in the file.

References: the opcodes are those that the standard library's ``pickletools`` describes, the two
formats of files those of ``torch/serialization.py``.
"""

from __future__ import annotations

import mmap
import pickletools
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

# More bytes of instructions than any checkpoint has; each takes a few microseconds.
_LONGEST = 1 << 23
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MODULES, _DEEPEST = 100_000, 100
_TYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "ByteStorage": torch.uint8, "CharStorage": torch.int8,
    "ShortStorage": torch.int16, "IntStorage": torch.int32, "LongStorage": torch.int64,
    "BoolStorage": torch.bool, "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128, "UntypedStorage": torch.uint8,
}  # fmt: skip
_DTYPES = {str(v): v for v in vars(torch).values() if isinstance(v, torch.dtype)}


class Inert(dict[Any, Any]):
    """What stands for an object of a class that is not read.

    Attributes:
        name: of the class or function.
        state: what the object was to be given.
    """

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.state: Any = None

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other


class Read(NamedTuple):
    """What a file holds.

    Attributes:
        value: plain values, tensors and :class:`Inert`; whole modules are their weights by name.
        replaced: names of what was not read.
        tensors: their number.
    """

    value: Any
    replaced: tuple[str, ...]
    tensors: int


def read(path: Path, *, mapped: bool = False) -> Read:
    """Read a file that ``torch.save`` has written.

    Args:
        path: the file, with entries that are not packed if it is an archive.
        mapped: whether numbers of an archive are left in the file.

    Raises:
        ValueError: if it is no such file, or damaged. Hostile files may raise any other Exception.
        MemoryError: if it asks for more memory than is allowed.
    """
    if not zipfile.is_zipfile(path):
        return _old_format(path)
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        name = next(n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl")
        storages = _Archive(archive, file, name.removesuffix("data.pkl"), mapped=mapped)
        if archive.getinfo(name).file_size > _LONGEST:
            raise ValueError(f"{path} has more than {_LONGEST:,} bytes of instructions")
        machine = _Machine(storages.load)
        return machine.read(machine.run(BytesIO(archive.read(name))))


def _old_format(path: Path) -> Read:
    """Read the format before archives: pickles in a row, then the numbers."""
    with path.open("rb") as file:
        start = [_Machine(_no_storage).run(file) for _ in range(3)]
        if start[:2] != [_MAGIC, _PROTOCOL] or start[2].get("little_endian") is not True:
            raise ValueError(f"{path} is not a file of torch")
        storages = _Row(path.stat().st_size)
        machine = _Machine(storages.load)
        value = machine.run(file)
        storages.fill(_Machine(_no_storage).run(file), file)
        return machine.read(value)


@dataclass(frozen=True, slots=True, eq=False)
class _Global:
    """A class or function that a pickle names."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Storage:
    """Numbers of one type, one after another."""

    data: torch.UntypedStorage
    dtype: torch.dtype


class _Archive:
    """The storages in an archive of torch."""

    def __init__(
        self, archive: zipfile.ZipFile, file: IO[bytes], prefix: str, *, mapped: bool
    ) -> None:
        self._archive, self._file, self._prefix = archive, file, prefix
        self._whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None
        self._loaded: dict[str, torch.UntypedStorage] = {}
        if f"{prefix}byteorder" in archive.namelist():
            order = archive.read(f"{prefix}byteorder").decode()
            if order != sys.byteorder:
                raise ValueError(f"the bytes are in {order[:10]} order")

    def load(self, what: Any) -> _Storage:
        dtype, key, size = _identity(what)
        if key not in self._loaded:
            self._loaded[key] = self._bytes(f"{self._prefix}data/{key}")
        if size > self._loaded[key].nbytes():
            raise ValueError(f"a storage must have {size:,} bytes, it is shorter")
        return _Storage(self._loaded[key], dtype)

    def _bytes(self, name: str) -> torch.UntypedStorage:
        item = self._archive.getinfo(name)
        if self._whole is None:
            return _storage_of(bytearray(self._archive.read(item)))
        # Behind the local header, whose name and extra field have lengths of their own.
        self._file.seek(item.header_offset + 26)
        lengths = self._file.read(4)
        behind = sum(int.from_bytes(lengths[i : i + 2], "little") for i in (0, 2))
        start = item.header_offset + 30 + behind
        if start + item.file_size > len(self._whole):
            raise ValueError("a storage must lie in the file")
        return _storage_of(memoryview(self._whole)[start : start + item.file_size])


class _Row:
    """The storages behind the pickles of an old file: made as they are named, filled at the end."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._loaded: dict[str, _Storage] = {}

    def load(self, what: Any) -> _Storage:
        dtype, key, size = _identity(what)
        if len(what) > 5 and what[5] is not None:
            raise ValueError("views of storages are not read")
        if key not in self._loaded:
            self._allowed -= size
            if self._allowed < 0:
                raise ValueError("the storages must fit in the file")
            self._loaded[key] = _Storage(_empty(size), dtype)
        return self._loaded[key]

    def fill(self, keys: list[str], file: IO[bytes]) -> None:
        for key in keys:
            storage = self._loaded.pop(key)
            size = storage.data.nbytes()
            if int.from_bytes(file.read(8), "little") * storage.dtype.itemsize != size:
                raise ValueError("a storage must have the length that it is given")
            data = bytearray(file.read(size))
            if len(data) != size:
                raise ValueError("the file must hold all numbers; it is cut off")
            storage.data.copy_(_storage_of(data))
        if self._loaded:
            raise ValueError("the file must hold all numbers")


def _no_storage(_: Any) -> _Storage:
    raise ValueError("no storage belongs here")


def _storage_of(data: bytearray | memoryview) -> torch.UntypedStorage:
    if not len(data):
        return _empty(0)
    return torch.frombuffer(data, dtype=torch.uint8).untyped_storage()


def _empty(size: int) -> torch.UntypedStorage:
    return torch.empty(size, dtype=torch.uint8).untyped_storage()


def _identity(what: Any) -> tuple[torch.dtype, str, int]:
    """Return type, name and bytes of a storage that a pickle refers to."""
    kind, storage, key, _, count = what[:5]
    if kind != "storage" or not isinstance(storage, _Global) or not isinstance(key, str):
        raise ValueError("a reference to anything but a storage")
    dtype = _TYPES[storage.name.rpartition(".")[2]]
    return dtype, key, _natural(count) * dtype.itemsize


def _natural(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError(f"a count must be a whole number >= 0, got {str(value)[:20]}")
    return value


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """Return a tensor of numbers of a storage, which must hold them all."""
    if not isinstance(storage, _Storage) or len(size) != len(stride) or len(size) > 64:
        raise ValueError("a tensor must have a storage, sizes and strides")
    sizes, strides = [_natural(n) for n in size], [_natural(n) for n in stride]
    last = _natural(offset) + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
    if 0 not in sizes and last >= storage.data.nbytes() // storage.dtype.itemsize:
        raise ValueError("a tensor must lie in its storage")
    return torch.empty(0, dtype=storage.dtype).set_(storage.data, offset, sizes, strides)


def _tensor_of_type(
    storage: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    """As :func:`_tensor`, of a type that storages do not have."""
    return _tensor(_Storage(storage.data, _DTYPES[dtype.name]), offset, size, stride)


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter must hold a tensor")
    return data


def _mapping(pairs: Any = (), *_: Any) -> dict[Any, Any]:
    return {_key(k): v for k, v in (pairs.items() if isinstance(pairs, dict) else pairs)}


def _encoded(text: Any, *_: Any) -> bytes:
    return str(text).encode("latin1")


def _set(values: Any = ()) -> set[Any]:
    return {_key(value) for value in values}


def _key(value: Any) -> Any:
    """Return what may be a key: hashing anything deeper could take for ever."""
    plain = (str, bytes, int, float, complex, type(None), Inert, _Global)
    if isinstance(value, plain):
        return value
    if isinstance(value, tuple) and all(isinstance(v, plain) for v in value):
        return value
    return Inert("a key")


_MAKERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.Size": lambda values=(): tuple(values),
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": lambda *_: {},
    "_codecs.encode": _encoded,
    **{f"{module}.set": _set for module in ("builtins", "__builtin__")},
}
_RECONSTRUCTORS = ("copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__")
_READ = (*_MAKERS, *_RECONSTRUCTORS, *_DTYPES)
_VALUES = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
))  # fmt: skip


class _Machine:
    """Follows the instructions of a pickle.

    Args:
        storage: returns what a reference to a storage means.
    """

    def __init__(self, storage: Callable[[Any], _Storage]) -> None:
        self._storage = storage
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self._replaced: dict[str, None] = {}
        self._tensors = 0

    def run(self, file: IO[bytes]) -> Any:
        """Return the value of the pickle at which the file stands."""
        start = file.tell()
        for code, argument, place in pickletools.genops(file):
            if (place or 0) - start > _LONGEST:
                raise ValueError(f"more than {_LONGEST:,} bytes of instructions")
            if code.name == "STOP":
                return self.stack.pop()
            _INSTRUCTIONS[code.name](self, argument)
        raise ValueError("a pickle must end")

    def read(self, value: Any) -> Read:
        """Return a value with what was not read of it."""
        return Read(_unfolded(value, {}), tuple(self._replaced), self._tensors)

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def popped(self, count: int) -> list[Any]:
        """Take the last values off the stack."""
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def since_mark(self) -> list[Any]:
        """Take the values since the last mark off the stack."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def keep(self, place: Any) -> None:
        """Remember the last value."""
        self.memo[int(place)] = self.stack[-1]

    def extend(self, items: list[Any]) -> None:
        """Append to the list that is the last value."""
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def add(self, items: list[Any]) -> None:
        """Add to the set that is the last value."""
        if isinstance(self.stack[-1], set):
            self.stack[-1].update(map(_key, items))

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values, in turns, into the mapping that is the last value."""
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(_in_turns(items))

    def named(self, module: Any, name: Any) -> _Global:
        """Return what stands for a class or function."""
        named = _Global(f"{module}.{name}")
        if named.name not in _READ and named.name.rpartition(".")[2] not in _TYPES:
            self._replaced[named.name] = None
        return named

    def call(self, kind: Any, arguments: Any) -> None:
        """Put what a call stands for on the stack; only functions of this file are called."""
        name = kind.name if isinstance(kind, _Global) else "an object"
        if name in _RECONSTRUCTORS and arguments and isinstance(arguments[0], _Global):
            self.push(Inert(arguments[0].name))
            return
        made = _MAKERS[name](*arguments) if name in _MAKERS else Inert(name)
        self._tensors += isinstance(made, Tensor)
        self.push(made)

    def call_with_options(self) -> None:
        """Call with keyword arguments, which nothing here takes."""
        kind, arguments, _ = self.popped(3)
        self.call(kind, arguments)

    def call_marked(self) -> None:
        """Call the first value since the last mark with the others."""
        kind, *arguments = self.since_mark()
        self.call(kind, tuple(arguments))

    def build(self) -> None:
        """Give its state to the object before it."""
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state

    def refer(self) -> None:
        """Put a storage on the stack, or a class that stands with its source."""
        what = self.stack.pop()
        of_class = what[0] == "module" and isinstance(what[1], _Global)
        self.push(what[1] if of_class else self._storage(what))


def _in_turns(items: list[Any]) -> dict[Any, Any]:
    return _mapping(zip(items[::2], items[1::2], strict=True))


def _module_and_name(argument: Any) -> list[str]:
    return str(argument).split(" ", 1)


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], object]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda *_: None),
    **dict.fromkeys(_VALUES, _Machine.push),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_SET": lambda m, _: m.push(set()),
    "TUPLE1": lambda m, _: m.push(tuple(m.popped(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.popped(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.popped(3))),
    "TUPLE": lambda m, _: m.push(tuple(m.since_mark())),
    "LIST": lambda m, _: m.push(m.since_mark()),
    "FROZENSET": lambda m, _: m.push(frozenset(map(_key, m.since_mark()))),
    "DICT": lambda m, _: m.push(_in_turns(m.since_mark())),
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.since_mark(),
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "MEMOIZE": lambda m, _: m.keep(len(m.memo)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.keep),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, place: m.push(m.memo[int(place)])),
    "APPEND": lambda m, _: m.extend(m.popped(1)),
    "APPENDS": lambda m, _: m.extend(m.since_mark()),
    "ADDITEMS": lambda m, _: m.add(m.since_mark()),
    "SETITEM": lambda m, _: m.set_items(m.popped(2)),
    "SETITEMS": lambda m, _: m.set_items(m.since_mark()),
    "GLOBAL": lambda m, argument: m.push(m.named(*_module_and_name(argument))),
    "STACK_GLOBAL": lambda m, _: m.push(m.named(*m.popped(2))),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda m, _: m.call(*m.popped(2))),
    "NEWOBJ_EX": lambda m, _: m.call_with_options(),
    "INST": lambda m, argument: m.call(m.named(*_module_and_name(argument)), tuple(m.since_mark())),
    "OBJ": lambda m, _: m.call_marked(),
    "BUILD": lambda m, _: m.build(),
    "BINPERSID": lambda m, _: m.refer(),
}


def _unfolded(value: Any, done: dict[int, Any], depth: int = 4) -> Any:
    """Return a value with whole modules in it as their weights by name."""
    if not isinstance(value, Mapping) or not depth:
        return value
    if id(value) not in done:
        done[id(value)] = value
        if isinstance(value, Inert) and _module_state(value) is not None:
            done[id(value)] = _weights_of(value)
        elif not isinstance(value, Inert):
            done[id(value)] = {k: _unfolded(v, done, depth - 1) for k, v in value.items()}
    return done[id(value)]


def _module_state(module: Any) -> dict[str, Any] | None:
    """Return the attributes of what stands for a ``torch.nn.Module``, None for anything else."""
    state = module.state if isinstance(module, Inert) else None
    kinds = ("_parameters", "_buffers", "_modules")
    whole = isinstance(state, dict) and all(isinstance(state.get(kind), dict) for kind in kinds)
    return state if whole else None


def _weights_of(module: Inert) -> dict[str, Tensor]:
    """Return parameters and buffers of a module by the names that its ``state_dict`` gives them."""
    weights: dict[str, Tensor] = {}
    waiting: list[tuple[str, Inert, int]] = [("", module, 0)]
    for _ in range(_MODULES):
        if not waiting:
            return weights
        prefix, inner, depth = waiting.pop()
        state = _module_state(inner)
        if state is None or depth > _DEEPEST:
            continue
        passing = state.get("_non_persistent_buffers_set") or ()
        kept = {n: b for n, b in state["_buffers"].items() if n not in passing}
        tensors = state["_parameters"] | kept
        weights |= {f"{prefix}{n}": v for n, v in tensors.items() if isinstance(v, Tensor)}
        below = [(f"{prefix}{n}.", m, depth + 1) for n, m in state["_modules"].items()]
        waiting += reversed(below)
    raise ValueError(f"a module must hold fewer than {_MODULES:,} others")
