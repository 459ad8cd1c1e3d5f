"""The picture that a browser asks for: of its size, ground and camera, fast or whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from exploring import Analytic, Walk, stored
from PIL import Image

from landscape.viz.explorer.live_scene import LiveLook, Scene
from landscape.viz.explorer.picture_on_request import Since, Wish, jpeg, place_camera
from landscape.viz.geometry.camera import move, turn

STAY = (0, 0, 1, 0, 0, "light")


@pytest.fixture
def scene(rendering: None) -> Iterator[Scene]:
    walk = Walk(Analytic(surface=stored()))
    walk.explorer.open("bowl")
    scene = Scene(size=(240, 160))
    scene.draw(walk.settle(), LiveLook())
    yield scene
    scene.close()
    walk.explorer.close()


def seen(scene: Scene, *, moving: bool = False) -> Any:
    return np.asarray(Image.open(io.BytesIO(jpeg(scene, moving=moving))), dtype=int)


def camera_of(scene: Scene) -> Any:
    camera = scene.plotter.renderers[0].camera
    return np.array([*camera.position, *camera.focal_point, camera.parallel_scale])


@pytest.mark.parametrize(
    "sent",
    [(), (1, 2), (300, 200, 1, *STAY), ("x", 200, 1, *STAY, True), ({}, 200, 1, *STAY, True),
     (300, 200, 1, 0, 0, float("nan"), 0, 0, "light", 1), (300, 200, 1, *STAY, 0, False),
     (300, 200, 1, 0, 0, 1, 0, 0, "grey", True), (300, 200, 1, 0, 0, 1, 0, 0, {}, True)],
)  # fmt: skip
def test_what_is_no_wish_is_refused(sent: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Wish.of(*sent)


def test_sizes_and_zooms_stay_within_what_can_be_drawn() -> None:
    wish = Wish.of(-5, 1e9, 1e9, 0, 0, 0, 0, 0, "dark", False)
    assert wish.size == (16, 4096)
    assert (wish.zoom, wish.ratio) == (1 / 64, 4.0)
    assert Wish.of(300.4, 200, -1, *STAY, True).size == (300, 200)
    assert Wish.of(300.4, 200, -1, *STAY, True).ratio == 0.25


def test_a_picture_has_the_size_of_the_window_and_is_the_same_again(scene: Scene) -> None:
    first = seen(scene)
    assert first.shape == (160, 240, 3)
    assert first.std() > 5
    rough = seen(scene, moving=True)
    assert 0 < np.abs(rough - first).mean() < 10
    assert (seen(scene) == first).all()
    assert scene.resize((200, 100))
    assert not scene.resize((200, 100))
    assert seen(scene).shape == (100, 200, 3)
    assert scene.resize((200, 100), 2.0)


def test_turning_is_about_the_focus_by_degrees_and_ends_below_the_zenith(scene: Scene) -> None:
    renderer = scene.plotter.renderers[0]
    before = camera_of(scene)
    turn(renderer, 90.0, 0.0)
    after = camera_of(scene)
    towards, turned = before[:3] - before[3:6], after[:3] - after[3:6]
    np.testing.assert_allclose(turned, [-towards[1], towards[0], towards[2]], atol=1e-9)
    np.testing.assert_allclose(after[3:], before[3:])
    turn(renderer, 0.0, 500.0)
    top = camera_of(scene)[:3] - before[3:6]
    assert top[2] == pytest.approx(np.linalg.norm(towards), rel=1e-5)
    turn(renderer, -90.0, 0.0)
    turn(renderer, 0.0, np.degrees(np.arcsin(towards[2] / np.linalg.norm(towards))) - 89.9)
    np.testing.assert_allclose(camera_of(scene), before, atol=1e-9)


def test_moving_shifts_the_picture_by_shares_of_its_height(scene: Scene) -> None:
    renderer = scene.plotter.renderers[0]
    window = np.array(scene.plotter.window_size)

    def pixel() -> Any:
        renderer.SetWorldPoint(0.3, -0.2, 0.4, 1.0)
        renderer.WorldToDisplay()
        return np.array(renderer.GetDisplayPoint()[:2])

    before = pixel()
    move(renderer, 0.1, -0.25)
    np.testing.assert_allclose(pixel() - before, np.array([0.1, -0.25]) * window[1], rtol=5e-3)
    move(renderer, -0.1, 0.25)
    middle = np.array([0.86 * window[0] / 2, window[1] / 2])
    move(renderer, 0.0, 0.0, zoom=2.0)
    np.testing.assert_allclose(pixel() - middle, 2 * (before - middle), atol=0.5)


def test_a_wish_places_the_camera_wherever_it_was_before(scene: Scene) -> None:
    before = camera_of(scene)
    place_camera(scene, Wish.of(240, 160, 1, *STAY, True))
    np.testing.assert_allclose(camera_of(scene), before, atol=1e-12)
    turned = Wish.of(240, 160, 1, 20, -10, 2, 0.1, 0.1, "light", True)
    place_camera(scene, turned)
    after = camera_of(scene)
    assert after[6] == pytest.approx(before[6] / 2)
    assert np.all(np.abs(after[:6] - before[:6]) > 1e-3)
    place_camera(scene, turned)
    np.testing.assert_allclose(camera_of(scene), after, atol=1e-12)
    place_camera(scene, Wish.of(240, 160, 1, *STAY, True))
    np.testing.assert_allclose(camera_of(scene), before, atol=1e-12)


def test_a_wish_moves_what_is_magnified_by_shares_of_the_height(scene: Scene) -> None:
    def pixel(*wish: Any) -> Any:
        place_camera(scene, Wish.of(240, 160, 1, *wish, "light", True))
        renderer = scene.plotter.renderers[0]
        renderer.SetWorldPoint(0.3, -0.2, 0.4, 1.0)
        renderer.WorldToDisplay()
        return np.array(renderer.GetDisplayPoint()[:2])

    there = pixel(30, 0, 3, 0, 0)
    np.testing.assert_allclose(pixel(30, 0, 3, 0.2, -0.1) - there, [32, -16], rtol=5e-3)


def test_twice_as_many_pixels_show_the_same_sharper(scene: Scene) -> None:
    """Letters and lines grow with the picture: shrunk again, it is the picture of half the size."""
    walk = Walk(Analytic(surface=stored()))
    walk.explorer.open("bowl")
    moment = walk.settle()
    scene.resize((640, 400))
    scene.draw(moment, LiveLook(), turn_back=True)
    coarse, place = seen(scene), scene.at(0.45, 0.5)
    scene.resize((1280, 800), 2.0)
    scene.draw(moment, LiveLook(), turn_back=True)
    fine = seen(scene)
    assert fine.shape == (800, 1280, 3)
    shrunk = fine.reshape(400, 2, 640, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - coarse).mean() < 2.5
    assert place is not None
    assert scene.at(0.45, 0.5) == pytest.approx(place, abs=5e-3)
    walk.explorer.close()


def test_a_number_tells_whether_a_picture_shows_what_is_there() -> None:
    since, plane = Since(), object()
    since.note(3, plane, [0, 1])
    assert [since.holds(number) for number in (2, 3, 4)] == [False, True, True]
    since.note(4, plane, [0, 1])
    assert since.holds(3)
    since.note(5, plane, [0, 2])
    assert [since.holds(number) for number in (4, 5)] == [False, True]
    assert not since.holds(float("nan"))
    with pytest.raises((TypeError, ValueError)):
        since.holds("x")
