"""Slope budgets of one trained network with each activation and its twins, on one random line.

python -P -m benchmarks.kinks [ACTIVATION ...]
"""

from __future__ import annotations

import sys

import landscape
from landscape import data
from landscape.networks import build

ACTIVATIONS = ("relu", "smelu_0.01", "smelu_1", "leaky_relu", "hardtanh", "elu", "gelu",
               "pwl_gelu_0.25", "tanh")  # fmt: skip


def main() -> None:
    """Train on digits by gradient descent, follow one filter-normalised line, print a table."""
    digits = data.load("digits", standardise="features")
    print("| activation | slope change = autograd's + kinks | crossings | bend share | kink share "
          "| closure error (bound) |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or ACTIVATIONS:
        model = build("mlp", activation=name, hidden=(32, 32), seed=0)
        problem = landscape.Problem(model, "cross_entropy", digits)
        landscape.train(problem, optimizer="gd")
        line = landscape.random_segment(model, seed=0, span=0.5)
        found = landscape.slope_budget(problem, line, samples=101)
        print(
            f"| {name} | {found.slope_change:.3f} = {found.signed_smooth:.3f} + "
            f"{found.signed_kink:.3f} | {found.crossings:,} | {found.bend_share:.3f} | "
            f"{found.kink_share:.3f} | {found.closure_error:.1e} ({found.tolerance:.1e}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
