"""What the explorer draws: losses or residuals, heights by number, the camera left alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from exploring import Analytic, Walk, bowl, stored

from landscape import Surface
from landscape.records.surface import Status
from landscape.viz import Style
from landscape.viz.explorer.desktop import HELP, Controls, status_line
from landscape.viz.explorer.live_scene import Drawn, LiveLook, Scene
from landscape.viz.explorer.map import map_attributes, map_pixels

STYLE = Style.of("testing")


def quadratic(coordinates: Any) -> Any:
    return 3 + coordinates[:, 0] + 2 * coordinates[:, 0] * coordinates[:, 1]


def kinked(coordinates: Any) -> Any:
    """A quadratic with a faint crease at alpha = 0."""
    return quadratic(coordinates) + 0.01 * np.abs(coordinates[:, 0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shows": "kinks"}, "unknown shows 'kinks'; known: auto, loss, residual"),
        ({"height": "clipped"}, "unknown height 'clipped'; known: log, linear"),
        ({"shading": "phong"}, "known: flat, differences, gradient"),
        ({"exaggeration": float("nan")}, "between 0.1 and 10.0, got nan"),
        ({"exaggeration": 11}, "between 0.1 and 10.0, got 11"),
    ],
)
def test_impossible_looks_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LiveLook(**changes)


def test_the_residual_is_shown_where_the_losses_would_hide_it() -> None:
    faint, plain = stored(kinked, 21), stored(bowl, 21)
    shown = Drawn.of(faint, LiveLook())
    assert shown.residual is not None
    assert shown.note.endswith("quadratic: 0.046 % of the range of the losses, 6")
    # |a| minus its best line on [-1, 1] keeps its corner: the residual is lowest at alpha = 0.
    assert np.all(np.argmin(shown.surface.losses, axis=0) == 10)
    assert Drawn.of(plain, LiveLook()).residual is None
    assert Drawn.of(faint, LiveLook(shows="loss")).residual is None
    assert Drawn.of(plain, LiveLook(shows="residual")).residual is not None


def test_a_quadratic_leaves_rounding_and_says_so() -> None:
    shown = Drawn.of(stored(quadratic, 21), LiveLook())
    assert shown.note == "what the best-fitting quadratic leaves is rounding: drawn as 0"
    assert np.all(shown.surface.losses == 0)


def test_losses_below_zero_are_drawn_on_a_linear_scale() -> None:
    surface = stored(lambda c: -1 - c[:, 0] ** 4, 9)
    shown = Drawn.of(surface, LiveLook(shows="loss"))
    assert (shown.scale.kind, shown.note) == ("linear", "no loss is positive: heights are linear")


def test_surfaces_without_a_value_are_told() -> None:
    with pytest.raises(ValueError, match="no finite value to draw"):
        Drawn.of(stored(lambda c: np.full(len(c), np.nan)), LiveLook())


def test_the_network_s_own_weights_are_named() -> None:
    known = {"kind": "random", "centre": {"losses": 0.5}}
    words = {
        "Cross: the network's own weights, loss 0.5": {},
        "A is the network itself, loss 0.5": {"points": [[0, 0], [1, 0], [0, 1]]},
        "": {"kind": "segment"},
    }
    for text, settings in words.items():
        surface = replace(stored(bowl, 21), settings={**known, **settings})
        assert Drawn.of(surface, LiveLook(shows="loss")).note == text
        assert "weights" not in Drawn.of(surface, LiveLook(shows="residual")).note
    below = replace(stored(lambda c: -1 - c[:, 0] ** 4, 9), settings=known)
    assert Drawn.of(below, LiveLook(shows="loss")).note == (
        "no loss is positive: heights are linear; Cross: the network's own weights, loss 0.5"
    )


def test_solutions_of_a_plane_are_marked_in_the_window(rendering: None) -> None:
    settings = {"kind": "through", "points": [[0, 0], [1, 0], [0, 1]]}
    seen = []
    for surface in (stored(bowl, 21), replace(stored(bowl, 21), settings=settings)):
        walk, scene = Walk(Analytic(surface=surface)), Scene(size=(240, 160))
        walk.explorer.open("bowl")
        scene.draw(walk.settle(), LiveLook(shows="loss"))
        texts = [a.input for a in scene.plotter.renderers[0].actors.values() if hasattr(a, "input")]
        seen.append({"A", "B", "C"} & set(texts))
        scene.close()
        walk.explorer.close()
    assert seen == [set(), {"A", "B", "C"}]


def decoded(attributes: dict[str, str]) -> Any:
    kind, _, content = attributes["map_src"].partition(",")
    assert kind == "data:image/png;base64"
    return matplotlib.image.imread(io.BytesIO(base64.b64decode(content)), format="png")


def test_the_map_has_alpha_to_the_right_and_beta_up() -> None:
    surface = stored(lambda c: 1 + (c[:, 0] > 0.9) * (c[:, 1] < -0.9) * 1.0, 5)
    attributes = map_attributes(Drawn.of(surface, LiveLook(shows="loss")), STYLE)
    picture = decoded(attributes)[..., :3]
    assert picture.shape == (5, 5, 3)
    different = np.argwhere(np.any(picture != picture[0, 0], axis=-1))
    assert different.tolist() == [[4, 4]]
    values = np.frombuffer(base64.b64decode(attributes["map_values"]), dtype="<f4")
    assert (values == surface.losses.ravel()).all()
    assert attributes["map_shape"] == "5 5"
    assert [float(x) for x in attributes["map_extent"].split()] == [-1.25, 1.25, -1.25, 1.25]
    assert [float(x) for x in attributes["map_window"].split()] == [-1, 1, -1, 1]


def test_residuals_are_lit_cell_by_cell() -> None:
    shown = Drawn.of(stored(kinked, 21), LiveLook())
    pixels, whole_cells = map_pixels(shown, STYLE)
    assert whole_cells
    assert pixels.shape == (20, 20, 3)
    # Light from the left: the two sides of the crease differ, along the whole of it.
    left, right = pixels[:, 9].astype(int).sum(axis=-1), pixels[:, 10].astype(int).sum(axis=-1)
    assert np.all(np.abs(left - right) > 60)


@pytest.fixture
def walk() -> Iterator[Walk]:
    walk = Walk(Analytic(surface=stored(bowl, 21)), Analytic(name="next", surface=stored(kinked)))
    walk.explorer.open("bowl")
    walk.settle()
    yield walk
    walk.explorer.close()


@pytest.fixture
def scene(rendering: None) -> Iterator[Scene]:
    scene = Scene(size=(240, 160))
    yield scene
    scene.close()


def test_a_new_window_is_drawn_and_the_camera_stays(walk: Walk, scene: Scene) -> None:
    scene.draw(walk.moment, LiveLook())
    camera = scene.plotter.renderers[0].camera
    first = np.array(camera.position)
    camera.azimuth += 30
    turned = np.array(camera.position)
    walk.explorer.zoom((0.0, 0.5), (-0.5, 0.0))
    scene.draw(walk.settle(), LiveLook())
    assert scene.frame is not None
    assert (scene.frame.alpha, scene.frame.beta) == ((0.0, 0.5), (-0.5, 0.0))
    np.testing.assert_allclose(camera.position, turned)
    picture = np.array(scene.plotter.screenshot(return_img=True))
    assert picture.std() > 5
    scene.draw(walk.moment, LiveLook(), turn_back=True)
    assert np.linalg.norm(np.array(camera.position) - first) < np.linalg.norm(turned - first)


def test_the_picture_fits_a_window_of_another_shape_and_keeps_the_zoom(
    walk: Walk, scene: Scene
) -> None:
    moment = walk.moment

    def widths() -> float:
        """Return how many windows wide what is drawn is, at the camera it is seen with."""
        camera = scene.plotter.renderers[0].camera
        towards = np.subtract(camera.position, camera.focal_point)
        right = np.cross(camera.up, towards)
        across = scene.frame.box() @ (right / np.linalg.norm(right))
        return float(np.ptp(across) / (2 * camera.parallel_scale * 0.86 * scene.aspect))

    scene.draw(moment, LiveLook(), turn_back=True)
    assert widths() < 1
    scene.plotter.render_window.SetSize(120, 300)
    scene.draw(moment, LiveLook())
    fitted = widths()
    assert 0.5 < fitted < 1
    scene.plotter.renderers[0].camera.parallel_scale /= 2
    scene.plotter.render_window.SetSize(100, 250)
    scene.draw(moment, LiveLook())
    assert widths() == pytest.approx(2 * fitted, rel=0.1)


def test_heights_follow_the_exaggeration(walk: Walk, scene: Scene) -> None:
    tall = []
    for factor in (1.0, 2.0):
        scene.draw(walk.moment, LiveLook(shows="loss", exaggeration=factor))
        mesh = scene.plotter.renderers[0].actors["surface"].mapper.dataset
        tall.append(mesh.bounds[5] - mesh.bounds[4])
    assert tall[1] == pytest.approx(2 * tall[0])


@pytest.mark.parametrize("factor", [1e300, 1e-300])
@pytest.mark.parametrize("look", [LiveLook(), LiveLook(height="linear"), LiveLook(shows="loss")])
def test_losses_of_any_size_are_drawn_alike(
    walk: Walk, scene: Scene, factor: float, look: LiveLook
) -> None:
    def attributes(factor: float) -> dict[str, str]:
        surface = stored(lambda c: factor * kinked(c), 21)
        walk.explorer.atlas.places["sized"] = Analytic(name="sized", surface=surface)  # type: ignore[attr-defined]
        walk.explorer.open("sized")
        shown = scene.draw(walk.settle(), look)
        assert shown is not None
        return map_attributes(shown, STYLE)

    wanted, found = attributes(1.0), attributes(factor)
    assert found["map_quantity"] == wanted["map_quantity"]
    values = np.frombuffer(base64.b64decode(found["map_values"]), dtype="<f8")
    drawn = scene.shown
    assert drawn is not None
    assert (values == drawn.surface.losses.ravel()).all()
    np.testing.assert_allclose(decoded(found).astype(int), decoded(wanted).astype(int), atol=1)


def test_drawing_again_and_again_leaves_no_actors_behind(walk: Walk, scene: Scene) -> None:
    counts = set()
    for _ in range(3):
        scene.draw(walk.moment, LiveLook())
        scene.write("told", "help")
        counts.add(tuple(len(r.actors) for r in scene.plotter.renderers))
    assert len(counts) == 1


def test_a_window_that_is_open_is_not_drawn_anew_after_each_part(walk: Walk, scene: Scene) -> None:
    scene.draw(walk.moment, LiveLook())
    scene.plotter.screenshot(return_img=True)
    drawn: list[str] = []
    scene.plotter.render_window.AddObserver("EndEvent", lambda *_: drawn.append("once"))
    scene.draw(walk.moment, LiveLook(height="linear"))
    assert drawn == []
    scene.plotter.render()
    assert drawn == ["once"]


def test_an_unfinished_surface_is_drawn_in_part(walk: Walk, scene: Scene) -> None:
    whole = walk.moment.surface
    assert whole is not None
    status = np.array(whole.status)
    status[:3] = Status.MISSING
    part = Surface(whole.grid, whole.fields, status)
    from dataclasses import replace

    shown = scene.draw(replace(walk.moment, surface=part), LiveLook())
    assert shown is not None
    assert shown.residual is None


def test_keys_zoom_where_the_pointer_is(walk: Walk, scene: Scene) -> None:
    controls = Controls(walk.explorer, scene)
    controls.draw()
    keys = controls.keys()
    assert set("".join(key for key, _ in HELP).replace(" ", "")) - {"q"} == set(keys)
    scene.plotter.iren.interactor.SetEventPosition(0, 0)
    keys["z"]()
    moment = walk.settle()
    controls.draw()
    assert moment.surface is not None
    # Nothing lies under the pointer: the middle is taken.
    assert np.ptp(moment.surface.alphas) == pytest.approx(2 / 3, rel=1e-2)
    assert moment.surface.alphas.mean() == pytest.approx(0, abs=1e-3)
    keys["b"]()
    controls.draw()
    assert walk.moment.surface is walk.explorer.moment.place.surface  # type: ignore[union-attr]


def test_the_pointer_picks_the_point_of_the_surface(walk: Walk, scene: Scene) -> None:
    controls = Controls(walk.explorer, scene)
    controls.draw()
    frame, renderer = scene.frame, scene.plotter.renderers[0]
    assert frame is not None
    for alpha, beta in ((0.5, 0.5), (-0.5, 0.25)):
        loss = bowl(np.array([[alpha, beta]]))
        point = frame.points(np.array([[alpha, beta]]), loss)[0]
        renderer.SetWorldPoint(*point, 1.0)
        renderer.WorldToDisplay()
        x, y, _ = renderer.GetDisplayPoint()
        scene.plotter.iren.interactor.SetEventPosition(round(x), round(y))
        found = controls.pointed()
        # One pixel of a small window is 0.02 of the plane.
        np.testing.assert_allclose(found, (alpha, beta), atol=0.05)


def test_keys_change_the_look_and_the_place(walk: Walk, scene: Scene) -> None:
    controls = Controls(walk.explorer, scene)
    keys = controls.keys()
    for key in "lmsipud":
        keys[key]()
    assert controls.look == LiveLook("loss", "linear", 1.0, "differences", False, False)
    keys["n"]()
    assert walk.settle().place is walk.explorer.atlas.open("next")
    controls.toggle_help()
    keys["k"]()
    assert status_line(walk.moment) == "this surface is in the study already"
