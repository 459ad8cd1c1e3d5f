"""The ten claims as they were made, with both readings where translations differ. Needs no torch.

They come from a discussion of why a smooth activation should speed up gradient descent.
"""

from __future__ import annotations

from dataclasses import dataclass

NUMBERS = tuple(range(1, 11))


@dataclass(frozen=True, slots=True)
class Wording:
    """What is claimed, and against what it is held.

    Attributes:
        number: 1 to 10.
        title: in a few words.
        quotation: the claim.
        readings: where translations differ, each of them; the first is the one that is measured.
        control: what the effect is compared with.
    """

    number: int
    title: str
    quotation: str
    readings: tuple[str, ...]
    control: str

    @property
    def command(self) -> str:
        """The command that measures this claim alone."""
        return f"landscape claims --quick --claim {self.number} --out claims.h5"


_TWINS = "the same activation with its kinks rounded, or made of kinks: twins"

WORDINGS = (
    Wording(
        1,
        "Descent bounces at kinks",
        "Smooth everywhere, so descent does not bounce left and right of z = 0.",
        (),
        f"{_TWINS}, at equal learning rate x largest curvature at the scale of a step, below and "
        "above 2",
    ),
    Wording(
        2,
        "Smoothness allows bold steps",
        "Smoothness allows bold steps (Nesterov).",
        (),
        f"{_TWINS}, from the same weights, each at its own best rate on one grid",
    ),
    Wording(
        3,
        "A central difference misleads at a kink",
        "The derivative is not defined at 0; a central difference there misleads.",
        (),
        "the smooth twin at the same parameters, along the same line, at the same places",
    ),
    Wording(
        4,
        "A parameter lands exactly on z = 0",
        "A parameter lands exactly on z = 0.",
        (
            "A parameter lands very likely exactly on z = 0.",
            "A parameter lands unlikely exactly on z = 0.",
        ),
        "the same network with the other value of ReLU'(0), in three precisions; crossings of 0",
    ),
    Wording(
        5,
        "Saturating activations lose the gradient",
        "tanh and sigmoid: vanishing gradients.",
        (),
        "the same depth with other activations at equal mean square of the outputs; the weights' "
        "factor of each layer's Jacobian apart from that of the activation",
    ),
    Wording(
        6,
        "ReLU units die",
        "ReLU units die; leaky ReLU and ELU do not; ELU saturates.",
        (),
        "the same weights, data and rate; units dead on held-out data beside those on training "
        "data, and dead for good beside dead for a time",
    ),
    Wording(
        7,
        "A hard corner changes a unit in one step",
        "With a hard corner a unit's behaviour on an example changes completely in one step and "
        "the other weights chase it.",
        (),
        f"{_TWINS}, at the same rate; the change of act'(z) is defined for every activation",
    ),
    Wording(
        8,
        "The undefined derivative slows convergence",
        "The undefined derivative does slow convergence, whatever the hyperparameters.",
        (
            "The undefined derivative does slow convergence, whatever the hyperparameters.",
            "The undefined derivative does not slow convergence, whatever the hyperparameters.",
        ),
        f"{_TWINS}, over one grid of rates and batch sizes",
    ),
    Wording(
        9,
        "Saturated units leave the work to the others",
        "Saturated units let descent work on the other weights.",
        (),
        "the progress of the other weights in runs with another share of saturated units",
    ),
    Wording(
        10,
        "Faster here, stuck there",
        "Faster on one data set, stuck on another.",
        (),
        f"{_TWINS}, on several data sets and networks",
    ),
)


def wording(number: int) -> Wording:
    """Return the wording of a claim.

    Raises:
        ValueError: for another number than 1 to 10.

    >>> wording(3).title
    'A central difference misleads at a kink'
    """
    if number not in NUMBERS:
        raise ValueError(f"claims are numbered 1 to {len(NUMBERS)}, got {number}")
    return WORDINGS[number - 1]
