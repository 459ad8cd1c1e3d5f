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
        return machine.told(machine.run(BytesIO(archive.read(name))))


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
        return machine.told(value)


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
        self._found: dict[str, torch.UntypedStorage] = {}
        if f"{prefix}byteorder" in archive.namelist():
            order = archive.read(f"{prefix}byteorder").decode()
            if order != sys.byteorder:
                raise ValueError(f"the bytes are in {order[:10]} order")

    def load(self, what: Any) -> _Storage:
        dtype, key, size = _identity(what)
        if key not in self._found:
            self._found[key] = self._bytes(f"{self._prefix}data/{key}")
        if size > self._found[key].nbytes():
            raise ValueError(f"a storage must have {size:,} bytes, it is shorter")
        return _Storage(self._found[key], dtype)

    def _bytes(self, name: str) -> torch.UntypedStorage:
        item = self._archive.getinfo(name)
        if self._whole is None:
            return _storage_of(bytearray(self._archive.read(item)))
        # Behind the local header, whose name and extra field have lengths of their own.
        self._file.seek(item.header_offset + 26)
        lengths = self._file.read(4)
        start = (
            item.header_offset
            + 30
            + sum(int.from_bytes(lengths[i : i + 2], "little") for i in (0, 2))
        )
        if start + item.file_size > len(self._whole):
            raise ValueError("a storage must lie in the file")
        return _storage_of(memoryview(self._whole)[start : start + item.file_size])


