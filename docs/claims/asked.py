"""ELU against ReLU, which differ in values and not in smoothness alone: steps to the same loss.

    landscape claims --config docs/claims/primary.toml --out primary.h5 --workers 2
    python -P docs/claims/asked.py primary.h5

Every activation at the rate that three other seeds chose for it; beside it, both at one rate, that
of ELU. Prints a line for each network and batch size. It decides nothing about kinks.
"""

from __future__ import annotations

import math
import sys

import landscape
from landscape.claims.comparing import groups
from landscape.claims.effects import paired_effect
from landscape.claims.pilot import judged_apart
from landscape.claims.setting import KIND


def main(path: str) -> None:
    """Compare the two in every group of a study of claim 8."""
    study = landscape.open_study(path)
    found = [study.analysis(KIND, name) for name in study.analyses(KIND) if name.startswith("8.")]
    for group, seeds in groups(judged_apart(found)).items():
        names = list(seeds[0].settings["activations"])
        rows = [names.index(name) for name in ("elu", "relu")]
        for column, size in enumerate(seeds[0].arrays["batch_sizes"].tolist()):
            batch = f"batch {size or 'of all'}"
            for what, chosen in (("own best rates", rows), ("ELU's rate", rows[:1] * 2)):
                effect = paired_effect(*(
                    [float(one.arrays["needed"][row, column, one.arrays["chosen"][by, column]])
                     for one in seeds]
                    for row, by in zip(rows, chosen, strict=True)
                ))  # fmt: skip
                ratios = [math.exp(v) for v in (effect.estimate, effect.low, effect.high)]
                print(f"{group}, {batch}, {what}: ELU over ReLU x{ratios[0]:.3f} "
                      f"({ratios[1]:.3f} to {ratios[2]:.3f}), {effect.n} seeds, in "
                      f"{effect.censored} a run does not arrive")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
