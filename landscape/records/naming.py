"""Names of activations, optimizers, data sets, runs and planes: one closed alphabet.

A run is one (activation, optimizer, seed), written ``relu-sgd-seed0``. The parts never contain a
hyphen, so a run's name can be taken apart again without doubt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from landscape.records.choices import check_least

NAME = re.compile(r"[a-z0-9_.]+")
IDENTIFIER = re.compile(r"[A-Za-z0-9_.@+-]+")
_RUN = re.compile(r"(?P<activation>[a-z0-9_.]+)-(?P<optimizer>[a-z0-9_.]+)-seed(?P<seed>[0-9]+)")


def check_name(name: str, what: str) -> str:
    """Return ``name`` if it is a valid name of an activation, optimizer or data set.

    Args:
        name: the name to check.
        what: what it names, for the message.

    Raises:
        ValueError: if the name has other characters than a-z, 0-9, underscore and dot.

    >>> check_name("leaky_relu", "activation")
    'leaky_relu'
    """
    if not NAME.fullmatch(name):
        usual = name.strip().lower().replace("-", "_")
        remedy = f"did you mean {usual!r}?" if NAME.fullmatch(usual) else _otherwise(name)
        raise ValueError(f"{what} names use only a-z, 0-9, '_' and '.', got {name!r}; {remedy}")
    return name


def is_identifier(name: str) -> bool:
    """Whether ``name`` can be the id of a plane, surface or analysis in a study file."""
    return IDENTIFIER.fullmatch(name) is not None and set(name) != {"."}


def check_identifier(name: str, what: str) -> str:
    """Return ``name`` if it can be the id of a plane, surface or analysis in a study file.

    Raises:
        ValueError: if it is empty, ``.`` or ``..``, or holds a slash, a space or another
            character outside letters, digits and ``_ . @ + -``.
    """
    if not is_identifier(name):
        raise ValueError(
            f"{what} ids use only letters, digits and '_', '.', '@', '+', '-', "
            f"got {name!r}; {_otherwise(name)}"
        )
    return name


def _otherwise(name: str) -> str:
    return "give several one at a time" if "," in name else "rename it"


@dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """The identity of a run: which activation, which optimizer, which seed.

    >>> RunKey("relu", "sgd", 0).name
    'relu-sgd-seed0'
    >>> RunKey.parse("leaky_relu-nesterov-seed3")
    RunKey(activation='leaky_relu', optimizer='nesterov', seed=3)
    """

    activation: str
    optimizer: str
    seed: int

    def __post_init__(self) -> None:
        check_name(self.activation, "activation")
        check_name(self.optimizer, "optimizer")
        check_least(0, seed=self.seed)

    @property
    def name(self) -> str:
        """The run's name, ``<activation>-<optimizer>-seed<k>``."""
        return f"{self.activation}-{self.optimizer}-seed{self.seed}"

    @classmethod
    def parse(cls, name: str) -> RunKey:
        """Take a run's name apart.

        Raises:
            ValueError: if it does not have the form ``<activation>-<optimizer>-seed<k>``.
        """
        match = _RUN.fullmatch(name)
        if match is None:
            raise ValueError(
                f"a run is named <activation>-<optimizer>-seed<k>, as relu-sgd-seed0; got {name!r}"
            )
        return cls(match["activation"], match["optimizer"], int(match["seed"]))
