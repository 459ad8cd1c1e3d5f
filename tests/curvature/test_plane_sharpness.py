import numpy as np
import pytest

from landscape import Grid, Surface, plane_sharpness
from landscape.curvature.plane_sharpness import plane_hessian


def quadratic(grid: Grid) -> Surface:
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    losses = 3 + a - 2 * b + 0.5 * (4 * a * a + 2 * 1.5 * a * b + 2 * b * b)
    return Surface(grid, {"losses": losses}, np.ones(grid.shape, dtype=np.uint8))


@pytest.mark.parametrize(
    "grid",
    [
        Grid.square(51),
        Grid.square(50),
        Grid.rectangle((7, 12), (0, 1), (-2, 3)),
        Grid.rectangle((3, 4), (-1e-3, 1e-3), (-5, 5)),
    ],
    ids=["odd", "even", "from 0", "tiny and wide"],
)
def test_exact_for_a_quadratic_on_any_grid(grid: Grid) -> None:
    np.testing.assert_allclose(
        plane_hessian(quadratic(grid)), [[4, 1.5], [1.5, 2]], rtol=1e-4, atol=1e-6
    )
    assert plane_sharpness(quadratic(grid)) == pytest.approx(3 + np.sqrt(1 + 2.25), rel=1e-4)


def test_not_finite_neighbours_give_nan() -> None:
    surface = quadratic(Grid.square(5))
    losses = surface.losses.copy()
    losses[2, 2] = np.inf
    broken = Surface(surface.grid, {"losses": losses}, surface.status)
    assert np.isnan(plane_sharpness(broken))


def test_a_window_beside_the_origin_has_no_curvature_of_the_origin() -> None:
    """The curvature of the window's nearest corner was given as that at the origin."""
    grid = Grid.rectangle((9, 9), (2.0, 3.0), (-1.0, 1.0))
    with pytest.raises(ValueError, match="alpha must reach from below 0 to above, got 2 to 3"):
        plane_hessian(quadratic(grid))
