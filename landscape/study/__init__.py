"""One experiment as a list of tasks, each done when its record is in the study file."""

from landscape.study.experiment import Study
from landscape.study.reporting import Examples, Reporter
from landscape.study.solution_network import solution_model
from landscape.study.summary import RunSummary, summarise

__all__ = ["Examples", "Reporter", "RunSummary", "Study", "solution_model", "summarise"]
