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
    from landscape.config import SamplingConfig, StudyConfig, TrainingConfig
    from landscape.curvature import plane_sharpness
    from landscape.directions import pca_plane, random_plane
    from landscape.grid import Grid
    from landscape.kinks import gradient_segment, random_segment, slope_budget
    from landscape.layout import Layout
    from landscape.microscope import (
        StepWindow,
        minibatch_noise,
        residual_scaling,
        window_of_step,
        zoom_series,
    )
    from landscape.naming import RunKey
    from landscape.parameters import layout_of
    from landscape.plane import Plane
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
    from landscape.segment import Segment, line_segment, segment_between, step_segment
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
        "Grid": "grid",
        "Layout": "layout",
        "Plane": "plane",
        "Projection": "results",
        "Residual": "residuals",
        "ResidualScaling": "window_scaling",
        "RunKey": "naming",
        "Status": "surface",
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
        # recording
        "TrajectoryRecorder": "recording.recorder",
        "evaluate_losses": "recording.losses",
        "load_into": "recording.checkpoints",
        "read_checkpoint": "recording.checkpoints",
        "read_recording": "recording.reading",
        "trajectory_from_checkpoints": "recording.series",
        # kinks
        "gradient_segment": "kinks",
        "line_segment": "segment",
        "random_segment": "kinks",
        "segment_between": "segment",
        "slope_budget": "kinks",
        "step_segment": "segment",
        # work
        "Study": "study",
        "layout_of": "parameters",
        "loss_on_plane": "sampling",
        "minibatch_noise": "microscope",
        "pca_plane": "directions",
        "place": "sampling",
        "plane_evaluator": "sampling",
        "plane_sharpness": "curvature",
        "project": "projection",
        "random_plane": "directions",
        "remove_quadratic": "residuals",
        "resample": "resampling",
        "residual_scaling": "microscope",
        "sample": "sampling",
        "train": "training",
        "window_of_step": "microscope",
        "zoom_series": "microscope",
    }
)

__all__ = [
    "Analysis",
    "Grid",
    "Layout",
    "Plane",
    "Projection",
    "Residual",
    "ResidualScaling",
    "RunKey",
    "SamplingConfig",
    "Segment",
    "SlopeBudget",
    "Status",
    "StepWindow",
    "Study",
    "StudyConfig",
    "StudyFile",
    "Surface",
    "TrainingConfig",
    "Trajectory",
    "TrajectoryRecorder",
    "__version__",
    "evaluate_losses",
    "gradient_segment",
    "layout_of",
    "line_segment",
    "load_into",
    "loss_on_plane",
    "minibatch_noise",
    "open_study",
    "pca_plane",
    "place",
    "plane_evaluator",
    "plane_sharpness",
    "project",
    "random_plane",
    "random_segment",
    "read_checkpoint",
    "read_recording",
    "remove_quadratic",
    "resample",
    "residual_scaling",
    "sample",
    "segment_between",
    "slope_budget",
    "step_segment",
    "train",
    "trajectory_from_checkpoints",
    "window_of_step",
    "zoom_series",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"landscape.{_HOME[name]}"), name)
    raise AttributeError(f"module 'landscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
