"""A problem: model, loss and data, and how they are read."""

from landscape.problem.problem import Problem, check_problem

__all__ = ["Problem", "check_problem"]
