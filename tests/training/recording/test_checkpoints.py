from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.recording.loops import network, vector
from training.recording.saved import prefixed, same, trained

from landscape import trajectory_from_checkpoints
from landscape.cli.user_model import load_checkpoint
from landscape.training.recording.checkpoints import load_into, read_checkpoint


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
    load_checkpoint(again, path, (), pytest.fail)
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
        "import sys; sys.modules['safetensors'] = None\n"
        "from landscape.training.recording.checkpoints import read_checkpoint\n"
        "read_checkpoint(sys.argv[1])"
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
    with pytest.raises(ValueError, match="must name files of weights beside it"):
        read_checkpoint(tmp_path)


def test_extra_keys_are_left_out_by_wish_and_told(tmp_path: Path) -> None:
    """A checkpoint of a network with an auxiliary head, or of an older version of its class."""
    wanted, model, path = trained(), network(), tmp_path / "model.pt"
    extra = {"aux.0.weight": torch.ones(2), "aux.0.bias": torch.ones(2), "old_mask": torch.ones(1)}
    torch.save({**wanted.state_dict(), **extra}, path)
    with pytest.raises(ValueError, match=r"has 3 that .* not, aux\.0\.weight, aux\.0\.bias, "
                                         r"old_mask\. Build .* --ignore-keys PATTERN"):  # fmt: skip
        load_into(model, path)
    with pytest.raises(ValueError, match=r"has 1 that the model has not, old_mask\."):
        load_into(model, path, ignore=("aux.*",))
    ignored = load_into(model, path, ignore=("aux.*", "old_mask"))
    assert same(model, wanted)
    assert ignored.there == tuple(extra)
    assert str(ignored) == "ignored 3 keys of the checkpoint: aux.0.weight, aux.0.bias, old_mask"
    none = load_into(model, _saved(tmp_path, wanted), ignore=("aux.*",))
    assert str(none) == "ignored no keys: no key matches a pattern"


def _saved(folder: Path, model: nn.Module) -> Path:
    torch.save(model.state_dict(), folder / "plain.pt")
    return folder / "plain.pt"


@pytest.mark.parametrize("wrap", ["", "net.", "module.", "_orig_mod.", "module._orig_mod.net."])
def test_keys_are_ignored_by_the_names_of_the_model(wrap: str, tmp_path: Path) -> None:
    wanted, model = trained(), network()
    torch.save(prefixed(wanted, wrap) | {f"{wrap}9.weight": torch.ones(3)}, tmp_path / "m.pt")
    ignored = load_into(model, tmp_path / "m.pt", ignore=("9.*",))
    assert same(model, wanted)
    assert ignored.there == ("9.weight",)
    assert ignored.kept == ()


def test_another_head_keeps_the_values_it_was_built_with(tmp_path: Path) -> None:
    wanted, model = trained(), network()
    state = wanted.state_dict()
    state["3.weight"] = torch.ones(10, 5)
    del state["3.bias"]
    torch.save({"state_dict": state}, tmp_path / "model.pt")
    before = {n: v.clone() for n, v in model.state_dict().items()}
    ignored = load_into(model, tmp_path / "model.pt", ignore=("3.*",))
    assert ignored.there == ("3.weight",)
    assert ignored.kept == ("3.weight", "3.bias")
    assert "kept as built: 2 keys of the model: 3.weight, 3.bias" in str(ignored)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name] if name.startswith("3.") else state[name])
    path = trajectory_from_checkpoints(model, [tmp_path / "model.pt"], ignore=("3.*",))
    np.testing.assert_array_equal(path.thetas[0], vector(model))
    assert path.settings["ignored_keys"] == ["3.weight", "3.bias"]


def test_an_ignored_name_of_a_shared_parameter_does_not_undo_the_other(tmp_path: Path) -> None:
    model, values = Tied(), torch.randn(7, 3)
    torch.save({"embed.weight": values, "head.weight": torch.zeros(7, 3)}, tmp_path / "m.pt")
    load_into(model, tmp_path / "m.pt", ignore=("head.*",))
    assert torch.equal(model.embed.weight, values)


def test_one_pattern_is_not_taken_for_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be several patterns, got 'head\.\*'"):
        load_into(network(), _saved(tmp_path, trained()), ignore="head.*")


@pytest.mark.parametrize("ending", [".pth.tar", ".t7", ".tar", ".pt.tar"])
def test_endings_that_people_give_to_what_torch_saved(ending: str, tmp_path: Path) -> None:
    wanted, model = trained(), network()
    for zipped in (True, False):
        path = tmp_path / f"ckpt{ending}"
        torch.save({"net": wanted.state_dict(), "acc": 91.2, "epoch": 3}, path,
                   _use_new_zipfile_serialization=zipped)  # fmt: skip
        load_into(model, path)
        assert same(model, wanted)
