"""Recording inside the trainers of other packages, where they are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.recording.loops import network, vector

from landscape import Problem, evaluate_losses, read_recording, trajectory_from_checkpoints
from landscape.training.recording import huggingface, lightning

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["lightning", "huggingface"])
def test_an_absent_package_is_one_sentence(name: str) -> None:
    package = {"lightning": "lightning", "huggingface": "transformers"}[name]
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from landscape.training.recording.{name} import RecorderCallback\n"
        "RecorderCallback('run')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: RecorderCallback needs the package {package}; "
        f"pip install 'lossoscope[{name}]'"
    )


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 4, generator=generator), torch.arange(8) % 3) for _ in range(count)]


def make_module(pl: Any, *, fail_at: int = -1) -> Any:
    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = network()
            self.seen = [vector(self.net)]
            self.losses: list[float] = []

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            if index == fail_at:
                raise ArithmeticError("as asked")
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.losses.append(loss.item())
            return loss

        def on_train_batch_start(self, batch: Any, index: int) -> None:
            if self.trainer.global_step == len(self.seen):
                self.seen.append(vector(self.net))

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    return Module()


def fit(pl: Any, module: Any, callbacks: list[Any], folder: Path, **options: Any) -> None:
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=callbacks, default_root_dir=folder,
        **{"enable_checkpointing": False, **options},
    )  # fmt: skip
    trainer.fit(module, torch.utils.data.DataLoader(batches(6), batch_size=None))


def test_lightning(tmp_path: Path) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    module = make_module(pl)
    keep = pl.callbacks.ModelCheckpoint(
        tmp_path / "saved", every_n_train_steps=2, save_top_k=-1, save_last=True
    )
    callback = lightning.RecorderCallback(
        tmp_path / "run", every=2, module=lambda whole: whole.net, step_lengths=True
    )
    fit(pl, module, [callback, keep], tmp_path, enable_checkpointing=True)
    path = callback.trajectory()
    assert path.steps.tolist() == [0, 2, 4, 6]
    module.seen.append(vector(module.net))
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == module.seen[step].tobytes()
    np.testing.assert_allclose(path.step_losses, module.losses, rtol=1e-6)
    np.testing.assert_allclose(path.learning_rates, 0.1 * 0.9 ** np.arange(6))
    np.testing.assert_allclose(
        path.step_lengths, path.learning_rates * path.gradient_norms, rtol=1e-5
    )
    assert path.layout.slots[0].name == "0.weight"
    # Its checkpoints, read into the bare network, are the same path.
    saved = trajectory_from_checkpoints(network(), tmp_path / "saved")
    assert saved.steps.tolist() == [2, 4, 6]
    assert saved.thetas.tobytes() == path.thetas[1:].tobytes()
    for name, values in path.buffers.items():
        np.testing.assert_array_equal(saved.buffers[name], values)


def test_lightning_accumulating(tmp_path: Path) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    module = make_module(pl)
    callback = lightning.RecorderCallback(tmp_path / "run", every=1)
    fit(pl, module, [callback], tmp_path, accumulate_grad_batches=3, gradient_clip_val=1e-3)
    path = callback.trajectory()
    assert path.steps.tolist() == [0, 1, 2]
    np.testing.assert_allclose(
        path.step_losses, np.mean(np.reshape(module.losses, (2, 3)), axis=1), rtol=1e-6
    )
    assert (path.gradient_norms > 1e-3).all()
    assert path.layout.slots[0].name == "net.0.weight"


def test_lightning_interrupted_and_resumed(tmp_path: Path) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    module = make_module(pl, fail_at=5)
    callback = lightning.RecorderCallback(tmp_path / "run", every=2, module=lambda m: m.net)
    with pytest.raises(ArithmeticError):
        fit(pl, module, [callback], tmp_path)
    path = read_recording(tmp_path / "run")
    assert path.steps.tolist() == [0, 2, 4]
    again = make_module(pl)
    with torch.no_grad():
        nn.utils.vector_to_parameters(torch.from_numpy(path.thetas[-1].copy()),
                                      again.net.parameters())  # fmt: skip
    callback = lightning.RecorderCallback(
        tmp_path / "run", every=2, module=lambda m: m.net, resume=True
    )
    fit(pl, again, [callback], tmp_path)
    assert callback.trajectory().steps.tolist() == [0, 2, 4, 6, 8, 10]


class Classifier(nn.Module):
    """As the Trainer of transformers wants it: the loss first."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.net(inputs)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def test_huggingface(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Seen(transformers.TrainerCallback):  # type: ignore[misc]
        weights: list[np.ndarray] = []  # noqa: RUF012

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.weights.append(vector(given["model"]))

    inputs, labels = batches(1)[0]
    data = [{"inputs": x, "labels": y} for x, y in zip(inputs, labels, strict=True)] * 4
    model = Classifier()
    start = vector(model)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=5, per_device_train_batch_size=8,
        learning_rate=0.1, optim="sgd", lr_scheduler_type="linear", use_cpu=True, report_to=[],
        save_steps=2, disable_tqdm=True, max_grad_norm=1e-3,
    )  # fmt: skip
    callback = huggingface.RecorderCallback(tmp_path / "run", every=2, step_lengths=True)
    transformers.Trainer(
        model=model, args=arguments, train_dataset=data, callbacks=[callback, Seen()]
    ).train()
    path = callback.trajectory()
    assert path.steps.tolist() == [0, 2, 4, 5]
    seen = [start, *Seen.weights]
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == seen[step].tobytes()
    np.testing.assert_allclose(path.learning_rates, 0.1 * (1 - np.arange(5) / 5))
    np.testing.assert_allclose(path.gradient_norms, 1e-3, rtol=1e-2)
    np.testing.assert_allclose(
        path.step_lengths, path.learning_rates * path.gradient_norms, rtol=1e-3
    )
    assert np.isnan(path.step_losses).all()
    mapping = [({"inputs": inputs, "labels": labels}, labels)]

    def loss(output: dict[str, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(output["logits"], target)

    assert np.isfinite(evaluate_losses(Problem(model, loss, mapping), path).losses).all()
    # The folders that the Trainer saved are records of the same path.
    saved = trajectory_from_checkpoints(Classifier(), tmp_path / "out")
    assert saved.steps.tolist() == [2, 4, 5]
    assert saved.settings["steps_from"] == "global_step"
    assert saved.thetas.tobytes() == path.thetas[1:].tobytes()
