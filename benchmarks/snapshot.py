"""The numbers of a small experiment as exact bits, to compare before and after a rebuilding.

python -P -m benchmarks.snapshot --out before.json
python -P -m benchmarks.snapshot --before before.json

Losses of a plane, a training run, slope budgets, a kink map, eigenpairs and one claim, on one
thread. The comparison looks at values only, so that a field may get another name.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from typer.testing import CliRunner

import landscape
from landscape import Grid, Problem
from landscape.cli import app
from landscape.kinks import along_path, kink_map
from landscape.networks import build

ENGINE = landscape.SamplingConfig(strategy="vmap", chunk=8, batch_size=64, threads=1)
STEPS = landscape.TrainingConfig(steps=12, record_every=3)
CLAIM = """
claims = [1, 3, 4]
seeds = [0]
examples = 40
networks = [{ kind = "mlp", hidden = [4] }]
[[data]]
name = "wine"
[effort]
steps = 4
rates = 3
records = 2
centres = 3
batch_sizes = [0, 8]
"""


def main() -> None:
    """Write the numbers to a file, or compare them with those of a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--before", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    now = {name: dict(_bits(record)) for name, record in _records()}
    if options.out:
        options.out.write_text(json.dumps(now, indent=1) + "\n", "utf-8")
    if options.before:
        before = json.loads(options.before.read_text("utf-8"))
        differing = sorted(
            name
            for name in before.keys() | now.keys()
            if sorted(before.get(name, {}).values()) != sorted(now.get(name, {}).values())
        )
        print(f"{len(now) - len(differing)} of {len(now)} records have the same bits")
        sys.exit(f"these differ: {', '.join(differing)}" if differing else None)


def _records() -> Iterator[tuple[str, Any]]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(60, 6, generator=generator, dtype=torch.float64)
    data = inputs, torch.randint(0, 3, (60,), generator=generator)
    for activation in ("relu", "gelu"):
        model = build(
            "mlp", activation=activation, hidden=(8, 8), input_shape=(6,), outputs=3,
            dtype=torch.float64,
        )  # fmt: skip
        problem = Problem(model, "cross_entropy", data)
        plane = landscape.random_plane(model, seed=3)
        grid = Grid.square(9)
        run = landscape.train(problem, config=STEPS)
        pca = landscape.pca_plane(run)
        segment = landscape.random_segment(model, seed=2, span=1.0)
        yield f"{activation} plane", plane
        yield (
            f"{activation} losses",
            landscape.sample(problem, plane, grid=grid, engine=ENGINE).losses,
        )
        yield f"{activation} run", run
        yield f"{activation} pca plane", pca
        yield f"{activation} projection", dict(enumerate(landscape.project(run.thetas, pca)))
        yield f"{activation} slope budget", landscape.slope_budget(problem, segment)
        yield f"{activation} kink map", kink_map(problem, plane, grid=grid)
        yield f"{activation} eigenpairs", landscape.hessian_eigenpairs(problem, top=2, bottom=1)
        yield f"{activation} path", along_path(problem, run)
        yield f"{activation} gradient", landscape.gradient(problem)
    yield from _claims()


def _claims() -> Iterator[tuple[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        config, out = Path(folder) / "claim.toml", Path(folder) / "claims.h5"
        config.write_text(CLAIM, "utf-8")
        result = CliRunner().invoke(app, ["claims", "--config", str(config), "--out", str(out)])
        if result.exit_code:
            raise RuntimeError(result.output)
        study = landscape.open_study(out)
        for name in study.analyses("claims"):
            yield f"claim {name}", study.analysis("claims", name).arrays


def _bits(record: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every number of a record as hexadecimal, and every array as a digest."""
    if isinstance(record, torch.Tensor):
        record = record.detach().numpy()
    if isinstance(record, np.ndarray):
        content = (
            f"{record.dtype} {record.shape} ".encode() + np.ascontiguousarray(record).tobytes()
        )
        yield name, hashlib.sha256(content).hexdigest()
    elif isinstance(record, float):
        yield name, record.hex()
    elif isinstance(record, Mapping):
        for key in sorted(record):
            yield from _bits(record[key], f"{name}.{key}")
    elif dataclasses.is_dataclass(record):
        for field in dataclasses.fields(record):
            yield from _bits(getattr(record, field.name), f"{name}.{field.name}")


if __name__ == "__main__":
    main()
