from __future__ import annotations

import copy
import math
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from training.recording.loops import network, recorded, steps_of, vector

from landscape import (
    Problem,
    TrajectoryRecorder,
    evaluate_losses,
    pca_plane,
    project,
    read_recording,
)
from landscape.networks.parameters import layout_of
from landscape.store import StudyFile, StudyWriter
from landscape.training.recording.checkpoints import load_into


def test_each_record_is_followed_by_that_of_the_next_step(tmp_path: Path) -> None:
    seen = recorded(network(), tmp_path / "run", 12, every=5)
    path = read_recording(tmp_path / "run")
    assert path.steps.tolist() == [0, 1, 5, 6, 10, 11, 12]
    assert all((path.thetas[k] == seen[step]).all() for k, step in enumerate(path.steps))
    assert path.single_steps.tolist() == [1, 3, 5, 6]


def test_records_are_the_weights_of_those_steps_bit_by_bit(tmp_path: Path) -> None:
    model = network()
    seen = recorded(model, tmp_path / "run", 10, every=3, pairs=False)
    path = read_recording(tmp_path / "run", verify=True)
    assert path.steps.tolist() == [0, 3, 6, 9, 10]
    assert path.thetas.dtype == np.float32
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == seen[step].tobytes()
    assert path.layout.size == sum(p.numel() for p in model.parameters())
    for name, values in model.named_buffers():
        np.testing.assert_array_equal(path.buffers[name], values)
    assert np.isnan(path.losses).all()
    assert path.diverged_at is None


def test_facts_are_those_of_gradient_descent(tmp_path: Path) -> None:
    model = network(dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses, norms = [], []
    with TrajectoryRecorder(
        model, tmp_path, every=300, optimizer=optimizer, step_lengths=True
    ) as recorder:
        for loss in steps_of(model, optimizer, 280):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (recorder.steps + 1)
            recorder.step(loss)
            losses.append(loss.item())
            norms.append(torch.cat([p.grad.reshape(-1) for p in model.parameters()]).norm().item())
    path = recorder.trajectory()
    rates = 0.1 / np.arange(1, 281)
    assert path.thetas.dtype == np.float64
    np.testing.assert_array_equal(path.step_losses, losses)
    np.testing.assert_allclose(path.gradient_norms, norms, rtol=1e-12)
    np.testing.assert_allclose(path.learning_rates, rates, rtol=0)
    # Each step was taken with the rate that the one before had noted.
    used = np.array([0.1, *rates[:-1]])
    np.testing.assert_allclose(path.step_lengths, used * path.gradient_norms, rtol=1e-9)


def test_what_was_not_given_is_nan(tmp_path: Path) -> None:
    model = network()
    with TrajectoryRecorder(model, tmp_path) as recorder, torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
        recorder.step()
    path = recorder.trajectory()
    for name in ("step_losses", "gradient_norms", "step_lengths", "learning_rates"):
        assert np.isnan(getattr(path, name)).tolist() == [True]


def test_training_is_the_same_with_and_without_a_recorder(tmp_path: Path) -> None:
    plain, watched = network(), network()
    plain.append(nn.Dropout())
    watched.append(nn.Dropout())

    def evaluate(model: nn.Module) -> float:
        assert not model.training
        assert not torch.is_grad_enabled()
        return float(model(torch.randn(8, 4)).square().mean())

    torch.manual_seed(5)
    list(steps_of(plain, torch.optim.SGD(plain.parameters(), lr=0.1), 12))
    torch.manual_seed(5)
    optimizer = torch.optim.SGD(watched.parameters(), lr=0.1)
    with TrajectoryRecorder(watched, tmp_path, every=2, pairs=False, evaluate=evaluate) as recorder:
        for loss in steps_of(watched, optimizer, 12):
            recorder.step(loss)
    assert vector(plain).tobytes() == vector(watched).tobytes()
    assert all(module.training for module in watched.modules())
    for (name, a), (_, b) in zip(plain.named_buffers(), watched.named_buffers(), strict=True):
        assert torch.equal(a, b), name
    assert np.isfinite(recorder.trajectory().losses).all()


def test_weights_stay_on_disk(tmp_path: Path) -> None:
    model = nn.Linear(1000, 500)
    with TrajectoryRecorder(model, tmp_path, every=1) as recorder:
        for _ in range(20):
            recorder.step()
    size = 20 * 500_500 * 4
    tracemalloc.start()
    path = recorder.trajectory()
    assert isinstance(path.thetas, np.memmap)
    assert tracemalloc.get_traced_memory()[1] < size / 5
    tracemalloc.stop()
    assert path.thetas.nbytes == 21 * 500_500 * 4
    assert not path.thetas.flags.writeable


def test_a_mapped_trajectory_goes_into_a_study_file_and_back(tmp_path: Path) -> None:
    recorded(network(), tmp_path / "run", 5, every=2)
    path = read_recording(tmp_path / "run")
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("runs/own", path)
    back = StudyFile(tmp_path / "study.h5").any_record("runs/own")
    assert back.thetas.tobytes() == path.thetas.tobytes()  # type: ignore[union-attr]


def compiled(model: nn.Module) -> nn.Module:
    return cast("nn.Module", torch.compile(model, backend="eager"))


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "DataParallel": nn.DataParallel,
    "compile": compiled,
    "AveragedModel": AveragedModel,
    "AveragedModel with buffers": lambda m: AveragedModel(m, use_buffers=True),
    "AveragedModel of AveragedModel": lambda m: AveragedModel(AveragedModel(m)),
    "AveragedModel of DataParallel": lambda m: AveragedModel(nn.DataParallel(m)),
    "DataParallel of compile": lambda m: nn.DataParallel(compiled(m)),
    "compile of DataParallel": lambda m: compiled(nn.DataParallel(m)),
    "compile of AveragedModel": lambda m: compiled(AveragedModel(m)),
}


