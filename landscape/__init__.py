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
    from landscape.curvature.expected_hessian import expected_hessian_check, hessian_product
    from landscape.curvature.hessian import (
        Eigenpairs,
        hessian_eigenpairs,
        hessian_extremes,
        with_curvature,
    )
    from landscape.curvature.plane_sharpness import plane_sharpness
    from landscape.curvature.spectrum import spectral_density
    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.evaluation.output_divergence import output_divergence
    from landscape.evaluation.resampling import resample
    from landscape.evaluation.sampling import loss_on_plane, place, plane_evaluator, sample
    from landscape.kinks import SlopePrediction, predicted_slope_change, slope_budget
    from landscape.kinks.microscope import (
        StepWindow,
        minibatch_noise,
        residual_scaling,
        window_of_step,
        zoom_series,
    )
    from landscape.networks.parameters import layout_of
    from landscape.planes.between import line_between, plane_through
    from landscape.planes.custom import custom_plane
    from landscape.planes.loss_planes import eigenvector_plane, gradient_plane
    from landscape.planes.network_segments import gradient_segment, random_segment
    from landscape.planes.pca import pca_plane
    from landscape.planes.plane_variability import plane_variability
    from landscape.planes.random import random_plane
    from landscape.planes.random_walk import random_walk_variance
    from landscape.planes.updates import update_plane
    from landscape.planes.within import line_within
    from landscape.problem import Problem
    from landscape.problem.batch_loss import batch_loss
    from landscape.problem.subsets import Subset
    from landscape.records.budget import SlopeBudget
    from landscape.records.centre import centre_of, hints
    from landscape.records.description import PlaneDescription, describe
    from landscape.records.grid import Grid
    from landscape.records.layout import Layout
    from landscape.records.naming import RunKey
    from landscape.records.plane import Plane
    from landscape.records.projection import project
    from landscape.records.residuals import Residual, remove_quadratic
    from landscape.records.results import Analysis, Projection
    from landscape.records.segment import (
        Segment,
        averaged_segment,
        line_segment,
        segment_between,
        step_segment,
    )
    from landscape.records.surface import Status, Surface
    from landscape.records.trajectory import Trajectory
    from landscape.records.window_scaling import ResidualScaling
    from landscape.store import StudyFile, open_study
    from landscape.study import Study
    from landscape.study.configuration import StudyConfig
    from landscape.training.loop import train
    from landscape.training.recording.checkpoints import load_into, read_checkpoint
    from landscape.training.recording.losses_of_records import evaluate_losses
    from landscape.training.recording.recorded import read_recording
    from landscape.training.recording.recorder import TrajectoryRecorder
    from landscape.training.recording.series import trajectory_from_checkpoints
    from landscape.training.training_settings import TrainingConfig

