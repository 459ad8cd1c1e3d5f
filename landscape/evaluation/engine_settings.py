"""How the loss is evaluated over a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Strategy = Literal["auto", "batched", "vmap", "copy", "loop", "gradient"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)
Compile = Literal["auto", "never", "always"]
COMPILE: tuple[str, ...] = get_args(Compile)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingConfig:
    """How the loss is evaluated over a plane. What is left at 0 or ``auto`` is measured briefly.

    Attributes:
        strategy: ``batched`` multiplies several points at once (multilayer perceptrons), ``vmap``
            vectorises over points, ``copy`` writes one point after another into a private copy
            (best for convolutions), ``loop`` calls the network itself, ``auto`` the fastest;
            ``gradient`` also gives the derivatives along the axes, by a backward pass per point.
        chunk: points evaluated together by ``batched`` and ``vmap``; 0 for the fastest.
        batch_size: examples per batch; 0 for the fastest.
        threads: threads; 0 takes one or all, whichever is faster.
        reuse: whether layers that read the data alone are computed once for the whole plane.
        compile: ``auto`` compiles convolutional networks where so many points are to come that it
            pays, if there is a compiler; ``never``; ``always`` (strategy ``copy``).
        memory: mebibytes for activations and for what is kept of the first layers.
    """

    strategy: Strategy = "auto"
    chunk: int = 0
    batch_size: int = 0
    threads: int = 0
    reuse: bool = True
    compile: Compile = "auto"
    memory: int = 1024

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"unknown strategy {self.strategy!r}; known: {', '.join(STRATEGIES)}")
        if self.compile not in COMPILE:
            raise ValueError(f"unknown compile {self.compile!r}; known: {', '.join(COMPILE)}")
        for name in ("chunk", "batch_size", "threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)}")
        if self.memory < 1:
            raise ValueError(f"memory must be >= 1 MiB, got {self.memory}")

    @property
    def memory_bytes(self) -> int:
        """The budget in bytes."""
        return self.memory << 20

    @property
    def fixed(self) -> bool:
        """Whether nothing is left to measure."""
        chunk = self.chunk or self.strategy in ("copy", "loop", "gradient")
        return bool(self.strategy != "auto" and chunk and self.batch_size and self.threads)
