"""The residual of a window without its quadratic, against its width, for ReLU and its controls.

python -P -m benchmarks.scaling
"""

from __future__ import annotations

import numpy as np

import landscape
from landscape import data
from landscape.networks import activations, build
from landscape.records.window_scaling import ResidualScaling

ACTIVATIONS = ("relu", "smelu_0.01", "smelu_0.1", "smelu_1", "gelu", "elu", "tanh")
WIDTHS = np.array([4e-5, 4e-4, 4e-3, 4e-2, 4e-1])
SEEDS = (0, 1, 2)
ENGINE = landscape.SamplingConfig(strategy="batched", chunk=8, batch_size=1024, threads=1)


def scaling(name: str, seed: int) -> ResidualScaling:
    """Train on digits by gradient descent, and look into windows around 20 places of a plane."""
    digits = data.load("digits", standardise="features")
    model = build("mlp", activation=name, hidden=(32, 32), seed=seed)
    problem = landscape.Problem(model, "cross_entropy", digits)
    landscape.train(problem, optimizer="gd")
    plane = landscape.random_plane(model.double(), seed=seed)
    loss = landscape.loss_on_plane(problem, plane, engine=ENGINE)
    centres = np.random.default_rng(seed).uniform(-0.5, 0.5, (20, 2))
    return landscape.residual_scaling(loss, centres, WIDTHS, points=7)


def _three(value: float) -> str:
    """Return a number with three digits, without an exponent."""
    return f"{float(f'{value:.3g}'):,g}"


def main() -> None:
    """Print the median residual of every window, as a multiple of that of GELU."""
    left = {
        name: np.array([np.median(scaling(name, seed).residual_rms, axis=0) for seed in SEEDS])
        for name in ACTIVATIONS
    }
    print("| activation | " + " | ".join(f"{w:g}" for w in WIDTHS) + " |")
    print("|---" * (len(WIDTHS) + 1) + "|")
    for name, values in left.items():
        ratios = values / left["gelu"]
        cells = [
            f"{_three(np.median(r))} ({_three(r.min())} to {_three(r.max())})" for r in ratios.T
        ]
        print(f"| {activations.get(name).label} | " + " | ".join(cells) + " |")
    cells = [f"{v:.1e}" for v in np.median(left["gelu"], axis=0)]
    print("| GELU itself, rms | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
