"""ELU against ReLU, which differ in values and not in smoothness alone: steps to the same loss.

    landscape claims --config docs/claims/primary.toml --out primary.h5 --workers 2
    python -P docs/claims/asked.py primary.h5

Every activation at the rate that the first four seeds chose for it, judged on the others. Prints a
line for each network and batch size. It decides nothing about kinks.
"""

from __future__ import annotations

import math
import sys

import landscape
from landscape.claims.claim import KIND
from landscape.claims.comparing import groups
from landscape.claims.convergence import judged_apart
from landscape.claims.effects import paired_effect


def main(path: str) -> None:
    """Compare the two in every group of a study of claim 8."""
    study = landscape.open_study(path)
    found = [study.analysis(KIND, name) for name in study.analyses(KIND) if name.startswith("8.")]
    for group, seeds in groups(judged_apart(found)).items():
        names = list(seeds[0].settings["activations"])
        rows = [names.index(name) for name in ("elu", "relu")]
        for column, size in enumerate(seeds[0].arrays["batch_sizes"].tolist()):
            needed = [
                [float(one.arrays["needed"][row, column, one.arrays["chosen"][row, column]])
                 for one in seeds]
                for row in rows
            ]  # fmt: skip
            effect = paired_effect(*needed)
            low, middle, high = (math.exp(v) for v in (effect.low, effect.estimate, effect.high))
            batch = f"batch {size or 'of all'}"
            print(f"{group}, {batch}: ELU over ReLU x{middle:.3f} ({low:.3f} to {high:.3f}), "
                  f"{effect.n} seeds")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
