"""The loss of a network at many parameter vectors, without moving the network."""

from landscape.evaluation.choice import choose_threads, threads
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.evaluator import Evaluator
from landscape.evaluation.examples import Batches, as_batches
from landscape.evaluation.losses import LossFunction, Objective, make_objective, resolve_loss
from landscape.evaluation.passes import EngineChoice

__all__ = [
    "Batches",
    "EngineChoice",
    "Evaluator",
    "LossFunction",
    "Objective",
    "PlaneEvaluator",
    "as_batches",
    "choose_threads",
    "make_objective",
    "resolve_loss",
    "threads",
]
