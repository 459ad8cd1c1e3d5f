from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recording.loops import network, recorded, vector
from torch import nn

from landscape import load_into, pca_plane, project, read_checkpoint, trajectory_from_checkpoints
from landscape.cli.own_code import load_checkpoint


def trained(seed: int | np.int64 = 3) -> nn.Sequential:
    """A network with weights and statistics of its own."""
    model = network()
    generator = torch.Generator().manual_seed(int(seed))
    with torch.no_grad():
        for values in (*model.parameters(), model[1].running_mean):
            values.copy_(torch.randn(values.shape, generator=generator))
    return model


def same(one: nn.Module, other: nn.Module) -> bool:
    state = other.state_dict()
    return all(torch.equal(v, state[n]) for n, v in one.state_dict().items())


def prefixed(model: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + n: v for n, v in model.state_dict().items()}


def adam_state(model: nn.Module) -> dict[str, Any]:
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(8, 4)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


WAYS: dict[str, Callable[[nn.Module], Any]] = {
    "state_dict": lambda m: m.state_dict(),
    "plain dict": lambda m: dict(m.state_dict()),
    "lightning": lambda m: {
        "epoch": 3, "global_step": 12, "pytorch-lightning_version": "2.6",
        "state_dict": {**prefixed(m, "net."), "accuracy.total": torch.zeros(())},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}],
        "loops": {}, "hyper_parameters": {"width": 5},
    },
    "model": lambda m: {"model": m.state_dict(), "optimizer": {"param_groups": [], "state": {}}},
    "model_state_dict": lambda m: {"model_state_dict": m.state_dict(), "loss": 0.5},
    "net": lambda m: {"net": m.state_dict(), "acc": 91.2},
    "module": lambda m: {"module": m.state_dict()},
    "own name": lambda m: {"classifier": m.state_dict(), "epoch": 1},
    "deep": lambda m: {"model": {"state_dict": m.state_dict()}, "epoch": 1},
    "data parallel": lambda m: nn.DataParallel(m).state_dict(),
    "compiled": lambda m: prefixed(m, "_orig_mod."),
    "compiled in parallel": lambda m: prefixed(m, "module._orig_mod."),
    "beside an average": lambda m: {
        "model": m.state_dict(), "model_ema": trained(9).state_dict(), "epoch": 1,
    },
    "only an average": lambda m: {
        "ema": torch.optim.swa_utils.AveragedModel(m).state_dict(), "epoch": 1
    },
    "parameters": lambda m: {"state_dict": {**m.state_dict(), **dict(m.named_parameters())}},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_found(way: str, zipped: bool, tmp_path: Path) -> None:
    wanted, model = trained(), network()
    path = tmp_path / "model.pt"
    torch.save(WAYS[way](wanted), path, _use_new_zipfile_serialization=zipped)
    load_into(nn.DataParallel(model), path)
    assert same(model, wanted)
    again = network()
    load_checkpoint(again, path)
    assert same(again, wanted)
    assert {n.removeprefix("net.") for n in read_checkpoint(path)} >= set(wanted.state_dict())


def test_optimizer_states_are_not_weights(tmp_path: Path) -> None:
    wanted, model = trained(), network()
    state = adam_state(wanted)
    torch.save({"weights_of_it": wanted.state_dict(), "optimizer": state, "adam": state},
               tmp_path / "model.pt")  # fmt: skip
    load_into(model, tmp_path / "model.pt")
    assert same(model, wanted)


def test_several_weights_are_chosen_by_key_or_beginning(tmp_path: Path) -> None:
    one, two, model = trained(1), trained(2), network()
    torch.save({"student": one.state_dict(), "teacher": two.state_dict()}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="several weights: student, teacher; choose with key="):
        load_into(model, tmp_path / "a.pt")
    load_into(model, tmp_path / "a.pt", key="teacher")
    assert same(model, two)
    with pytest.raises(ValueError, match=r"no entry 'pupil'; .* student, teacher"):
        read_checkpoint(tmp_path / "a.pt", key="pupil")
    torch.save({**prefixed(one, "student."), **prefixed(two, "teacher.")}, tmp_path / "b.pt")
    with pytest.raises(ValueError, match=r"several beginnings, student\., teacher\.; choose with"):
        load_into(model, tmp_path / "b.pt")
    load_into(model, tmp_path / "b.pt", prefix="student.")
    assert same(model, one)
    with pytest.raises(ValueError, match=r"no names that begin with 'pupil\.'"):
        load_into(model, tmp_path / "b.pt", prefix="pupil.")


