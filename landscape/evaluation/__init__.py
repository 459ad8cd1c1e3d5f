"""The loss of a network at many parameter vectors, without moving the network."""

from landscape.evaluation.batch_loss import BatchLoss, batch_loss
from landscape.evaluation.batch_norm import BatchNorm
from landscape.evaluation.choice import choose_threads, threads
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.evaluator import Evaluator
from landscape.evaluation.examples import Batches
from landscape.evaluation.losses import LossFunction, resolve_loss
from landscape.evaluation.network import Network
from landscape.evaluation.objective import Objective
from landscape.evaluation.passes import EngineChoice
from landscape.evaluation.subsets import Subset

__all__ = [
    "BatchLoss",
    "BatchNorm",
    "Batches",
    "EngineChoice",
    "Evaluator",
    "LossFunction",
    "Network",
    "Objective",
    "PlaneEvaluator",
    "Subset",
    "batch_loss",
    "choose_threads",
    "resolve_loss",
    "threads",
]
