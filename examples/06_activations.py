"""Print the table of activations: the smoothness of each, and the jumps of its derivative."""

# %% Options
import argparse
from pathlib import Path

from landscape.networks import activations
from landscape.viz import activation_plate, save

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="nothing to shorten here")
given, _ = parser.parse_known_args()  # a notebook has its own arguments

# %% Facts of each activation; the tests check them numerically
# A kink is a jump of the derivative. An activation whose value jumps is called discontinuous.
for name in activations.names():
    facts = activations.get(name)
    bounds = f"[{facts.lower:.4g}, {facts.upper:.4g}]"
    kinks = ", ".join(f"{kink.jump:+.3g} at {kink.place:g}" for kink in facts.kinks)
    print(f"{name:12} {facts.smoothness:14} {bounds:16} kinks: {kinks or 'none'}")


# %% Every activation with its first two derivatives
# A kink adds a delta to the second derivative: an arrow as long as the jump.
low, high = activations.usual_range(activations.names())
records = [activations.profile(name, low=low, high=high) for name in activations.names()]
print("wrote", save(activation_plate(records), given.out / "activations.pdf"))
