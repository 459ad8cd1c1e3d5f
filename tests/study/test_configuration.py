"""Configurations: there and back through TOML, strict about every key, type and value."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from landscape import SamplingConfig, StudyConfig, TrainingConfig
from landscape.networks.spec import CNNSpec, MLPSpec, ResNetSpec, network_spec
from landscape.study.configuration import DataConfig, PcaPlaneConfig, RandomPlaneConfig

UNUSUAL = StudyConfig(
    activations=("elu", "leaky_relu_0.3"),
    optimizers=("adamw", "sgd"),
    seeds=(3, 0),
    dtype="float64",
    loss="mse",
    target_loss=0.5,
    data=DataConfig(name="mnist5k", standardise="none", folder="somewhere"),
    network={"kind": "cnn", "channels": [4, 8], "batch_norm": True, "initialisation": "lecun"},
    training=TrainingConfig(
        steps=7, batch_size=32, record_every=2, record_pairs=False,
        learning_rates={"sgd": 0.7}, momentum=0.5, weight_decay=0.1, schedule="cosine",
        warmup_steps=2,
    ),
    random_plane=RandomPlaneConfig(points=(5, 7), span=0.5, normalisation="layer", seed=9),
    pca_plane=PcaPlaneConfig(points=(), length="unit", margin=0.1),
    sampling=SamplingConfig(
        strategy="copy", chunk=2, batch_size=64, threads=1, reuse=False, compile="never", memory=7
    ),
)  # fmt: skip


def toml(folder: Path, values: dict[str, Any] | str) -> Path:
    path = folder / "study.toml"
    text = values if isinstance(values, str) else tomli_w.dumps(values)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("config", [StudyConfig(), UNUSUAL], ids=["default", "unusual"])
def test_a_configuration_survives_toml(config: StudyConfig, tmp_path: Path) -> None:
    assert StudyConfig.from_toml(toml(tmp_path, config.to_toml())) == config
    assert StudyConfig.from_dict(config.to_dict()).to_dict() == config.to_dict()


def test_the_unusual_configuration_leaves_no_default_untried() -> None:
    """Otherwise a field that is lost on the way would go unnoticed above."""
    usual, unusual = StudyConfig().to_dict(), UNUSUAL.to_dict()
    for key, value in unusual.items():
        assert value != usual[key], key
        if key in ("data", "training", "random_plane", "pca_plane", "sampling"):
            same = [k for k in value if value[k] == usual[key][k]]
            assert same == [], f"{key}: {same}"


def test_every_default_is_visible() -> None:
    def check(record: Any, plain: dict[str, Any]) -> None:
        assert set(plain) == {f.name for f in fields(record)}
        for f in fields(record):
            if is_dataclass(getattr(record, f.name)):
                check(getattr(record, f.name), plain[f.name])

    config = StudyConfig()
    check(config, config.to_dict())
    spec = {f.name for f in fields(MLPSpec)} - {"activation", "input_shape", "outputs"}
    assert set(config.to_dict()["network"]) == {"kind", *spec}
    rates = config.to_dict()["training"]["learning_rates"]
    assert set(rates) == {"gd", "sgd", "momentum", "nesterov", "adam", "adamw"}


def test_what_a_file_leaves_out_takes_its_default(tmp_path: Path) -> None:
    path = toml(tmp_path, "seeds = [4]\n[training.learning_rates]\nadam = 1\n")
    config = StudyConfig.from_toml(path)
    assert config.seeds == (4,)
    assert config.training.learning_rates["adam"] == 1.0
    assert config.training.learning_rates["gd"] == StudyConfig().training.learning_rates["gd"]
    assert replace(config, seeds=(0,), training=TrainingConfig()) == StudyConfig()


def test_configurations_that_mean_the_same_are_written_the_same() -> None:
    """A study is continued only under an equal configuration."""
    first = StudyConfig(network={"kind": "mlp", "hidden": [32, 32]}, seeds=[0])  # type: ignore[arg-type]
    assert first.to_dict() == StudyConfig().to_dict()
    assert StudyConfig(network={"hidden": (8,)}).network["kind"] == "mlp"


def test_values_handed_over_are_not_shared() -> None:
    network = {"kind": "mlp", "hidden": [8]}
    rates = {"gd": 1.0}
    config = StudyConfig(network=network, training=TrainingConfig(learning_rates=rates))
    network["hidden"], rates["gd"] = [9], 2.0
    assert list(config.network["hidden"]) == [8]
    assert config.training.learning_rates["gd"] == 1.0


def test_runs_are_named_activation_by_activation() -> None:
    names = [key.name for key in UNUSUAL.runs]
    assert names[:3] == ["elu-adamw-seed3", "elu-adamw-seed0", "elu-sgd-seed3"]
    assert len(set(names)) == 8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"activation": ["relu"]},
            "unknown setting 'activation'; known: activations, optimizers, ",
        ),
        (
            {"training": {"step": 3}},
            r"unknown setting 'training\.step'; known: training\.steps, training\.batch_size",
        ),
        (
            {"data": {"path": "x"}},
            r"unknown setting 'data\.path'; known: data\.name, data\.standardise, data\.folder",
        ),
        (
            {"random_plane": {"grid": 3}},
            r"unknown setting 'random_plane\.grid'; known: random_plane\.points, random_",
        ),
        (
            {"pca_plane": {"span": 1.0}},
            r"unknown setting 'pca_plane\.span'; known: pca_plane\.points, pca_plane\.length",
        ),
        (
            {"sampling": {"thread": 1}},
            r"unknown setting 'sampling\.thread'; known: sampling\.strategy, sampling\.chunk",
        ),
        ({"network": {"width": 3}}, r"unknown setting 'network\.width'; known: .*network\.hidden"),
        ({"training": {"learning_rates": {"rmsprop": 1.0}}}, "unknown optimizer 'rmsprop'; known"),
    ],
)
def test_unknown_keys_are_refused_with_the_known(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudyConfig.from_dict(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": {"steps": 3.5}}, r"training\.steps must be an integer, got 3\.5"),
        ({"training": {"steps": True}}, r"training\.steps must be an integer, got True"),
        ({"training": {"momentum": "0.9"}}, r"training\.momentum must be a number, got '0\.9'"),
        ({"training": {"momentum": False}}, r"training\.momentum must be a number, got False"),
        ({"training": {"learning_rates": {"gd": "x"}}}, r"learning_rates\.gd must be a number"),
        ({"training": {"learning_rates": 0.1}}, r"learning_rates must be a table, got 0\.1"),
        ({"training": {"schedule": 1}}, r"training\.schedule must be text, got 1"),
        ({"training": 3}, "training must be a table, got 3"),
        ({"optimizers": "gd"}, "optimizers must be a list, got 'gd'"),
        ({"activations": [1]}, "activations must be text, got 1"),
        ({"seeds": [0.0]}, r"seeds must be an integer, got 0\.0"),
        ({"sampling": {"reuse": 1}}, r"sampling\.reuse must be true or false, got 1"),
        ({"data": {"name": 5}}, r"data\.name must be text, got 5"),
        ({"network": [1]}, r"network must be a table, got \[1\]"),
        ({"network": {"hidden": 5}}, r"network\.hidden must be a list, got 5"),
        ({"network": {"kind": ["mlp"]}}, r"unknown network \['mlp'\]; known: mlp, cnn, resnet"),
        ({"random_plane": {"points": 51}}, r"random_plane\.points must be a list, got 51"),
    ],
)
def test_wrong_types_are_named_with_their_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudyConfig.from_dict(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"activations": []}, "activations must be at least one"),
        ({"activations": ["ReLU"]}, "got 'ReLU'; did you mean 'relu'?"),
        ({"activations": ["leaky-relu"]}, "did you mean 'leaky_relu'?"),
        ({"seeds": [0, 0]}, "each once"),
        ({"seeds": [-1]}, "seed must be >= 0, got -1"),
        ({"dtype": "float16"}, "unknown dtype 'float16'; known: float32, float64"),
        ({"loss": "nll"}, "unknown loss 'nll'; known: auto, cross_entropy, mse"),
        ({"target_loss": float("nan")}, "target_loss must be finite, got nan"),
        ({"optimizers": ["rmsprop"]}, "unknown optimizer 'rmsprop'; known: gd, sgd"),
        ({"optimizers": ["sgd"]}, "sgd needs batch_size >= 1"),
        ({"data": {"name": "my data!"}}, "names use only a-z"),
        ({"network": {"kind": "gru"}}, "unknown network 'gru'; known: mlp, cnn, resnet"),
        ({"network": {"kind": "mlp", "outputs": 3}}, "network.outputs follows from"),
        ({"network": {"kind": "mlp", "hidden": [0]}}, "hidden widths must be >= 1"),
        ({"network": {"kind": "mlp", "initialisation": "x"}}, "known: he, xavier, lecun"),
        ({"network": {"kind": "resnet", "depth": 10}}, "depth must be 6 n"),
        ({"training": {"steps": 0}}, "steps must be >= 1, got 0"),
        ({"training": {"batch_size": -1}}, "batch_size must be >= 0, got -1"),
        ({"training": {"record_every": 0}}, "record_every must be >= 1, got 0"),
        ({"training": {"momentum": 1.0}}, "momentum must be in"),
        ({"training": {"weight_decay": -0.1}}, "weight_decay must be finite and >= 0"),
        ({"training": {"schedule": "x"}}, "known: constant, linear, cosine, step"),
        ({"training": {"learning_rates": {"gd": 0.0}}}, "learning rate of gd must be finite"),
        ({"training": {"learning_rates": {"gd": float("inf")}}}, "must be finite and > 0"),
        ({"random_plane": {"span": float("nan")}}, "span must be finite and > 0, got nan"),
        ({"random_plane": {"span": 0.0}}, "span must be finite and > 0, got 0.0"),
        ({"random_plane": {"points": [1, 5]}}, "two numbers >= 2"),
        ({"random_plane": {"points": [5]}}, "two numbers >= 2"),
        ({"random_plane": {"normalisation": ""}}, "unknown normalisation ''; known: filter"),
        ({"pca_plane": {"points": [5, 5, 5]}}, "two numbers >= 2"),
        ({"pca_plane": {"length": "x"}}, "known: unit, displacement"),
        ({"pca_plane": {"margin": float("nan")}}, "margin must be between 0 and 10, got nan"),
        ({"sampling": {"strategy": "fast"}}, "unknown strategy 'fast'; known: auto"),
        ({"sampling": {"compile": "x"}}, "unknown compile 'x'; known: auto"),
        ({"sampling": {"threads": -1}}, "threads must be >= 0, got -1"),
        ({"sampling": {"memory": 0}}, "memory must be >= 1 MiB, got 0"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        StudyConfig.from_dict(values)


def test_files_that_cannot_be_read_are_named_with_the_remedy(tmp_path: Path) -> None:
    absent, broken = tmp_path / "absent.toml", toml(tmp_path, "steps = = 3")
    with pytest.raises(FileNotFoundError, match=r"absent\.toml: .*landscape run --show"):
        StudyConfig.from_toml(absent)
    with pytest.raises(IsADirectoryError, match="cannot read the configuration"):
        StudyConfig.from_toml(tmp_path)
    with pytest.raises(ValueError, match=r"study\.toml is not valid TOML: .*line 1"):
        StudyConfig.from_toml(broken)
    broken.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(ValueError, match=r"study\.toml is not valid TOML"):
        StudyConfig.from_toml(broken)


def test_the_number_of_records_counts_first_and_last() -> None:
    counted = {(1, 3): (2, 2), (3, 3): (2, 4), (4, 3): (3, 4), (300, 3): (101, 202),
               (12, 2): (7, 13), (5, 1): (6, 6), (40, 10): (5, 10)}  # fmt: skip
    for (steps, every), both in counted.items():
        for pairs, records in zip((False, True), both, strict=True):
            training = TrainingConfig(steps=steps, record_every=every, record_pairs=pairs)
            assert training.records == records


@pytest.mark.parametrize("kind", [MLPSpec, CNNSpec, ResNetSpec])
def test_a_network_specification_is_made_again_from_its_plain_values(kind: Any) -> None:
    spec = kind()
    plain = spec.to_dict()
    assert network_spec(plain.pop("kind"), **plain) == spec


def test_networks_for_images_refuse_rows_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"got \(13,\); use an image data set, or the network"):
        StudyConfig(network={"kind": "cnn"}).spec("relu", (13,), 3)


@pytest.mark.parametrize("module", ["configuration", "sweep_settings"])
def test_a_configuration_is_read_without_torch(module: str) -> None:
    code = f"import sys, landscape.study.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