class _Row:
    """The storages behind the pickles of an old file: made as they are named, filled at the end."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._found: dict[str, _Storage] = {}

    def load(self, what: Any) -> _Storage:
        dtype, key, size = _identity(what)
        if len(what) > 5 and what[5] is not None:
            raise ValueError("views of storages are not read")
        if key not in self._found:
            self._allowed -= size
            if self._allowed < 0:
                raise ValueError("the storages must fit in the file")
            self._found[key] = _Storage(_empty(size), dtype)
        return self._found[key]

    def fill(self, keys: list[str], file: IO[bytes]) -> None:
        for key in keys:
            storage = self._found.pop(key)
            size = storage.data.nbytes()
            if int.from_bytes(file.read(8), "little") * storage.dtype.itemsize != size:
                raise ValueError("a storage must have the length that it is given")
            data = bytearray(file.read(size))
            if len(data) != size:
                raise ValueError("the file must hold all numbers; it is cut off")
            storage.data.copy_(_storage_of(data))
        if self._found:
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
_SHOWN = (*_MAKERS, *_RECONSTRUCTORS, *_DTYPES)
_VALUES = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
))  # fmt: skip
_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "EMPTY_SET": set,
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IDLE = ("PROTO", "FRAME")


class _Machine:
    """Follows the instructions of a pickle.

    Args:
        storage: returns what a reference to a storage means.
    """

    def __init__(self, storage: Callable[[Any], _Storage]) -> None:
        self._storage = storage
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._replaced: dict[str, None] = {}
        self._tensors = 0

    def run(self, file: IO[bytes]) -> Any:
        """Return the value of the pickle at which the file stands."""
        start = file.tell()
        for code, argument, place in pickletools.genops(file):
            if (place or 0) - start > _LONGEST:
                raise ValueError(f"more than {_LONGEST:,} bytes of instructions")
            if code.name == "STOP":
                return self._stack.pop()
            self._step(code.name, argument)
        raise ValueError("a pickle must end")

    def told(self, value: Any) -> Read:
        """Return a value with what was not read of it."""
        return Read(_unfolded(value, {}), tuple(self._replaced), self._tensors)

    def _step(self, code: str, argument: Any) -> None:
        if code in _VALUES:
            self._stack.append(argument)
        elif code in _NEW:
            self._stack.append(_NEW[code]())
        elif code in _TUPLES:
            count = _TUPLES[code]
            self._stack[-count:] = [tuple(self._stack[-count:])]
        elif code not in _IDLE:
            getattr(self, f"_do_{code.lower()}")(argument)

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _do_mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def _do_pop(self, _: Any) -> None:
        self._stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _do_dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _do_memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _do_put(self, place: Any) -> None:
        self._memo[int(place)] = self._stack[-1]

    def _do_get(self, place: Any) -> None:
        self._stack.append(self._memo[int(place)])

    _do_binput = _do_long_binput = _do_put
    _do_binget = _do_long_binget = _do_get

    def _do_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _do_list(self, _: Any) -> None:
        self._stack.append(self._since_mark())

    def _do_frozenset(self, _: Any) -> None:
        self._stack.append(frozenset(map(_key, self._since_mark())))

    def _do_dict(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append(_mapping(zip(items[::2], items[1::2], strict=True)))

    def _do_append(self, _: Any) -> None:
        self._extend([self._stack.pop()])

    def _do_appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)

    def _do_additems(self, _: Any) -> None:
        items = self._since_mark()
        if isinstance(self._stack[-1], set):
            self._stack[-1].update(map(_key, items))

    def _do_setitem(self, _: Any) -> None:
        value = self._stack.pop()
        self._set_items([self._stack.pop(), value])

    def _do_setitems(self, _: Any) -> None:
        self._set_items(self._since_mark())

    def _set_items(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], dict):
            self._stack[-1].update(_mapping(zip(items[::2], items[1::2], strict=True)))

    def _do_global(self, argument: Any) -> None:
        self._stack.append(self._named(*str(argument).split(" ", 1)))

    def _do_stack_global(self, _: Any) -> None:
        name = self._stack.pop()
        self._stack.append(self._named(self._stack.pop(), name))

    def _named(self, module: Any, name: Any) -> _Global:
        found = _Global(f"{module}.{name}")
        if found.name not in _SHOWN and found.name.rpartition(".")[2] not in _TYPES:
            self._replaced[found.name] = None
        return found

    def _do_reduce(self, _: Any) -> None:
        arguments = self._stack.pop()
        self._stack.append(self._made(self._stack.pop(), arguments))

    _do_newobj = _do_reduce

    def _do_newobj_ex(self, _: Any) -> None:
        self._stack.pop()
        self._do_reduce(None)

    def _do_inst(self, argument: Any) -> None:
        arguments = tuple(self._since_mark())
        self._stack.append(self._made(self._named(*str(argument).split(" ", 1)), arguments))

    def _do_obj(self, _: Any) -> None:
        kind, *arguments = self._since_mark()
        self._stack.append(self._made(kind, tuple(arguments)))

    def _made(self, kind: Any, arguments: Any) -> Any:
        """Return what a call stands for; only functions of this file are called."""
        name = kind.name if isinstance(kind, _Global) else "an object"
        if name in _RECONSTRUCTORS and arguments and isinstance(arguments[0], _Global):
            return Inert(arguments[0].name)
        made = _MAKERS[name](*arguments) if name in _MAKERS else Inert(name)
        self._tensors += isinstance(made, Tensor)
        return made

    def _do_build(self, _: Any) -> None:
        state = self._stack.pop()
        if isinstance(self._stack[-1], Inert):
            self._stack[-1].state = state

    def _do_binpersid(self, _: Any) -> None:
        what = self._stack.pop()
        if what[0] == "module" and isinstance(what[1], _Global):  # a class, with its source
            self._stack.append(what[1])
        else:
            self._stack.append(self._storage(what))


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
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Inert, int]] = [("", module, 0)]
    for _ in range(_MODULES):
        if not waiting:
            return found
        prefix, inner, depth = waiting.pop()
        state = _module_state(inner)
        if state is None or depth > _DEEPEST:
            continue
        passing = state.get("_non_persistent_buffers_set") or ()
        own = state["_parameters"] | {
            n: b for n, b in state["_buffers"].items() if n not in passing
        }
        found |= {f"{prefix}{n}": v for n, v in own.items() if isinstance(v, Tensor)}
        below = [(f"{prefix}{n}.", m, depth + 1) for n, m in state["_modules"].items()]
        waiting += reversed(below)
    raise ValueError(f"a module must hold fewer than {_MODULES:,} others")
