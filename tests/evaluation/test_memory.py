from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import sys

import torch

import landscape
from landscape.networks import build

model = build("mlp", activation="relu", input_shape=(20,), hidden=(64, 64))
data = torch.randn(64, 20), torch.arange(64) % 10
problem = landscape.Problem(model, "cross_entropy", data)
plane = landscape.random_plane(model)
engine = landscape.SamplingConfig(strategy="batched", chunk=16, batch_size=64, threads=1)
landscape.sample(problem, plane, grid=landscape.Grid.square(5), engine=engine)
grid = landscape.Grid.square(int(sys.argv[1]))
landscape.sample(problem, plane, grid=grid, engine=engine)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(side: int) -> int:
    command = [sys.executable, "-P", "-c", SCRIPT, str(side)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return int(done.stdout)


def test_ten_thousand_parameter_vectors_are_never_materialised() -> None:
    pytest.importorskip("resource")
    small, large = peak(21), peak(201)
    # 40,401 points of 6,154 parameters would take 2 GB.
    assert large < 1.1 * small
