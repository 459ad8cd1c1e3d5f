"""Lossoscope: measure and draw the loss landscapes of smooth and kinked activations.

Names are loaded when first used, so that reading records needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from landscape.budget import SlopeBudget
    from landscape.centre import centre_of, hints
    from landscape.config import SamplingConfig, StudyConfig, TrainingConfig
    from landscape.curvature import plane_sharpness
    from landscape.derivatives import gradient
    from landscape.description import PlaneDescription, describe
    from landscape.directions import (
        custom_plane,
        line_between,
        line_within,
        pca_plane,
        plane_through,
        random_plane,
        random_walk_variance,
        update_plane,
    )
    from landscape.evaluation import Subset, batch_loss
    from landscape.expected_hessian import expected_hessian_check, hessian_product
    from landscape.grid import Grid
    from landscape.hessian import (
        Eigenpairs,
        hessian_eigenpairs,
        hessian_extremes,
        with_curvature,
    )
    from landscape.kinks import (
        SlopePrediction,
        gradient_segment,
        predicted_slope_change,
        random_segment,
        slope_budget,
    )
    from landscape.layout import Layout
    from landscape.loss_planes import eigenvector_plane, gradient_plane
    from landscape.many_planes import plane_spread
    from landscape.microscope import (
        StepWindow,
        minibatch_noise,
        residual_scaling,
        window_of_step,
        zoom_series,
    )
    from landscape.naming import RunKey
    from landscape.output_distance import output_divergence
    from landscape.parameters import layout_of
    from landscape.plane import Plane
    from landscape.problem import Problem
    from landscape.projection import project
    from landscape.recording.checkpoints import load_into, read_checkpoint
    from landscape.recording.losses import evaluate_losses
    from landscape.recording.reading import read_recording
    from landscape.recording.recorder import TrajectoryRecorder
    from landscape.recording.series import trajectory_from_checkpoints
    from landscape.resampling import resample
    from landscape.residuals import Residual, remove_quadratic
    from landscape.results import Analysis, Projection
    from landscape.sampling import loss_on_plane, place, plane_evaluator, sample
    from landscape.segment import (
        Segment,
        averaged_segment,
        line_segment,
        segment_between,
        step_segment,
    )
    from landscape.spectrum import spectral_density
    from landscape.store import StudyFile, open_study
    from landscape.study import Study
    from landscape.surface import Status, Surface
    from landscape.training import train
    from landscape.trajectory import Trajectory
    from landscape.window_scaling import ResidualScaling

_HOME = MappingProxyType(
    {
        # records
        "Analysis": "results",
        "Eigenpairs": "hessian",
        "Grid": "grid",
        "Layout": "layout",
        "Plane": "plane",
        "Problem": "problem",
        "PlaneDescription": "description",
        "Projection": "results",
        "Residual": "residuals",
        "ResidualScaling": "window_scaling",
        "RunKey": "naming",
        "Status": "surface",
        "Subset": "evaluation",
        "StepWindow": "microscope",
        "SamplingConfig": "config",
        "StudyConfig": "config",
        "Surface": "surface",
        "TrainingConfig": "config",
        "Trajectory": "trajectory",
        # files
        "StudyFile": "store",
        "open_study": "store",
        "Segment": "segment",
        "SlopeBudget": "budget",
        "SlopePrediction": "kinks",
        # recording
        "TrajectoryRecorder": "recording.recorder",
        "evaluate_losses": "recording.losses",
        "load_into": "recording.checkpoints",
        "read_checkpoint": "recording.checkpoints",
        "read_recording": "recording.reading",
        "trajectory_from_checkpoints": "recording.series",
        # kinks
        "averaged_segment": "segment",
        "gradient_segment": "kinks",
        "line_segment": "segment",
        "predicted_slope_change": "kinks",
        "random_segment": "kinks",
        "segment_between": "segment",
        "slope_budget": "kinks",
        "step_segment": "segment",
        "centre_of": "centre",
        "hints": "centre",
        # work
        "Study": "study",
        "custom_plane": "directions",
        "eigenvector_plane": "loss_planes",
        "gradient": "derivatives",
        "gradient_plane": "loss_planes",
        "hessian_eigenpairs": "hessian",
        "hessian_extremes": "hessian",
        "expected_hessian_check": "expected_hessian",
        "hessian_product": "expected_hessian",
        "spectral_density": "spectrum",
        "describe": "description",
        "batch_loss": "evaluation",
        "layout_of": "parameters",
        "line_between": "directions",
        "line_within": "directions",
        "loss_on_plane": "sampling",
        "minibatch_noise": "microscope",
        "output_divergence": "output_distance",
        "pca_plane": "directions",
        "place": "sampling",
        "plane_evaluator": "sampling",
        "plane_sharpness": "curvature",
        "plane_spread": "many_planes",
        "plane_through": "directions",
        "project": "projection",
        "random_plane": "directions",
        "random_walk_variance": "directions",
        "remove_quadratic": "residuals",
        "resample": "resampling",
        "residual_scaling": "microscope",
        "sample": "sampling",
        "train": "training",
        "update_plane": "directions",
        "window_of_step": "microscope",
        "with_curvature": "hessian",
        "zoom_series": "microscope",
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
    "plane_spread",
    "plane_through",
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
    if name in _HOME:
        return getattr(import_module(f"landscape.{_HOME[name]}"), name)
    raise AttributeError(f"module 'landscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
