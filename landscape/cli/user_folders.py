"""Python files of the user's, which import what lies beside them and hide nothing from others.

The modules of a folder belong to the files of that folder. They are in ``sys.modules``, and the
folder comes first on ``sys.path``, only while one of those files is run or imports. So two folders
may both have a ``utils.py``, and a ``data.py`` of the user's is not taken for this program's.
"""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, cast

# A file of such a name hides nothing: everybody imports these, at any time.
_TAKEN = frozenset({"landscape"}) | sys.stdlib_module_names
_LOCK = threading.RLock()
_FOLDERS: dict[Path, Folder] = {}


def run_file(path: Path) -> tuple[ModuleType, Folder]:
    """Return the module of a Python file, which is run once as long as its folder stays the same.

    Args:
        path: the file.

    Returns:
        The module, and its folder, in which its functions are to be called.
    """
    path = path.resolve()
    folder = _FOLDERS.get(path.parent)
    if folder is None or folder.changed():
        folder = _FOLDERS[path.parent] = Folder(path.parent)
    return folder.module(path), folder


class Folder(MetaPathFinder):
    """The modules of one folder.

    Args:
        path: absolute, without links.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.modules: dict[str, ModuleType] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self.builtins = {**vars(builtins), "__import__": self._import}

    def module(self, path: Path) -> ModuleType:
        """Return the module of a file of this folder; it is run if it was not yet."""
        taken = path.stem in _TAKEN or not path.stem.isidentifier()
        name = f"own_{path.stem}" if taken else path.stem
        with self.first():
            if name in sys.modules:
                return sys.modules[name]
            loader = _Loader(name, str(path), self)
            spec = cast("ModuleSpec", spec_from_file_location(name, path, loader=loader))
            module = sys.modules[name] = module_from_spec(spec)
            try:
                loader.exec_module(module)
            except BaseException:
                sys.modules.pop(name, None)
                raise
            return module

    def changed(self) -> bool:
        """Whether a file of its modules is another than when it was run."""
        return any(_stamp(file) != stamp for file, stamp in self._stamps.items())

    @contextmanager
    def first(self) -> Iterator[None]:
        """Let imports find the modules of this folder before all others."""
        with _LOCK:
            if self in sys.meta_path:
                yield
                return
            before = dict(sys.modules)
            tops = {n for n in {name.partition(".")[0] for name in before} if self._has(n)}
            hidden = {n: m for n, m in before.items() if n.partition(".")[0] in tops}
            for name in hidden:
                del sys.modules[name]
            sys.modules.update(self.modules)
            sys.meta_path.insert(0, self)
            sys.path.insert(0, str(self.path))
            try:
                yield
            finally:
                with suppress(ValueError):  # the user's code may have removed it
                    sys.path.remove(str(self.path))
                sys.meta_path.remove(self)
                self._take_out(before)
                sys.modules.update(hidden)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of this folder is; None for others, which Python then finds."""
        if path is None:
            spec = PathFinder.find_spec(name, [str(self.path)]) if self._has(name) else None
        else:
            top = sys.modules.get(name.partition(".")[0])
            spec = PathFinder.find_spec(name, path, target) if self._holds(top) else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path, self)
        return spec

    def _import(
        self,
        name: str,
        space: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        wanted: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as the files of this folder do, at whatever time they do it."""
        place = str((space or {}).get("__package__")) if level else name
        top = place.partition(".")[0]
        folder = top not in sys.modules and (self.path / top).is_dir()
        if top not in self.modules and not self._has(top) and not folder:
            return builtins.__import__(name, space, local, wanted, level)
        with self.first():
            return builtins.__import__(name, space, local, wanted, level)

    def _has(self, name: str) -> bool:
        """Whether a file or a package of this folder has that name, and goes before others."""
        whole = (self.path / name / "__init__.py", self.path / f"{name}.py")
        return name not in _TAKEN and any(file.is_file() for file in whole)

    def _holds(self, module: object) -> bool:
        if not isinstance(module, ModuleType):
            return False
        places = list(getattr(module, "__path__", [])) or [getattr(module, "__file__", None)]
        inside = any(place and Path(place).parent == self.path for place in places)
        return inside and module.__name__ not in _TAKEN

    def _take_out(self, before: Mapping[str, ModuleType]) -> None:
        """Take this folder's modules out of those that all import, except what was there."""
        new = {name: m for name, m in sys.modules.items() if before.get(name) is not m}
        tops = {name.partition(".")[0] for name in new}
        of_folder = {n for n in tops if self._holds(sys.modules.get(n))}
        for name, module in new.items():
            if name.partition(".")[0] in of_folder:
                self.modules[name] = sys.modules.pop(name)
                if file := getattr(module, "__file__", None):
                    self._stamps.setdefault(file, _stamp(file))


class _Loader(SourceFileLoader):
    """Loads a file whose functions find the modules of its folder even when they import later."""

    def __init__(self, name: str, path: str, folder: Folder) -> None:
        super().__init__(name, path)
        self._folder = folder

    def path_stats(self, path: str) -> Mapping[str, Any]:  # noqa: ARG002
        # No bytecode is kept: nothing is written beside the user's files, and a file that changes
        # within a second is seen.
        raise OSError

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._folder.builtins
        super().exec_module(module)


def _stamp(file: str) -> tuple[int, int]:
    try:
        state = Path(file).stat()
    except FileNotFoundError:
        return 0, 0
    return state.st_mtime_ns, state.st_size