def test_half_precision_becomes_the_models(tmp_path: Path) -> None:
    wanted, model = trained().half(), network()
    torch.save(wanted.state_dict(), tmp_path / "model.pt")
    load_into(model, tmp_path / "model.pt")
    assert model[0].weight.dtype == torch.float32
    assert torch.equal(model[0].weight, wanted[0].weight.float())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 3)
        self.head = nn.Linear(3, 7, bias=False)
        self.head.weight = self.embed.weight


def test_a_tied_name_may_be_absent(tmp_path: Path) -> None:
    model, values = Tied(), torch.randn(7, 3)
    for name in ("embed.weight", "head.weight"):
        torch.save({name: values}, tmp_path / "model.pt")
        load_into(model, tmp_path / "model.pt")
        assert torch.equal(model.head.weight, values)
        path = trajectory_from_checkpoints(model, [tmp_path / "model.pt"])
        np.testing.assert_array_equal(path.thetas[0], values.reshape(-1))


def test_old_files_have_no_counters(tmp_path: Path) -> None:
    state = trained().state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "model.pt")
    model = network()
    load_into(model, tmp_path / "model.pt")
    assert same(model, trained())


def test_an_adapter_alone_is_no_model(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    options = peft.LoraConfig(r=2, target_modules=["0"])
    model = peft.get_peft_model(network(), options)
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"an adapter alone; .*merge_and_unload"):
        read_checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r"lacks 8 of 9 names.*merge_and_unload"):
        load_into(network(), tmp_path / "adapter_model.safetensors")
    merged = model.merge_and_unload()
    torch.save(merged.state_dict(), tmp_path / "whole.pt")
    load_into(network(), tmp_path / "whole.pt")


def test_what_does_not_fit_is_named_and_the_model_left_alone(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "model.pt"
    before = vector(model)
    state = trained().state_dict()
    state["3.weigth"] = state.pop("3.weight")
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"lacks 1 of 9 names, 3\.weight \(it has 3\.weigth\); it "
                                         r"has 1 that the model has not, 3\.weigth\."):  # fmt: skip
        load_into(model, path)
    torch.save(prefixed(network(width=6), "net."), path)
    with pytest.raises(ValueError, match=r"0\.weight is \(6, 4\) there, \(5, 4\) in the model, .*"
                                         "and 4 more"):  # fmt: skip
        load_into(model, path)
    torch.save({n: v.to(torch.int8) for n, v in trained().state_dict().items()}, path)
    with pytest.raises(ValueError, match=r"torch\.int8 there; de-quantise"):
        load_into(model, path)
    torch.save({**trained().state_dict(), "extra.weight": torch.ones(2)}, path)
    with pytest.raises(ValueError, match=r"has 1 that the model has not, extra\.weight"):
        load_into(model, path)
    torch.save({"epoch": 3, "args": {"lr": 0.1}}, path)
    with pytest.raises(ValueError, match=r"holds no weights: .* it has 'epoch', 'args'"):
        load_into(model, path)
    assert vector(model).tobytes() == before.tobytes()


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