@pytest.mark.parametrize("how", WRAPPERS)
def test_what_wraps_the_model_does_not_show(how: str, tmp_path: Path) -> None:
    model = network()
    wrapped = WRAPPERS[how](model)
    with TrajectoryRecorder(wrapped, tmp_path / "run", every=1, step_lengths=True) as recorder:
        with torch.no_grad():
            next(wrapped.parameters()).add_(1)
        recorder.step(0.1)
    path = recorder.trajectory()
    assert [slot.name for slot in path.layout.slots] == [n for n, _ in model.named_parameters()]
    assert list(path.buffers) == [n for n, _ in model.named_buffers()]
    np.testing.assert_array_equal(path.thetas[1], vector(wrapped))
    assert path.step_lengths[0] == pytest.approx(math.sqrt(20))
    assert layout_of(wrapped) == path.layout


def test_an_average_of_weights_is_recorded_as_it_is_made(tmp_path: Path) -> None:
    model = network()
    average = AveragedModel(model, use_buffers=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    means, seen = [], []
    with TrajectoryRecorder(average, tmp_path / "run", every=1) as recorder:
        for _ in steps_of(model, optimizer, 3):
            average.update_parameters(model)
            seen.append(vector(model))
            means.append(np.mean(seen, axis=0))
            recorder.step()
    path = recorder.trajectory()
    np.testing.assert_allclose(path.thetas[1:], means, atol=1e-6)
    assert path.buffers["1.running_mean"] == pytest.approx(average.module[1].running_mean.numpy())
    data = [(torch.ones(8, 4), torch.arange(8) % 3)]
    found = evaluate_losses(Problem(average, "cross_entropy", data), path)
    wanted = nn.functional.cross_entropy(average.eval()(data[0][0]), data[0][1])
    assert found.losses[-1] == pytest.approx(float(wanted.detach()), rel=1e-5)


@pytest.mark.parametrize("inner", [lambda m: m, compiled], ids=["alone", "of compile"])
def test_a_distributed_model_is_recorded_under_its_own_names(
    inner: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("no gloo")
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        model = network()
        wrapped = nn.parallel.DistributedDataParallel(inner(model))
        for i, whole in enumerate((wrapped, AveragedModel(wrapped))):
            with TrajectoryRecorder(whole, tmp_path / str(i)) as recorder:
                recorder.step()
            assert recorder.trajectory().layout == layout_of(model)
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("how", WRAPPERS)
def test_weights_are_loaded_into_what_is_wrapped(how: str, tmp_path: Path) -> None:
    wanted, wrapped = network(), WRAPPERS[how](network())
    with torch.no_grad():
        wanted[0].weight.mul_(2)
    torch.save(WRAPPERS[how](wanted).state_dict(), tmp_path / "w.pt")
    load_into(wrapped, tmp_path / "w.pt")
    np.testing.assert_array_equal(vector(wrapped), vector(wanted))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_recorded_without_loss(tmp_path: Path, dtype: torch.dtype) -> None:
    model = network().to(dtype)
    with TrajectoryRecorder(model, tmp_path) as recorder:
        pass
    path = recorder.trajectory()
    wanted = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    assert torch.equal(torch.from_numpy(path.thetas[0].copy()).to(dtype), wanted)
    assert path.thetas.dtype == np.float32
    np.testing.assert_array_equal(path.buffers["1.running_var"], np.ones(5))


def test_a_model_that_changes_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    model = network()

    def loop() -> None:
        with TrajectoryRecorder(model, tmp_path, every=2, pairs=False) as recorder:
            for step in range(4):
                if step == 2:
                    model.append(nn.Linear(3, 3))
                recorder.step()

    with pytest.raises(ValueError, match=r"4\.weight was absent at first and is \(3, 3\) now"):
        loop()
    assert read_recording(tmp_path).steps.tolist() == [0, 2]


def test_an_exception_leaves_the_records_and_none_of_that_moment(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loop() -> None:
        with TrajectoryRecorder(model, tmp_path, every=4, pairs=False) as recorder:
            for loss in steps_of(model, optimizer, 7):
                recorder.step(loss)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()
    path = read_recording(tmp_path)
    assert path.steps.tolist() == [0, 4]
    assert len(path.step_losses) == 4


def test_forgotten_steps_are_said(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        pytest.warns(RuntimeWarning, match=r"changed since step 0 .* Call recorder\.step"),
        TrajectoryRecorder(model, tmp_path),
    ):
        list(steps_of(model, optimizer, 3))


def test_a_run_that_diverges_ends_with_the_last_finite_record(tmp_path: Path) -> None:
    model = network()
    with TrajectoryRecorder(model, tmp_path, every=2, pairs=False) as recorder, torch.no_grad():
        for step in range(9):
            model[0].weight.add_(float("nan") if step == 5 else 0.1)
            recorder.step(float("nan") if step > 4 else 1.0)
    path = recorder.trajectory()
    assert path.steps.tolist() == [0, 2, 4]
    assert np.isfinite(path.thetas).all()
    assert path.diverged_at == 5
    assert len(path.step_losses) == 4


def test_wrong_calls_say_what_to_do(tmp_path: Path) -> None:
    model = network()
    with pytest.raises(ValueError, match="every must be >= 1, got 0"):
        TrajectoryRecorder(model, tmp_path, every=0)
    with pytest.raises(ValueError, match=r"float32 or torch\.float64, got torch\.float16"):
        TrajectoryRecorder(model, tmp_path, dtype=torch.float16)
    with pytest.raises(ValueError, match="give the model one batch"):
        TrajectoryRecorder(nn.LazyLinear(3), tmp_path)
    with pytest.raises(RuntimeError, match="inside its with block"):
        TrajectoryRecorder(model, tmp_path).step()
    with (
        TrajectoryRecorder(model, tmp_path / "a") as recorder,
        pytest.raises(ValueError, match=r"loss must be one number, got shape \(2,\)"),
    ):
        recorder.step(torch.ones(2))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="choose another"):
        TrajectoryRecorder(model, tmp_path / "file").__enter__()
    with pytest.raises(FileNotFoundError, match="holds no recording"):
        read_recording(tmp_path)
    (tmp_path / "recording.json").write_text("{}")
    with pytest.raises(ValueError, match="is not the header of a recording"):
        read_recording(tmp_path)


def test_losses_are_evaluated_with_the_statistics_at_the_end(tmp_path: Path) -> None:
    model = network(dtype=torch.float64)
    data = (torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 3)
    recorded(model, tmp_path, 6, every=3, pairs=False)
    path = read_recording(tmp_path)
    wanted = Problem(model, "cross_entropy", data, dtype=torch.float64).evaluator()(
        np.asarray(path.thetas, dtype=np.float64)
    )
    fresh = network(dtype=torch.float64)
    before = copy.deepcopy(fresh.state_dict())
    done = []
    for own in (model, nn.DataParallel(fresh)):
        filled = evaluate_losses(Problem(own, "cross_entropy", data), path, progress=done.append)
        np.testing.assert_allclose(filled.losses, wanted["losses"], rtol=1e-12)
        np.testing.assert_allclose(filled.accuracies, wanted["accuracies"])  # type: ignore[arg-type]
        assert isinstance(filled.thetas, np.memmap)
        assert filled.settings["loss_statistics"] == "end"
    assert len(done) == 6
    assert all(torch.equal(v, before[n]) for n, v in fresh.state_dict().items())
    with pytest.raises(ValueError, match="the trajectory must be the model's"):
        evaluate_losses(Problem(network(width=6), "cross_entropy", data), path)


def test_the_last_record_lands_on_the_origin_of_its_plane(tmp_path: Path) -> None:
    recorded(network(), tmp_path, 12, every=2)
    path = read_recording(tmp_path)
    coordinates, off_plane, distances = project(path.thetas, pca_plane(path))
    np.testing.assert_array_equal(coordinates[-1], [0, 0])
    assert off_plane[-1] == distances[-1] == 0
    assert distances[0] > 0


def test_projecting_some_rows_at_a_time_is_projecting_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(network(), tmp_path, 12, every=1)
    path = read_recording(tmp_path)
    plane = pca_plane(path)
    whole = project(path.thetas, plane)
    monkeypatch.setattr("landscape.records.projection._ENTRIES", 5 * path.layout.size)
    for one, other in zip(whole, project(path.thetas, plane), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    recorded(network(), tmp_path, 2)
    code = (
        "import sys, landscape; landscape.read_recording(sys.argv[1]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], check=True)
