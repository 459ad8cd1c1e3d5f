"""The table of activations: how smooth each is, and where its derivative jumps."""

# %% Options
import argparse
from pathlib import Path

from landscape.networks import activations
from landscape.viz import activation_plate, save

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="nothing to shorten here")
given, _ = parser.parse_known_args()  # a notebook has arguments of its own

# %% What is known of each; all of it is checked numerically by the tests
# A kink is a jump of the derivative; where the value itself jumps, it is called discontinuous.
for name in activations.names():
    facts = activations.get(name)
    bounds = f"[{facts.lower:.4g}, {facts.upper:.4g}]"
    kinks = ", ".join(f"{kink.jump:+.3g} at {kink.place:g}" for kink in facts.kinks)
    print(f"{name:12} {facts.smoothness:14} {bounds:16} kinks: {kinks or 'none'}")


# %% Each with its first two derivatives
# At a kink the second derivative has a delta: an arrow as long as the jump.
low, high = activations.usual_range(activations.names())
records = [activations.profile(name, low=low, high=high) for name in activations.names()]
print("wrote", save(activation_plate(records), given.out / "activations.pdf"))