def _bytes(values: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(values, file, **options)
    return file.getvalue()


def _zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return file.getvalue()


REFUSED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "hostile": (lambda p: _bytes({"w": Hostile(p)}), r"a pickle that would run (posix|nt)\.system"),
    "hostile, old format": (
        lambda p: _bytes({"w": Hostile(p)}, _use_new_zipfile_serialization=False),
        r"a pickle that would run (posix|nt)\.system",
    ),
    "hostile, protocol 4": (
        lambda p: pickle.dumps({"w": Hostile(p)}, protocol=4),
        r"a pickle that would run (posix|nt)\.system",
    ),
    "module": (lambda _: _bytes(network()), r"a whole module .*torch\.save\(model\.state_dict\(\)"),
    "module, old format": (
        lambda _: _bytes(network(), _use_new_zipfile_serialization=False), "a whole module",
    ),
    "numpy scalar": (
        lambda _: _bytes({"model": network().state_dict(), "best": np.float64(1)}),
        r"NumPy values in it .*float\(x\)",
    ),
    "numpy pickle": (lambda _: pickle.dumps({"w": np.ones(2)}), r"NumPy values in it .*from_numpy"),
    "arguments": (
        lambda _: _bytes({"model": network().state_dict(), "args": Namespace(lr=1)}),
        r"would run argparse\.Namespace; save",
    ),
    "pointer": (
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "a pointer of Git LFS; fetch the file itself with git lfs pull",
    ),
    "web page": (lambda _: b"\n<!DOCTYPE html><html></html>", "a web page"),
    "empty": (lambda _: b"", "empty; it was not saved to the end"),
    "cut off": (lambda _: _bytes(network().state_dict())[:900], "cut off; copy or save it again"),
    "cut off, old format": (
        lambda _: _bytes(network().state_dict(), _use_new_zipfile_serialization=False)[:-40],
        "damaged or of another kind",
    ),
    "npz": (lambda _: _zip(a__npy=b"", b__npy=b""), "a NumPy archive"),
    "zip": (lambda _: _zip(a__txt=b""), "a zip archive of something else"),
    "gzip": (lambda _: b"\x1f\x8b\x08\x00", "compressed by gzip"),
    "npy": (lambda _: b"\x93NUMPY\x01\x00", "a NumPy array"),
    "text": (lambda _: b"import torch\n", "nothing that torch.load can read as weights"),
    "random": (lambda _: bytes(range(256)) * 9, "save it"),
    "list": (lambda _: _bytes([torch.ones(2)]), "a list, not tensors by name"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_weights_is_said_and_not_run(kind: str, tmp_path: Path) -> None:
    make, message = REFUSED[kind]
    path, target = tmp_path / "model.pt", tmp_path / "it-ran"
    path.write_bytes(make(target))
    for read in (read_checkpoint, lambda p: load_into(network(), p)):
        with pytest.raises(ValueError, match=f"is not a file of weights alone: it is .*{message}"):
            read(path)
    assert not target.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_with_the_line_that_converts_it(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"TorchScript archive; .*torch\.jit\.load\(path\)"):
        read_checkpoint(tmp_path / "model.pt")


def test_absent_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_checkpoint(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"holds none of model\.safetensors"):
        read_checkpoint(tmp_path)


def test_safetensors(tmp_path: Path) -> None:
    save = pytest.importorskip("safetensors.torch").save_file
    wanted, model = trained(), network()
    save(wanted.state_dict(), tmp_path / "model.safetensors")
    os.link(tmp_path / "model.safetensors", tmp_path / "misnamed.pt")
    for path in (tmp_path, tmp_path / "model.safetensors", tmp_path / "misnamed.pt"):
        model = network()
        load_into(model, path)
        assert same(model, wanted)
    data = (tmp_path / "model.safetensors").read_bytes()
    for broken in (data[:-8], b"\xff" * 64, data[8:]):
        (tmp_path / "cut.safetensors").write_bytes(broken)
        with pytest.raises(ValueError, match="damaged safetensors file"):
            read_checkpoint(tmp_path / "cut.safetensors")


def test_safetensors_without_the_package_is_one_sentence(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    code = (
        "import sys, landscape; sys.modules['safetensors'] = None\n"
        "landscape.read_checkpoint(sys.argv[1])"
    )
    run = [sys.executable, "-P", "-c", code, str(path)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: {path} needs the package safetensors; "
        "pip install 'lossoscope[safetensors]'"
    )


def test_shards(tmp_path: Path) -> None:
    save = pytest.importorskip("safetensors.torch").save_file
    wanted, model = trained(), network()
    state = list(wanted.state_dict().items())
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for name, part in zip(names, (dict(state[:4]), dict(state[4:])), strict=True):
        save(part, tmp_path / name)
    weight_map = {n: names[i >= 4] for i, (n, _) in enumerate(state)}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    for path in (tmp_path, index):
        model = network()
        load_into(model, path)
        assert same(model, wanted)
    index.write_text(json.dumps({"weight_map": {"0.weight": "../secret.safetensors"}}))
    with pytest.raises(ValueError, match="must name files beside it"):
        read_checkpoint(tmp_path)


def checkpoints(folder: Path, form: str, steps: list[int], wrap: Any = None) -> list[np.ndarray]:
    """Save a network per step under names of ``form``; return their weights."""
    wrap = wrap or (lambda model, step: model.state_dict())
    folder.mkdir(exist_ok=True)
    seen = []
    for step in steps:
        model = trained(step)
        torch.save(wrap(model, step), folder / form.format(step))
        seen.append(vector(model))
    return seen


def test_names_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    steps = [2, 10, 1, 100]
    checkpoints(tmp_path, "net18-{}.pt", steps)
    model = network()
    before = vector(model)
    path = trajectory_from_checkpoints(model, tmp_path)
    assert path.steps.tolist() == [1, 2, 10, 100]
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == vector(trained(step)).tobytes()
    assert isinstance(path.thetas, np.memmap)
    assert np.isnan(path.losses).all()
    np.testing.assert_array_equal(path.buffers["1.running_mean"], trained(100)[1].running_mean)
    assert path.settings["steps_from"] == "name"
    assert vector(model).tobytes() == before.tobytes()


def test_what_stands_inside_comes_before_names(tmp_path: Path) -> None:
    def wrap(model: nn.Module, step: int) -> Any:
        return {"state_dict": prefixed(model, "model."), "global_step": 500 - step, "epoch": 0}

    checkpoints(tmp_path, "epoch={}.ckpt", [1, 2, 3], wrap)
    torch.save(wrap(trained(1), 1), tmp_path / "last.ckpt")
    path = trajectory_from_checkpoints(network(), tmp_path, recording=tmp_path / "kept")
    assert path.steps.tolist() == [497, 498, 499]
    assert path.settings["steps_from"] == "global_step"
    assert path.thetas[0].tobytes() == vector(trained(3)).tobytes()
    torch.save(wrap(trained(7), 1), tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="two checkpoints are of global_step 499 and differ"):
        trajectory_from_checkpoints(network(), tmp_path)
    assert trajectory_from_checkpoints(network(), tmp_path, pattern="epoch*").steps[-1] == 499


def test_an_order_that_nothing_tells_is_refused_unless_given(tmp_path: Path) -> None:
    checkpoints(tmp_path, "run{0}-of-{0}0.pt", [1, 2])
    checkpoints(tmp_path, "best.pt", [3])
    with pytest.raises(ValueError, match=r"nothing tells the order of best\.pt, run1-of-10\.pt"):
        trajectory_from_checkpoints(network(), tmp_path)
    given = [tmp_path / n for n in ("run2-of-20.pt", "best.pt", "run1-of-10.pt")]
    path = trajectory_from_checkpoints(network(), given)
    assert path.steps.tolist() == [0, 1, 2]
    assert path.thetas[0].tobytes() == vector(trained(2)).tobytes()
    with pytest.raises(FileNotFoundError, match="holds no checkpoints"):
        trajectory_from_checkpoints(network(), tmp_path, pattern="*.ckpt")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        trajectory_from_checkpoints(network(), tmp_path / "best.pt")
    with pytest.raises(ValueError, match="at least one path"):
        trajectory_from_checkpoints(network(), [])


def test_one_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    checkpoints(tmp_path, "net-{}.pt", [1, 2])
    torch.save(network(width=6).state_dict(), tmp_path / "net-3.pt")
    with pytest.raises(ValueError, match=r"net-3\.pt does not fit the model"):
        trajectory_from_checkpoints(network(), tmp_path)


def test_the_last_checkpoint_lands_on_the_origin(tmp_path: Path) -> None:
    checkpoints(tmp_path, "step_{}.pt", [8, 9, 10, 11])
    path = trajectory_from_checkpoints(network(), tmp_path)
    coordinates, off_plane, _ = project(path.thetas, pca_plane(path))
    np.testing.assert_array_equal(coordinates[-1], [0, 0])
    assert off_plane[-1] == 0
    np.testing.assert_array_equal(path.solution, vector(trained(11)).astype(np.float64))


def test_half_precision_checkpoints(tmp_path: Path) -> None:
    checkpoints(tmp_path, "{}.pt", [1, 2], lambda m, _: m.half().state_dict())
    path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.thetas.dtype == np.float32
    np.testing.assert_array_equal(path.thetas[0], vector(trained(1).half()).astype(np.float32))
    assert path.buffers["1.running_mean"].dtype == np.float32


def test_a_recording_and_its_checkpoints_are_the_same_path(tmp_path: Path) -> None:
    model = network()
    seen = recorded(model, tmp_path / "run", 4, every=1)
    for step, theta in enumerate(seen):
        start = 0
        with torch.no_grad():
            for parameter in model.parameters():
                part = torch.from_numpy(theta[start : start + parameter.numel()])
                parameter.copy_(part.view_as(parameter))
                start += parameter.numel()
        torch.save({"model": model.state_dict(), "step": step}, tmp_path / f"{step}.pt")
    path = trajectory_from_checkpoints(network(), tmp_path, pattern="*.pt")
    assert path.thetas.tobytes() == np.stack(seen).tobytes()


def test_folders_of_a_trainer(tmp_path: Path) -> None:
    save = pytest.importorskip("safetensors.torch").save_file
    for step in (500, 1000):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        save(trained(step).state_dict(), folder / "model.safetensors")
        torch.save({"state": {}}, folder / "optimizer.pt")
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "epoch": 0.5}))
    save(trained(1000).state_dict(), tmp_path / "model.safetensors")
    path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.steps.tolist() == [500, 1000]
    assert path.settings["steps_from"] == "global_step"
