"""The ends of a spectrum, for tests."""

from landscape import Problem, hessian_eigenpairs


def hessian_extremes(problem: Problem, **options) -> tuple[float, float]:
    """Return the smallest and the largest eigenvalue of the Hessian of the loss."""
    pairs = hessian_eigenpairs(problem, top=1, bottom=1, **options)
    return float(pairs.values[-1]), float(pairs.values[0])