_HOME = MappingProxyType(
    {
        # records
        "Analysis": "records.results",
        "Eigenpairs": "curvature.hessian",
        "Grid": "records.grid",
        "Layout": "records.layout",
        "Plane": "records.plane",
        "Problem": "problem",
        "PlaneDescription": "records.description",
        "Projection": "records.results",
        "Residual": "records.residuals",
        "ResidualScaling": "records.window_scaling",
        "RunKey": "records.naming",
        "Status": "records.surface",
        "Subset": "problem.subsets",
        "StepWindow": "kinks.microscope",
        "SamplingConfig": "evaluation.engine_settings",
        "StudyConfig": "study.configuration",
        "Surface": "records.surface",
        "TrainingConfig": "training.training_settings",
        "Trajectory": "records.trajectory",
        # files
        "StudyFile": "store",
        "open_study": "store",
        "Segment": "records.segment",
        "SlopeBudget": "records.budget",
        "SlopePrediction": "kinks",
        # recording
        "TrajectoryRecorder": "training.recording.recorder",
        "evaluate_losses": "training.recording.losses_of_records",
        "load_into": "training.recording.checkpoints",
        "read_checkpoint": "training.recording.checkpoints",
        "read_recording": "training.recording.recorded",
        "trajectory_from_checkpoints": "training.recording.series",
        # kinks
        "averaged_segment": "records.segment",
        "gradient_segment": "planes.network_segments",
        "line_segment": "records.segment",
        "predicted_slope_change": "kinks",
        "random_segment": "planes.network_segments",
        "segment_between": "records.segment",
        "slope_budget": "kinks",
        "step_segment": "records.segment",
        "centre_of": "records.centre",
        "hints": "records.centre",
        # work
        "Study": "study",
        "custom_plane": "planes.custom",
        "eigenvector_plane": "planes.loss_planes",
        "gradient": "curvature.derivatives",
        "gradient_plane": "planes.loss_planes",
        "hessian_eigenpairs": "curvature.hessian",
        "hessian_extremes": "curvature.hessian",
        "expected_hessian_check": "curvature.expected_hessian",
        "hessian_product": "curvature.expected_hessian",
        "spectral_density": "curvature.spectrum",
        "describe": "records.description",
        "batch_loss": "problem.batch_loss",
        "layout_of": "networks.parameters",
        "line_between": "planes.between",
        "line_within": "planes.within",
        "loss_on_plane": "evaluation.sampling",
        "minibatch_noise": "kinks.microscope",
        "output_divergence": "evaluation.output_divergence",
        "pca_plane": "planes.pca",
        "place": "evaluation.sampling",
        "plane_evaluator": "evaluation.sampling",
        "plane_sharpness": "curvature.plane_sharpness",
        "plane_variability": "planes.plane_variability",
        "plane_through": "planes.between",
        "project": "records.projection",
        "random_plane": "planes.random",
        "random_walk_variance": "planes.random_walk",
        "remove_quadratic": "records.residuals",
        "resample": "evaluation.resampling",
        "residual_scaling": "kinks.microscope",
        "sample": "evaluation.sampling",
        "train": "training.loop",
        "update_plane": "planes.updates",
        "window_of_step": "kinks.microscope",
        "with_curvature": "curvature.hessian",
        "zoom_series": "kinks.microscope",
    }
)

__all__ = [
    "Analysis",
    "Eigenpairs",
    "Grid",
    "Layout",
    "Plane",
    "PlaneDescription",
    "Problem",
    "Projection",
    "Residual",
    "ResidualScaling",
    "RunKey",
    "SamplingConfig",
    "Segment",
    "SlopeBudget",
    "SlopePrediction",
    "Status",
    "StepWindow",
    "Study",
    "StudyConfig",
    "StudyFile",
    "Subset",
    "Surface",
    "TrainingConfig",
    "Trajectory",
    "TrajectoryRecorder",
    "__version__",
    "averaged_segment",
    "batch_loss",
    "centre_of",
    "custom_plane",
    "describe",
    "eigenvector_plane",
    "evaluate_losses",
    "expected_hessian_check",
    "gradient",
    "gradient_plane",
    "gradient_segment",
    "hessian_eigenpairs",
    "hessian_extremes",
    "hessian_product",
    "hints",
    "layout_of",
    "line_between",
    "line_segment",
    "line_within",
    "load_into",
    "loss_on_plane",
    "minibatch_noise",
    "open_study",
    "output_divergence",
    "pca_plane",
    "place",
    "plane_evaluator",
    "plane_sharpness",
    "plane_through",
    "plane_variability",
    "predicted_slope_change",
    "project",
    "random_plane",
    "random_segment",
    "random_walk_variance",
    "read_checkpoint",
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
    "with_curvature",
    "zoom_series",
]


def __getattr__(name: str) -> Any:
    if name in ("data", "viz"):
        return import_module(f"landscape.{name}")
    if name in _HOME:
        return getattr(import_module(f"landscape.{_HOME[name]}"), name)
    raise AttributeError(f"module 'landscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
