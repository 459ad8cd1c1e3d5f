"""The configuration of a sweep over claims: data sets, networks, seeds, and how much work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

from landscape.claims.effort import ARMS, Effort
from landscape.networks.spec import NetworkSpec, network_spec
from landscape.records.plain import from_plain
from landscape.study.configuration import DataConfig, PlainConfig

# What is drawn by each seed; in older sweeps the examples were drawn once for all of them.
_DRAWN = {"drawn_by_seed": ["weights", "examples", "batches"]}
# Claims about speed, which are measured as people train, with any optimizer and batch statistics.
SPEED = frozenset({8, 10})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsConfig(PlainConfig):
    """A sweep: every claim for every data set, network, arm and seed.

    Attributes:
        form: ``quick`` or ``full``, or a name of the user's; shown with every number. One of these
            two with other settings than theirs becomes ``changed quick`` or ``changed full``.
        claims: numbers; empty is all that can be measured.
        seeds: the unit of the statistics; at least 12 are wanted for a verdict.
        arms: how twins start, see :class:`landscape.claims.setting.Setting`.
        data: data sets.
        networks: ``kind`` and the options of each specification; ``effort``, a table of what is
            other for this network than in ``effort`` below. A convolutional network needs images
            (channels, height, width); for data sets that are none it is left out, and with only
            such networks they are refused. One with BatchNorm is for claims 8 and 10.
        examples: at most so many training examples, which each seed draws anew; 0 is all.
        held_out: share of the examples that is not trained on, drawn anew by each seed.
        effort: of one claim for one seed.
    """

    command: ClassVar[str] = "landscape claims"

    form: str = "custom"
    claims: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    arms: tuple[str, ...] = ("identical",)
    data: tuple[DataConfig, ...] = (DataConfig(),)
    networks: tuple[Mapping[str, Any], ...] = ({"kind": "mlp", "hidden": (32, 32)},)
    examples: int = 0
    held_out: float = 0.25
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        for name in ("seeds", "arms", "data", "networks"):
            values = tuple(getattr(self, name))
            if not values or any(values.count(value) > 1 for value in values):
                raise ValueError(f"{name} must be at least one, each once, got {values}")
            object.__setattr__(self, name, values)
        if set(self.arms) - set(ARMS):
            raise ValueError(f"arms must be among {', '.join(ARMS)}, got {', '.join(self.arms)}")
        if self.examples < 0:
            raise ValueError(f"examples must be >= 0, got {self.examples}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out must be in [0, 1), got {self.held_out}")
        for network in range(len(self.networks)):
            self._check(network)
        object.__setattr__(self, "networks", tuple(map(_plain, self.networks)))
        if self.form in _FORMS and not self._is(_FORMS[self.form]):
            object.__setattr__(self, "form", f"changed {self.form}")

    def _is(self, options: Mapping[str, Any]) -> bool:
        """Whether these are the settings, whatever the form's name and the claims chosen."""
        return replace(self, form="", claims=()) == ClaimsConfig(form="", **options)

    def _check(self, network: int) -> None:
        given = {"activation", "input_shape", "outputs"} & self.networks[network].keys()
        if given:
            raise ValueError(
                f"networks.{sorted(given)[0]} follows from the claims and the data; remove it"
            )
        image = self.networks[network].get("kind", "mlp") != "mlp"
        spec = self.spec(network, (3, 64, 64) if image else (64,), 2)
        effort, practice = self.effort_of(network), ""
        if getattr(spec, "batch_norm", False):
            practice = "batch_norm = true"
        elif effort.optimizer != "sgd":
            practice = f"optimizer = {effort.optimizer!r}"
        elif effort.schedule != "constant":
            practice = f"schedule = {effort.schedule!r}"
        if practice and not (self.claims and set(self.claims) <= SPEED):
            raise ValueError(
                f"only claims 8 and 10 are measured with {practice}, got claims "
                f"{list(self.claims) or 'all'}; set claims = [8], or --claim 8"
            )

    def effort_of(self, network: int) -> Effort:
        """Return how much work a claim may be for one of the networks.

        Raises:
            ValueError: for an unknown or impossible setting.
        """
        changes = self.networks[network].get("effort", {})
        return from_plain(
            Effort, {**self.effort.to_dict(), **changes}, f"networks[{network}].effort."
        )

    def spec(self, network: int, input_shape: tuple[int, ...], outputs: int) -> NetworkSpec:
        """Return the specification of a network for such data.

        Raises:
            ValueError: if the network cannot take it.
        """
        options = {k: v for k, v in self.networks[network].items() if k not in ("kind", "effort")}
        kind = self.networks[network].get("kind", "mlp")
        return network_spec(kind, input_shape=input_shape, outputs=outputs, **options)

    def takes(self, network: int, input_shape: tuple[int, ...]) -> bool:
        """Whether a network is measured on such data: one for images only on images.

        Raises:
            ValueError: if no network of the sweep can take the data.
        """
        kinds = [str(options.get("kind", "mlp")) for options in self.networks]
        image = len(input_shape) == 3
        if not image and "mlp" not in kinds:
            raise ValueError(
                f"a network of kind {', '.join(kinds)} needs images (channels, height, width), got "
                f"examples of shape {input_shape}; add a network of kind mlp"
            )
        return image or kinds[network] == "mlp"

    def identity(self) -> dict[str, Any]:
        """Return what makes a sweep this one: how much work, and on how much of the data.

        Claims, seeds, arms, data sets and networks can be added to a sweep later.
        """
        plain = self.to_dict()
        return {name: plain[name] for name in ("examples", "held_out", "effort")} | _DRAWN


def _plain(network: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in network.items()}


# The settings of the forms, as far as they are not the usual ones.
_FORMS: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "quick": {"examples": 400},
    "full": {
        "seeds": tuple(range(16)),
        "arms": ("identical", "gain"),
        "data": (DataConfig(), DataConfig(name="wine"), DataConfig(name="breast_cancer")),
        "networks": ({"kind": "mlp", "hidden": (32, 32)},
                     {"kind": "cnn", "channels": (6,), "hidden": (16,)}),
        "examples": 400,
        "effort": Effort(steps=80, centres=20, batch_sizes=(0, 32, 128), twins="all"),
    },
})  # fmt: skip


def quick() -> ClaimsConfig:
    """Return the quick form: digits, one small network, three seeds. It decides nothing."""
    return ClaimsConfig(form="quick", **_FORMS["quick"])


def full() -> ClaimsConfig:
    """Return the full form: three data sets, two networks, 16 seeds, all twins, both arms.

    The convolutional network is measured on digits, the only images among them.
    """
    return ClaimsConfig(form="full", **_FORMS["full"])
