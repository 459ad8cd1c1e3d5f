"""Lossoscope: measure and draw the loss landscapes of smooth and kinked activations.

Names are loaded when first used, so that reading records needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# A wheel holds data and viz inside this package; in a checkout they stand beside it.
if not Path(__file__).with_name("viz").is_dir():
    __path__.append(str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    import data as data
    import viz as viz
    from landscape.curvature.derivatives import gradient
    from landscape.curvature.hessian import hessian_eigenpairs
    from landscape.curvature.plane_sharpness import plane_sharpness
    from landscape.curvature.spectrum import spectral_density
    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.evaluation.resampling import resample
    from landscape.evaluation.sampling import loss_on_plane, place, sample
    from landscape.kinks import slope_budget
    from landscape.kinks.microscope import minibatch_noise, residual_scaling, window_of_step
    from landscape.kinks.zooming import close_ups
    from landscape.planes.between import line_between, plane_through
    from landscape.planes.custom import custom_plane
    from landscape.planes.loss_planes import eigenvector_plane, gradient_plane
    from landscape.planes.network_segments import gradient_segment, random_segment
    from landscape.planes.pca import pca_plane
    from landscape.planes.plane_variability import plane_variability
    from landscape.planes.random import random_plane
    from landscape.planes.updates import update_plane
    from landscape.planes.within import line_within
    from landscape.problem import Problem
    from landscape.problem.batch_loss import batch_loss
    from landscape.problem.subsets import Subset
    from landscape.records.description import describe
    from landscape.records.grid import Grid
    from landscape.records.panel import Panel
    from landscape.records.plane import Plane
    from landscape.records.projection import project
    from landscape.records.residuals import remove_quadratic
    from landscape.records.results import Projection
    from landscape.records.segment import segment_between, step_segment
    from landscape.records.surface import Surface
    from landscape.records.trajectory import Trajectory
    from landscape.store import open_study
    from landscape.study.configuration import StudyConfig
    from landscape.study.experiment import Study
    from landscape.training.loop import train
    from landscape.training.recording.losses_of_records import evaluate_losses
    from landscape.training.recording.recorded import read_recording
    from landscape.training.recording.recorder import TrajectoryRecorder
    from landscape.training.recording.series import trajectory_from_checkpoints
    from landscape.training.training_settings import TrainingConfig

_HOME = MappingProxyType(
    {
        # a network with its loss and data
        "Problem": "problem",
        "Subset": "problem.subsets",
        "batch_loss": "problem.batch_loss",
        # records
        "Grid": "records.grid",
        "Plane": "records.plane",
        "Surface": "records.surface",
        "Trajectory": "records.trajectory",
        "Projection": "records.results",
        "Panel": "records.panel",
        # training, and paths of your own loop
        "train": "training.loop",
        "TrainingConfig": "training.training_settings",
        "TrajectoryRecorder": "training.recording.recorder",
        "read_recording": "training.recording.recorded",
        "trajectory_from_checkpoints": "training.recording.series",
        "evaluate_losses": "training.recording.losses_of_records",
        # planes and lines
        "random_plane": "planes.random",
        "pca_plane": "planes.pca",
        "eigenvector_plane": "planes.loss_planes",
        "gradient_plane": "planes.loss_planes",
        "update_plane": "planes.updates",
        "plane_through": "planes.between",
        "custom_plane": "planes.custom",
        "line_between": "planes.between",
        "line_within": "planes.within",
        "plane_variability": "planes.plane_variability",
        "describe": "records.description",
        # sampling
        "sample": "evaluation.sampling",
        "resample": "evaluation.resampling",
        "place": "evaluation.sampling",
        "project": "records.projection",
        "loss_on_plane": "evaluation.sampling",
        "SamplingConfig": "evaluation.engine_settings",
        # curvature
        "gradient": "curvature.derivatives",
        "hessian_eigenpairs": "curvature.hessian",
        "spectral_density": "curvature.spectrum",
        "plane_sharpness": "curvature.plane_sharpness",
        # kinks
        "slope_budget": "kinks",
        "segment_between": "records.segment",
        "step_segment": "records.segment",
        "gradient_segment": "planes.network_segments",
        "random_segment": "planes.network_segments",
        # the microscope
        "close_ups": "kinks.zooming",
        "remove_quadratic": "records.residuals",
        "residual_scaling": "kinks.microscope",
        "minibatch_noise": "kinks.microscope",
        "window_of_step": "kinks.microscope",
        # studies in a file
        "Study": "study.experiment",
        "StudyConfig": "study.configuration",
        "open_study": "store",
    }
)

__all__ = [
    "Grid",
    "Panel",
    "Plane",
    "Problem",
    "Projection",
    "SamplingConfig",
    "Study",
    "StudyConfig",
    "Subset",
    "Surface",
    "TrainingConfig",
    "Trajectory",
    "TrajectoryRecorder",
    "__version__",
    "batch_loss",
    "close_ups",
    "custom_plane",
    "describe",
    "eigenvector_plane",
    "evaluate_losses",
    "gradient",
    "gradient_plane",
    "gradient_segment",
    "hessian_eigenpairs",
    "line_between",
    "line_within",
    "loss_on_plane",
    "minibatch_noise",
    "open_study",
    "pca_plane",
    "place",
    "plane_sharpness",
    "plane_through",
    "plane_variability",
    "project",
    "random_plane",
    "random_segment",
    "read_recording",
    "remove_quadratic",
    "resample",
    "residual_scaling",
    "sample",
    "segment_between",
    "slope_budget",
    "spectral_density",
    "step_segment",
    "train",
    "trajectory_from_checkpoints",
    "update_plane",
    "window_of_step",
]


def __getattr__(name: str) -> Any:
    if name in ("data", "viz"):
        return import_module(f"landscape.{name}")
    if name in _HOME:
        return getattr(import_module(f"landscape.{_HOME[name]}"), name)
    raise AttributeError(f"module 'landscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
