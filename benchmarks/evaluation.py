"""Points per second of this package and of the published tools, interleaved, in one table.

``make bench`` runs it. It writes ``benchmarks/evaluation.json`` and prints the beginning of
``benchmarks/README.md``, up to the section on error rates; other scripts print the other sections.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import landscape
from benchmarks import peers, workloads
from landscape import data
from landscape.evaluation.chebyshev import decay_rate
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.resampling import resample
from landscape.evaluation.sampling import sample
from landscape.networks import build
from landscape.networks.parameters import unflatten
from landscape.problem import Problem
from landscape.records.grid import Grid
from landscape.records.plane import Plane

HERE = Path(__file__).parent
OWN = "landscape"
MANY_POINTS = 200 * 200


@dataclass
class Peer:
    """A published engine in its own process."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, python: str, engine: str, workload: str, directions: Path) -> Peer:
        """Start it; its first answer is read by :meth:`answer`."""
        command = [python, "-P", "-m", "benchmarks.peers", engine, workload, str(directions)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    text=True, env=environment))  # fmt: skip

    def answer(self) -> Any:
        """Read one line of JSON."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a peer's process ended; its message is above")
        return json.loads(line)

    def rate(self, seconds: float) -> float:
        """Let it run, and return points per second."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        points, took = self.answer()
        return float(points / took)

    def stop(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def own_rate(evaluator: PlaneEvaluator, seconds: float, rate: float) -> float:
    """Return points per second of this package, over whole tiles."""
    count = int(min(max(rate, 9), 1024))
    points = np.random.default_rng(0).uniform(-0.5, 0.5, size=(count, 2))
    start, done = time.perf_counter(), 0
    while not done or time.perf_counter() - start < seconds:
        evaluator(points)
        done += count
    return done / (time.perf_counter() - start)


def gemm_rate(threads: int, seconds: float = 1.0) -> float:
    """Return floating point operations per second of a 1024^3 float32 product."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    left @ right
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        left @ right
        done += 1
    rate = done * 2 * 1024**3 / (time.perf_counter() - start)
    torch.set_num_threads(before)
    return rate


def flops(work: workloads.Workload) -> float:
    """Return floating point operations of one pass over all examples."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work.model(work.inputs[:8])
    return float(counter.get_total_flops()) / 8 * len(work.inputs)


def own_plane(work: workloads.Workload) -> tuple[Plane, tuple[dict[str, Any], dict[str, Any]]]:
    """Return a filter-normalised plane, and its directions by parameter for the peers."""
    plane = landscape.random_plane(work.model)
    rows = torch.from_numpy(plane.directions).to(torch.float32)
    first, second = (
        {name: v.clone() for name, v in unflatten(row, plane.layout).items()} for row in rows
    )
    return plane, (first, second)


def measure(name: str, python: str, *, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Time every engine on a workload, in turns, after comparing their values."""
    work = workloads.make(name)
    plane, directions = own_plane(work)
    limit = flops(work)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "directions.pt"
        torch.save(directions, path)
        others = {e: Peer.start(python, e, name, path) for e in peers.ENGINES}
        answers = {engine: peer.answer() for engine, peer in others.items()}
        # Chosen while nothing else runs: the peers wait for their input.
        problem = Problem(work.model, "cross_entropy", (work.inputs, work.targets))
        evaluator = PlaneEvaluator(problem, plane, points=MANY_POINTS)
        print(f"{name}: {evaluator.choice}", flush=True)
        nine = np.array([(a, b) for a in peers.GRID for b in peers.GRID])
        own = evaluator(nine)["losses"]
        for engine, losses in answers.items():
            if losses is not None:
                np.testing.assert_allclose(losses, own, rtol=1e-4, err_msg=f"{engine} on {name}")
        rates: dict[str, list[float]] = {engine: [] for engine in (*others, OWN, "gemm")}
        guess = evaluator.choice.points_per_second
        for _ in range(rounds):
            for engine, peer in others.items():
                rates[engine].append(peer.rate(seconds))
            rates["gemm"].append(gemm_rate(evaluator.choice.threads))
            rates[OWN].append(own_rate(evaluator, seconds, guess))
        for peer in others.values():
            peer.stop()
    median = {engine: statistics.median(values) for engine, values in rates.items()}
    best_peer = max(median["loss-landscapes"], median["loss-landscape-3d"])
    return [
        {
            "workload": name,
            "engine": engine,
            "points_per_second": median[engine],
            "ratio_to_loader": median[engine] / median["DataLoader loop"],
            "ratio_to_best_peer": median[engine] / best_peer,
            "gemm_share": median[engine] * limit / median["gemm"],
        }
        for engine in (*others, OWN)
    ]


def resampled(points: int = 201) -> list[str]:
    """Compare resampled surfaces of trained digits networks with the full grid."""
    digits = data.load("digits", standardise="features")
    rows = []
    for activation in ("relu", "elu", "tanh", "gelu"):
        model = build("mlp", activation=activation, hidden=(64, 64), seed=0)
        problem = Problem(model, "cross_entropy", digits)
        landscape.train(problem)
        plane, grid = landscape.random_plane(model), Grid.square(points)
        full = sample(problem, plane, grid=grid).losses
        for height in ("linear", "log"):
            result = resample(problem, plane, grid=grid, height=height)
            found, said = result.surface.losses, result.surface.settings["resampled"]
            error = np.abs(found - full).max() / np.ptp(full)
            with np.errstate(invalid="ignore"):
                decades = np.abs(np.log10(found) - np.log10(full)).max()
            shown = f"{decades:.3f}" if height == "log" else ""
            rows.append(f"| {activation} | {height} | {said['evaluations']:,} | {error:.1e} | "
                        f"{shown} | {decay_rate(result.decay):.3f} |")  # fmt: skip
    return rows


def report(rows: list[dict[str, Any]], surfaces: list[str], rounds: int, seconds: float) -> str:
    """Write the tables."""
    lines = [
        "# Benchmarks", "",
        f"`make bench`, {platform.machine()}, {os.cpu_count()} cores, shared with others; Python "
        f"{platform.python_version()}, torch {torch.__version__}. Each value is the median of "
        f"{rounds} rounds of about {seconds:g} s, with the engines in turns. Ratios compare values "
        "of one run.", "",
        "## Evaluating a plane", "",
        "Points per second on a filter-normalised plane, with the loss over all examples at each "
        "point (and the accuracy, except for the two packages). *GEMM share*: the arithmetic of "
        "evaluating point by point, at the measured speed, as a share of the arithmetic of a "
        "1024^3 float32 matrix product with the same threads in the same run. Reused first layers "
        "can raise it above 100 %. Before timing, the losses of the DataLoader loop and of "
        "loss-landscape-3d were compared with ours (relative tolerance 1e-4); loss-landscapes "
        "draws its own directions. Our rate excludes the choice of the engine, which takes one to "
        "five seconds, and up to a minute with compilation.", "",
        "| workload | engine | points/s | against the DataLoader loop | against the faster peer "
        "| GEMM share |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {workloads.TITLES[row['workload']]} | {row['engine']} | "
        f"{row['points_per_second']:.4g} | {row['ratio_to_loader']:.2f} | "
        f"{row['ratio_to_best_peer']:.2f} | {row['gemm_share']:.0%} |"
        for row in rows
    ]
    lines += [
        "", "## Resampling", "",
        "The losses on 201 x 201 points over [-1, 1]^2 are resampled with tolerance 1e-3 around "
        "trained digits networks (MLP 64-64-64-10) and compared with the evaluation of all 40,401 "
        "points. *Decay*: the decades by which the Chebyshev coefficients fall per degree; a "
        "larger decay means a smoother loss on this plane.", "",
        "| activation | height | evaluations | largest error / range | largest error, decades "
        "| decay |", "|---|---|---|---|---|---|", *surfaces, "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="of the environment with the peers")
    parser.add_argument("--workload", action="append", choices=workloads.NAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in given.workload or workloads.NAMES:
        rows += measure(name, given.python, rounds=given.rounds, seconds=given.seconds)
    text = report(rows, resampled(), given.rounds, given.seconds)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "evaluation.json").write_text(json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
