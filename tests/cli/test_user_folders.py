"""A user's Python file imports what lies beside it, and hides nothing from anybody else."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from calling import accepted, refused

from landscape import open_study
from landscape.cli.user_model import maker, named, network_of


def written(folder: Path, **files: str) -> Path:
    """Write Python files into a folder; two underscores in a name are a folder within."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
    return folder


def modules_and_path() -> tuple[dict[str, object], list[str]]:
    return dict(sys.modules), list(sys.path)


def test_a_file_imports_its_siblings_and_nothing_stays(tmp_path: Path) -> None:
    written(
        tmp_path,
        model="import layers\nfrom blocks.inner import width\nfrom plain.deep import depth\n"
        "def build():\n    return layers.name, width, depth",
        layers="name = 'layers'",
        blocks__init="",
        blocks__inner="from .more import width",
        blocks__more="width = 3",
        plain__deep="depth = 2",
    )
    (tmp_path / "blocks" / "init.py").rename(tmp_path / "blocks" / "__init__.py")
    before, path = modules_and_path()
    assert maker(f"{tmp_path}/model.py:build")() == ("layers", 3, 2)
    assert sys.path == path
    assert {n for n in sys.modules if n not in before} == set()
    assert all(sys.modules[name] is module for name, module in before.items())
    assert importlib.util.find_spec("layers") is None


@pytest.mark.parametrize("how", ["import", "from", "importlib", "within a package"])
def test_siblings_imported_when_the_function_is_called(how: str, tmp_path: Path) -> None:
    line = {
        "import": "import late as found",
        "from": "from late import name; import late as found",
        "importlib": "import importlib; found = importlib.import_module('late')",
        "within a package": "from parts import late as found",
    }[how]
    written(tmp_path, model=f"def build():\n    {line}\n    return found.name", late="name = 'a'",
            parts__late="from late import name")  # fmt: skip
    assert maker(f"{tmp_path}/model.py:build")() == "a"


def test_a_method_imports_a_sibling_long_after(tmp_path: Path) -> None:
    """The network's forward, and a loss, run without the folder's being first."""
    written(
        tmp_path,
        model="""
            from torch import nn
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = nn.Linear(2, 2)
                def forward(self, x):
                    import late
                    return late.double(self.inner(x))
            build = Net
            def loss(model, batch):
                from late import double
                return double(model(batch)).sum()
        """,
        late="def double(x):\n    from later import two\n    return two * x",
        later="two = 2",
    )
    network = network_of(f"{tmp_path}/model.py:build")
    inputs = torch.ones(1, 2)
    wanted = 2 * network.inner(inputs)
    assert torch.equal(network(inputs), wanted)
    assert torch.equal(named(f"{tmp_path}/model.py:loss")(network, inputs), 2 * wanted.sum())
    assert "late" not in sys.modules


def test_two_folders_with_modules_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        written(
            tmp_path / folder,
            model="import utils\n"
            "def build():\n    return utils.where\n"
            "def late():\n    import model, helpers\n    return model.__file__, helpers.where",
            utils=f"where = '{folder}'",
            helpers=f"where = '{folder}'",
        )
    makers = {f: maker(f"{tmp_path}/{f}/model.py:build") for f in ("a", "b")}
    late = {f: named(f"{tmp_path}/{f}/model.py:late") for f in ("b", "a")}
    for folder in ("a", "b", "a"):
        assert makers[folder]() == folder
        assert late[folder]() == (str(tmp_path / folder / "model.py"), folder)


def test_siblings_named_as_this_program_s_packages(tmp_path: Path) -> None:
    written(
        tmp_path,
        model="from data import load\nimport viz\ndef build():\n    return load(), viz.name",
        data="def load():\n    return 'mine'",
        viz="name = 'mine'",
        landscape="raise RuntimeError('the package was hidden')",
        random="raise RuntimeError('the standard library was hidden')",
    )
    assert maker(f"{tmp_path}/model.py:build")() == ("mine", "mine")
    assert maker(f"{tmp_path}/data.py:load")() == "mine"
    from landscape import data, viz

    assert hasattr(data, "load")
    assert Path(str(data.__file__)).parent.parent != tmp_path
    assert viz.__path__
    with pytest.raises(ValueError, match="the package was hidden"):
        named(f"{tmp_path}/landscape.py:build")


def test_a_folder_of_numbers_called_data_hides_no_package(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    written(
        tmp_path,
        model="from landscape import data\ndef build():\n    return data.load('wine').name",
    )
    from landscape import data

    assert maker(f"{tmp_path}/model.py:build")() == data.load("wine").name


def test_options_of_one_folder_share_their_modules(tmp_path: Path) -> None:
    written(
        tmp_path,
        model="from nets import Net\ndef build():\n    return Net()",
        loss="from nets import Net\nimport model\ndef same(net):\n"
        "    return isinstance(net, Net), isinstance(model.build(), Net)",
        nets="from torch import nn\nclass Net(nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(2, 2)",
    )
    network = network_of(f"{tmp_path}/model.py:build")
    assert named(f"{tmp_path}/loss.py:same")(network) == (True, True)


def test_a_sibling_that_changed_is_run_again(tmp_path: Path) -> None:
    written(tmp_path, model="import inner\ndef build():\n    return inner.value", inner="value = 1")
    assert maker(f"{tmp_path}/model.py:build")() == 1
    written(tmp_path, inner="value = 2")
    assert maker(f"{tmp_path}/model.py:build")() == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inner.py", "model.py"]


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    written(tmp_path, model="import good, bad", good="", bad="import absent_module")
    _, path = modules_and_path()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"No module named 'absent_module' in line 1"):
            named(f"{tmp_path}/model.py:build")
    assert sys.path == path
    assert not {"model", "good", "bad"} & set(sys.modules)


def test_postponed_annotations_of_dataclasses_are_found(tmp_path: Path) -> None:
    written(
        tmp_path,
        model="""
            from __future__ import annotations
            from dataclasses import dataclass
            @dataclass
            class Options:
                width: int = 3
            def build():
                return Options().width
        """,
    )
    assert maker(f"{tmp_path}/model.py:build")() == 3


def test_a_network_over_several_files_is_sampled(tmp_path: Path) -> None:
    written(
        tmp_path / "net",
        model="from utils import linear\ndef build():\n    return linear()",
        utils="import torch\ndef linear():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Linear(2, 2)",
    )
    written(
        tmp_path / "set",
        data="from utils import pairs\ndef load():\n    return pairs()",
        utils="import torch\ndef pairs():\n    return torch.ones(4, 2), torch.tensor([0, 1, 0, 1])",
    )
    accepted(
        "sample", "--model", f"{tmp_path}/net/model.py:build", "--data",
        f"{tmp_path}/set/data.py:load", "--grid", 3, "--out", tmp_path / "s.h5",
    )  # fmt: skip
    assert len(open_study(tmp_path / "s.h5").surfaces()) == 1
    written(tmp_path / "net", model="import nowhere")
    assert "No module named 'nowhere' in line 1" in refused(
        "sample", "--model", f"{tmp_path}/net/model.py:build", "--data", "x.py:load"
    )
