"""A few small pictures look as they did; wrong ones do not pass. See ``tests/baselines.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import baselines
import numpy as np
import pytest
from baselines import CLOSE_UPS, SCENES, SURFACES, Parts, Pixels, difference, parts, stored

from landscape.records.kink_cut_surface import KinkCutSurface


@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_it_did(name: str, rendering: None) -> None:
    found = difference(SCENES[name](parts()), stored(name))
    assert found.small, f"{found}; if that is wanted, renew it as tests/baselines.py says"


def mirrored(shown: Parts) -> Parts:
    losses = shown.surface.losses[:, ::-1]
    return replace(shown, surface=replace(shown.surface, fields={"losses": losses}))


def flipped_colours(shown: Parts) -> Parts:
    return replace(shown, style=replace(shown.style, colour_map="viridis_r"))


def without_path(shown: Parts) -> Parts:
    return replace(shown, paths=())


def other_axis(shown: Parts) -> Parts:
    losses = shown.surface.losses[::-1]
    return replace(shown, surface=replace(shown.surface, fields={"losses": losses}))


def turned(shown: Parts) -> Parts:
    return replace(shown, style=replace(shown.style, azimuth=shown.style.azimuth + 25))


def moved_path(shown: Parts) -> Parts:
    """Swap the coordinates of the path, as where axes are mixed up."""
    (path,) = shown.paths
    return replace(shown, paths=(replace(path, coordinates=path.coordinates[:, ::-1]),))


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize(
    "mutation", [mirrored, other_axis, flipped_colours, without_path, moved_path]
)
def test_a_wrong_picture_does_not_pass(
    name: str, mutation: Callable[[Parts], Parts], rendering: None
) -> None:
    if name == "clay" and mutation is flipped_colours:
        return  # it has no colour map
    wrong = SCENES[name](mutation(parts()))
    kept = stored(name)
    if wrong.shape == kept.shape:
        assert not difference(wrong, kept).small


def each(shown: Parts, change: Callable[[KinkCutSurface], KinkCutSurface]) -> Parts:
    """Change the surface of every close-up."""
    rows = tuple(tuple(replace(c, surface=change(c.surface)) for c in row)
                 for row in shown.closeups)  # fmt: skip
    return replace(shown, closeups=rows)


def mixed_axes(shown: Parts) -> Parts:
    return each(shown, lambda s: replace(s, coordinates=s.coordinates[:, ::-1],
                                         gradients=s.gradients[:, ::-1],
                                         triangles=s.triangles[:, ::-1]))  # fmt: skip


def unlit(shown: Parts) -> Parts:
    """Turn every normal upwards, as where gradients are lost."""
    return each(shown, lambda s: replace(s, gradients=np.zeros_like(s.gradients)))


def lit_from_behind(shown: Parts) -> Parts:
    """Turn every slope around, as after an error of sign."""
    return each(shown, lambda s: replace(s, gradients=-s.gradients))


def swapped_networks(shown: Parts) -> Parts:
    return replace(shown, closeups=shown.closeups[::-1])


def one_colour(shown: Parts) -> Parts:
    rows = tuple(tuple(replace(c, activation="relu") for c in row) for row in shown.closeups)
    return replace(shown, closeups=rows)


@pytest.mark.parametrize("name", CLOSE_UPS)
@pytest.mark.parametrize(
    "mutation", [mixed_axes, unlit, lit_from_behind, swapped_networks, one_colour]
)
def test_a_wrong_picture_of_close_ups_does_not_pass(
    name: str, mutation: Callable[[Parts], Parts], rendering: None
) -> None:
    wrong = SCENES[name](mutation(parts()))
    kept = stored(name)
    if wrong.shape == kept.shape:
        assert not difference(wrong, kept).small


@pytest.mark.parametrize("name", ["surface", "clipped", "solutions"])
def test_another_camera_does_not_pass(name: str, rendering: None) -> None:
    # A frame seen from elsewhere has other sides.
    image, known = SCENES[name](turned(parts())), stored(name)
    assert image.shape != known.shape or not difference(image, known).small


def noisy(image: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 6, size=image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def half_a_pixel(image: Pixels) -> Pixels:
    """Average with the picture one pixel further, as of another rule for edges."""
    both = image.astype(float)
    return ((both + np.roll(both, 1, axis=1)) / 2).astype(np.uint8)


def brighter(image: Pixels) -> Pixels:
    return np.where(image < 250, np.clip(image * 1.02, 0, 255), image).astype(np.uint8)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("change", [noisy, half_a_pixel, brighter])
def test_what_another_driver_may_change_passes(
    name: str, change: Callable[[Pixels], Pixels]
) -> None:
    kept = stored(name)
    assert difference(change(kept), kept).small


def test_the_pictures_are_small_and_of_one_size_only_compared() -> None:
    sizes = [(baselines.FOLDER / f"{name}.png").stat().st_size for name in SCENES]
    assert sum(sizes) < 400_000
    with pytest.raises(ValueError, match="of one size"):
        difference(stored("surface"), stored("contour"))
