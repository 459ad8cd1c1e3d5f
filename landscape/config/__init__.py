"""Configuration of a study: frozen records, TOML in and out, every default in one place."""

from landscape.config.network import CNNSpec, MLPSpec, NetworkSpec, ResNetSpec, network_spec
from landscape.config.study import (
    DataConfig,
    PcaPlaneConfig,
    RandomPlaneConfig,
    SamplingConfig,
    StudyConfig,
)
from landscape.config.training import Optimizer, Schedule, TrainingConfig

__all__ = [
    "CNNSpec",
    "DataConfig",
    "MLPSpec",
    "NetworkSpec",
    "Optimizer",
    "PcaPlaneConfig",
    "RandomPlaneConfig",
    "ResNetSpec",
    "SamplingConfig",
    "Schedule",
    "StudyConfig",
    "TrainingConfig",
    "network_spec",
]
