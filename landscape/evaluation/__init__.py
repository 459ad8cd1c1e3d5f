"""The loss of a network at many parameter vectors, without moving the network."""

from landscape.evaluation.choice import EngineChoice, choose_engine
from landscape.evaluation.evaluator import Evaluator
from landscape.evaluation.examples import Batches, as_batches
from landscape.evaluation.losses import LossFunction, resolve_loss

__all__ = [
    "Batches",
    "EngineChoice",
    "Evaluator",
    "LossFunction",
    "as_batches",
    "choose_engine",
    "resolve_loss",
]
