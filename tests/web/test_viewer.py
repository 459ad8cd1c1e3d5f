"""The page in a browser without a network: what is read off it is what was stored."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import at_rest, until
from PIL import Image

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.viz.captions.surfaces import surface_caption

SIZES = [(390, 780), (1400, 860), (2560, 1300)]
SETTINGS = {"kind": "pca", "examples": 1797, "loss": "cross_entropy"}
ABOVE = "lossoscope.setCamera({elevation: 90, azimuth: -90})"


def hover(page: Any, panel: int, i: int, j: int) -> Any:
    x, y = page.evaluate(f"lossoscope.pixelOf({panel}, {i}, {j})")
    page.mouse.move(x + 40, y + 30)
    page.mouse.move(x, y)
    # Places are looked up once for each picture.
    until(page, f"((at) => at && Math.hypot(at[0] - {x}, at[1] - {y}) < 1)(lossoscope.pointer())")
    return page.locator(".cell").nth(panel).locator(".reading")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hovering_reads_the_stored_losses(
    opened: Callable[..., Any], page_file: Path, records: dict[str, Any], size: tuple[int, int]
) -> None:
    surfaces = [records["relu-gd-seed0.random"].surface, records["gelu-gd-seed0.random"].surface]
    with opened(page_file, *size) as page:
        page.evaluate(ABOVE)
        for panel, surface in enumerate(surfaces):
            for i, j in ((5, 7), (20, 16), (33, 28)):
                reading = hover(page, panel, i, j)
                loss = float(reading.get_attribute("data-loss"))
                assert loss == pytest.approx(surface.losses[i, j], rel=1e-6)
                shown = re.search(r"loss ([\d.]+)", reading.inner_text())
                assert shown is not None
                assert float(shown[1]) == pytest.approx(surface.losses[i, j], rel=1e-3)
                accuracy = re.search(r"accuracy ([\d.]+)%", reading.inner_text())
                assert accuracy is not None
                expected = 100 * surface.fields["accuracies"][i, j]
                assert float(accuracy[1]) == pytest.approx(expected, abs=0.006)
                gradient = [surface.fields[f"gradient_{axis}"][i, j] for axis in ("alpha", "beta")]
                slope = re.search(r"slope ([\d.]+)", reading.inner_text())
                assert slope is not None
                assert float(slope[1]) == pytest.approx(np.hypot(*gradient), rel=4e-3)


def test_hovering_from_the_side_meets_what_is_in_front(
    opened: Callable[..., Any], page_file: Path, records: dict[str, Any]
) -> None:
    """A sample of the near slope, at the camera that the page starts with."""
    surface = records["gelu-gd-seed0.random"].surface
    with opened(page_file) as page:
        loss = float(hover(page, 1, 12, 24).get_attribute("data-loss"))
    near = surface.losses[11:14, 23:26]
    assert near.min() <= loss <= near.max()


def test_log_and_linear_read_the_same(opened: Callable[..., Any], page_file: Path) -> None:
    with opened(page_file) as page:
        page.evaluate(ABOVE)
        x, y = page.evaluate("lossoscope.pixelOf(0, 9, 9)")
        page.mouse.click(x, y)
        at_rest(page)
        rows = page.locator(".probe tbody tr")
        before = [rows.nth(k).get_attribute("data-loss") for k in range(2)]
        words = rows.all_inner_texts()
        assert page.evaluate("lossoscope.panels()[0].scale.kind") == "log"
        page.get_by_role("button", name="Log height").click()
        assert page.evaluate("lossoscope.panels()[0].scale.kind") == "linear"
        assert [rows.nth(k).get_attribute("data-loss") for k in range(2)] == before
        assert rows.all_inner_texts() == words
        assert None not in before
        assert before[0] != before[1]


def test_a_kept_point_compares_the_panels_at_one_place(
    opened: Callable[..., Any], page_file: Path, records: dict[str, Any]
) -> None:
    with opened(page_file) as page:
        page.evaluate(ABOVE)
        page.mouse.click(*page.evaluate("lossoscope.pixelOf(1, 10, 20)"))
        at_rest(page)
        rows = page.locator(".probe tbody tr")
        kept = [float(rows.nth(k).get_attribute("data-loss")) for k in range(2)]
        stored = [
            records[f"{name}-gd-seed0.random"].surface.losses[10, 20] for name in ("relu", "gelu")
        ]
        np.testing.assert_allclose(kept, stored, rtol=1e-6)
        page.keyboard.press("Shift+ArrowRight")
        moved = float(rows.nth(1).get_attribute("data-loss"))
        assert moved == pytest.approx(
            records["gelu-gd-seed0.random"].surface.losses[11, 20], rel=1e-6
        )
        page.keyboard.press("Escape")
        assert page.locator(".probe").is_hidden()


@pytest.mark.parametrize("layer", ["surface", "contours", "wire", "paths", "centre", "floor"])
def test_toggles_change_the_scene(opened: Callable[..., Any], page_file: Path, layer: str) -> None:
    with opened(page_file, 900, 600) as page:
        stage = page.locator(".stage")
        before, drawn = stage.screenshot(), page.evaluate("lossoscope.panels()[0].drawn")
        page.locator(f"[data-layer={layer}]").click()
        page.mouse.move(5, 5)
        at_rest(page)
        after = page.evaluate("lossoscope.panels()[0].drawn")
        assert bool(drawn[layer]) != bool(after[layer])
        assert stage.screenshot() != before
        page.locator(f"[data-layer={layer}]").click()
        page.mouse.move(5, 5)
        at_rest(page)
        assert stage.screenshot() == before


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_scrubber_moves_the_marks_to_what_was_recorded(
    opened: Callable[..., Any], page_file: Path, records: dict[str, Any], size: tuple[int, int]
) -> None:
    path = records["gelu-gd-seed0.random"].paths[0]
    with opened(page_file, *size) as page:
        for k in (0, 7, 30):
            page.locator(".scrubber").fill(str(k))
            mark = page.evaluate("lossoscope.panels()[1].marks[0]")
            assert mark["step"] == path.steps[k]
            np.testing.assert_array_equal([mark["alpha"], mark["beta"]], path.coordinates[k])
            row = page.locator(".path").nth(1)
            assert float(row.get_attribute("data-loss")) == path.losses[k]
            assert page.locator(".steps thead th").all_inner_texts() == [
                "path", "step", "true loss", "in-plane loss", "off-plane distance"]  # fmt: skip
            shown = [float(text) for text in row.locator("td").all_inner_texts()]
            expected = [path.steps[k], path.losses[k], path.plane_losses[k],
                        path.off_plane_distances[k]]  # fmt: skip
            assert shown == pytest.approx(expected, rel=5e-3)
            assert page.locator(".scrubber").get_attribute("aria-valuetext") == (
                f"step {path.steps[k]} of 300")  # fmt: skip


def test_what_is_kept_is_let_go_while_it_plays(opened: Callable[..., Any], page_file: Path) -> None:
    """A button that is made anew between press and release is not clicked."""
    with opened(page_file, 900, 700) as page:
        page.mouse.click(*page.evaluate("lossoscope.pixelOf(1, 10, 20)"))
        at_rest(page)
        page.locator(".scrubber").fill("0")
        page.get_by_role("button", name="Play").click()
        box = page.locator(".probe .close").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        step = page.evaluate("lossoscope.state.step")
        until(page, f"lossoscope.state.step > {step}")
        page.mouse.up()
        until(page, "!lossoscope.state.pin")
        assert page.locator(".probe").is_hidden()


def test_a_hand_at_the_scrubber_stops_what_plays(
    opened: Callable[..., Any], page_file: Path
) -> None:
    with opened(page_file, 700, 500) as page:
        page.locator(".scrubber").fill("0")
        page.get_by_role("button", name="Play").click()
        until(page, "lossoscope.state.step > 0")
        page.locator(".scrubber").fill("3")
        page.get_by_role("button", name="Play").wait_for()
        assert page.evaluate("lossoscope.state.step") == 30


def test_a_reading_leaves_with_the_pointer(opened: Callable[..., Any], page_file: Path) -> None:
    """Also before the last place under it was looked up."""
    with opened(page_file, 900, 700) as page:
        x, y = page.evaluate("lossoscope.pixelOf(1, 10, 20)")
        page.evaluate(f"""(() => {{
            const stage = document.querySelector(".stage");
            const tell = (name) => stage.dispatchEvent(new PointerEvent(name,
                {{ clientX: {x}, clientY: {y}, pointerType: "mouse" }}));
            tell("pointermove");
            tell("pointerleave");
        }})()""")
        at_rest(page)
        assert page.evaluate("lossoscope.state.hover") is None
        assert page.locator(".reading:not([hidden])").count() == 0


def test_playing_runs_to_the_end(opened: Callable[..., Any], page_file: Path) -> None:
    with opened(page_file, 700, 500) as page:
        page.locator(".scrubber").fill("25")
        page.get_by_role("button", name="Play").click()
        until(page, "lossoscope.state.step === 300")
        page.get_by_role("button", name="Play").wait_for()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_cameras_stay_linked_after_a_drag(
    opened: Callable[..., Any], page_file: Path, size: tuple[int, int]
) -> None:
    with opened(page_file, *size) as page:
        before = page.evaluate("lossoscope.camera()")
        first = page.evaluate("[lossoscope.corner(0), lossoscope.corner(1)]")
        box = page.locator(".cell").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y - 30, steps=4)
        page.mouse.up()
        after = page.evaluate("lossoscope.camera()")
        assert after["azimuth"] != before["azimuth"]
        assert after["elevation"] < before["elevation"]
        # The corners of both surfaces have different heights but stand at one place of the floor.
        moved = page.evaluate("[lossoscope.corner(0), lossoscope.corner(1)]")
        assert moved[0][0] == pytest.approx(moved[1][0], abs=1e-3)
        assert abs(moved[0][0] - first[0][0]) > 0.005


def test_all_panels_share_one_scale(
    opened: Callable[..., Any], page_file: Path, records: dict[str, Any]
) -> None:
    with opened(page_file) as page:
        scales = page.evaluate("lossoscope.panels().map((panel) => panel.scale)")
    assert scales[0] == scales[1]
    drawn = [record for one in records.values() for record in (one.surface, *one.paths)]
    losses = np.concatenate([record.losses.ravel() for record in drawn])
    assert scales[0]["low"] == pytest.approx(np.log10(losses.min()), abs=1e-6)
    assert scales[0]["high"] == pytest.approx(np.log10(losses.max()), abs=1e-6)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_spills_over_the_window(
    opened: Callable[..., Any], page_file: Path, size: tuple[int, int], scheme: str
) -> None:
    with opened(page_file, *size, color_scheme=scheme) as page:
        spill = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        wide, high = page.evaluate(spill)
        # On a phone the page may scroll down, so that the panels stay large.
        assert wide <= size[0]
        assert high <= size[1] * (1.3 if size[0] < 400 else 1)
        box = page.locator(".stage").bounding_box()
        assert box["height"] > 0.35 * size[1]
        hidden = page.evaluate(
            "[...document.querySelectorAll('.mark:not([hidden])')].filter((mark) => {"
            " const [m, c] = [mark.getBoundingClientRect(),"
            " mark.closest('.cell').getBoundingClientRect()];"
            " return m.left < c.left || m.right > c.right || m.top < c.top || m.bottom > c.bottom;"
            "}).map((mark) => mark.textContent)"
        )
        assert hidden == []


def test_markup_in_a_name_is_shown_as_text(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path
) -> None:
    from landscape import viz

    evil = "<img src=x onerror='window.broken=1'><b>bold</b></script><script>window.broken=1"
    items = {evil: replace(records["relu-gd-seed0.random"], title=evil)}
    target = viz.to_html(items, tmp_path / "evil.html", title=evil, runs={"relu-gd-seed0": evil})
    with opened(target) as page:
        assert page.evaluate("window.broken") is None
        assert page.locator("img, .app b b").count() == 0
        assert page.locator(".cell h2").inner_text() == evil
        assert page.title() == evil


def test_what_was_found_becomes_commands(opened: Callable[..., Any], page_file: Path) -> None:
    surfaces = "--surface relu-gd-seed0.random --surface gelu-gd-seed0.random"
    with opened(page_file) as page:
        page.evaluate("lossoscope.setCamera({azimuth: 25.25, elevation: 50})")
        commands = dict(page.evaluate("lossoscope.commands()"))
        assert commands == {
            "Picture": f"landscape render study.h5 --kind compare {surfaces} --height log "
            "--camera=25.25,50 --shading gradient",
            # Figures for papers are higher by themselves.
            "Figure for a paper": "printf 'height = 0.33\\n' > view.toml && landscape render "
            f"study.h5 --kind hybrid {surfaces} --height log --camera=25.25,50 --style view.toml",
        }
        page.get_by_role("button", name="Settings").click()
        page.locator("[data-role=command]").click()
        assert page.locator(".command code").all_inner_texts() == list(commands.values())
        page.get_by_role("button", name="Log height").click()
        page.get_by_role("slider", name="Height").fill("2")
        page.locator("[data-role=colour]").select_option("accuracies")
        shown = page.locator(".command code").first
        for words in ("--height linear", "--colour accuracies", "'height = 0.66\\n' > view.toml"):
            assert words in shown.inner_text()


def test_a_saved_image_is_not_blank(
    opened: Callable[..., Any], page_file: Path, tmp_path: Path
) -> None:
    with opened(page_file) as page:
        page.get_by_role("button", name="Settings").click()
        with page.expect_download() as download:
            page.locator("[data-role=screenshot]").click()
        download.value.save_as(tmp_path / "saved.png")
    picture = np.asarray(Image.open(tmp_path / "saved.png").convert("RGB"), dtype=int)
    assert picture.shape[1] > 2000
    assert np.mean(np.ptp(picture, axis=2) > 30) > 0.1


def test_a_path_without_losses_lies_on_the_surface_of_the_page(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path
) -> None:
    """Paths of other programs have none, and nothing of them was drawn."""
    own = records["relu-gd-seed0.random"].paths[0]
    unknown = np.full(len(own.steps), np.nan)
    bare = replace(own, losses=unknown, plane_losses=unknown, distances=unknown,
                   off_plane_distances=unknown)  # fmt: skip
    page_file = viz.to_html(
        Panel(records["relu-gd-seed0.random"].surface, paths=(bare,)), tmp_path / "bare.html"
    )
    with opened(page_file) as page:
        (panel,) = page.evaluate("lossoscope.panels()")
        assert panel["drawn"]["pieces"] == 30
        assert panel["marks"][0]["inside"]
        assert page.locator(".path td").nth(1).inner_text() == "\u2013"
        words = page.locator(".said").inner_text()
        assert "Drawn on the surface, as its losses are not known." in words


def test_the_page_marks_only_the_end_of_a_path_beside_its_plane(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path
) -> None:
    """0.04 % of it lay in the plane, and a line of it was drawn there."""
    own = records["relu-gd-seed0.random"].paths[0]
    off = 50 * np.linalg.norm(own.coordinates, axis=1)
    beside = replace(own, off_plane_distances=off, distances=off * np.sqrt(1 + 1 / 2500))
    drawn = Panel(records["relu-gd-seed0.random"].surface, paths=(beside,))
    page_file = viz.to_html(drawn, tmp_path / "beside.html")
    with opened(page_file) as page:
        (panel,) = page.evaluate("lossoscope.panels()")
        assert panel["drawn"]["pieces"] == 0
        (mark,) = panel["marks"]
        assert (mark["step"], mark["inside"]) == (own.steps[-1], True)
        assert mark["alpha"] == pytest.approx(own.coordinates[-1, 0])
        said = not_drawn_of(page)
        assert said.startswith(
            f"Path {own.run} not drawn: 0.0004 of its squared displacement lies in the"
        )
        assert said.endswith("; the mark is the solution.")
        assert said in surface_caption(drawn)


def not_drawn_of(page: Any) -> str:
    """The sentence on paths that are not drawn."""
    words = page.locator(".said").inner_text()
    found = re.search(r"Path \S+ not drawn: .*?needed\)(; the mark is the solution)?\.", words)
    assert found is not None
    return found[0]


def test_a_path_that_ends_outside_the_page_s_window_has_no_mark(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path
) -> None:
    own = records["relu-gd-seed0.random"].paths[0]
    inside = np.linalg.norm(own.coordinates, axis=1)
    away = replace(own, coordinates=own.coordinates + 9.0, off_plane_distances=10 * inside,
                   distances=np.sqrt(101) * inside)  # fmt: skip
    drawn = Panel(records["relu-gd-seed0.random"].surface, paths=(away,))
    with opened(viz.to_html(drawn, tmp_path / "away.html")) as page:
        assert not_drawn_of(page).endswith("(at least 0.05 is needed).")
        assert not_drawn_of(page) in surface_caption(drawn)


def steep(name: str) -> Panel:
    """A narrow valley, and a path across it between the points of the grid, at its own losses."""

    def loss_at(alphas: np.ndarray, betas: np.ndarray) -> np.ndarray:
        return np.asarray(0.02 + (alphas - betas) ** 2 + 0.1 * alphas**2)

    grid = Grid.square(21)
    along = np.linspace(-0.7, 0.7, 57)
    places = np.stack([along, -0.6 * along + 0.03], axis=1)
    there = loss_at(*places.T)
    path = Projection(
        run=name, plane=name, steps=np.arange(len(along)), coordinates=places,
        off_plane_distances=np.zeros(len(along)), distances=np.linalg.norm(places, axis=1),
        losses=there, plane_losses=there,
    )  # fmt: skip
    losses = loss_at(*np.meshgrid(*grid.axes, indexing="ij"))
    status = np.ones(grid.shape, np.uint8)
    surface = Surface(grid, {"losses": losses}, status, plane=name, run=name, settings=SETTINGS)
    return Panel(surface, paths=(path,))


def picture_of(page: Any) -> np.ndarray:
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return np.asarray(image, dtype=int)


@pytest.mark.parametrize("size", [(1400, 860), (2560, 1300)], ids=str)
def test_a_path_on_a_slope_is_drawn_whole(
    opened: Callable[..., Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    """Half of its width was below the surface that it lies on, and more on a large screen."""
    red = np.array([215, 25, 28])
    with opened(viz.to_html(steep("relu"), tmp_path / "steep.html"), *size) as page:
        page.evaluate("lossoscope.setCamera({azimuth: -100, elevation: 40})")
        counts = []
        for _ in range(2):
            page.mouse.move(5, 5)
            at_rest(page)
            counts.append(np.sum(np.abs(picture_of(page) - red).max(axis=2) < 40))
            # Without a surface nothing covers the path.
            for layer in ("surface", "contours"):
                page.locator(f"[data-layer={layer}]").click()
        assert counts[0] > 0.96 * counts[1] > 0


def test_from_above_colours_are_those_of_the_bar(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    from matplotlib import colormaps

    panel = Panel(steep("relu").surface)
    heights = np.log10(panel.surface.losses)
    shares = (heights - heights.min()) / np.ptp(heights)
    with opened(viz.to_html(panel, tmp_path / "steep.html")) as page:
        page.evaluate(ABOVE)
        page.locator("[data-layer=contours]").click()
        page.mouse.move(5, 5)
        at_rest(page)
        picture = picture_of(page)
        for i, j in ((3, 3), (6, 14), (10, 4), (15, 12)):
            x, y = page.evaluate(f"lossoscope.pixelOf(0, {i}, {j})")
            expected = 255 * np.array(colormaps["viridis"](shares[i, j])[:3])
            assert np.abs(picture[int(y), int(x)] - expected).max() < 12


def test_a_path_has_a_shadow_only_on_the_floor(opened: Callable[..., Any], tmp_path: Path) -> None:
    """Without a floor a stub of it hung in the air below the surface."""
    layers = "lossoscope.panels()[0].drawn.paths"
    with opened(viz.to_html(steep("relu"), tmp_path / "steep.html")) as page:
        assert page.evaluate(layers) == 3
        page.locator("[data-layer=floor]").click()
        at_rest(page)
        assert page.evaluate(layers) == 4


@pytest.mark.parametrize("azimuth", [-58, -20, 40, 135])
def test_numbers_of_axes_stay_apart(
    opened: Callable[..., Any], records: dict[str, Any], tmp_path: Path, azimuth: int
) -> None:
    """The last number of one axis and the first of the other are not read as one."""
    items = {f"run{k}": records["relu-gd-seed0.random"].surface for k in range(6)}
    target = viz.to_html(items, tmp_path / "six.html", show=list(items))
    with opened(target) as page:
        page.evaluate(f"lossoscope.setCamera({{azimuth: {azimuth}}})")
        at_rest(page)
        ticks = page.locator(".cell").first.locator(".mark.tick:not([hidden])").all()
        boxes = [tick.bounding_box() for tick in ticks]
        assert len(boxes) >= 6
        for k, one in enumerate(boxes):
            for other in boxes[:k]:
                across = max(one["x"], other["x"]) - min(
                    one["x"] + one["width"], other["x"] + other["width"])  # fmt: skip
                down = abs(one["y"] - other["y"])
                assert across >= 8 or down >= 10


def test_the_caption_says_what_is_shown(opened: Callable[..., Any], tmp_path: Path) -> None:
    items = {"a": replace(steep("relu"), title="ReLU (kinked), SGD"),
             "b": replace(steep("gelu"), title="GELU (smooth), SGD")}  # fmt: skip
    crosses = "Crosses: the networks' own weights, losses 0.02."
    with opened(viz.to_html(items, tmp_path / "two.html")) as page:
        assert page.locator(".cell h2").all_inner_texts() == ["ReLU (kinked)", "GELU (smooth)"]
        assert page.locator(".said").inner_text().strip() == (
            "Cross entropy over 1,797 examples on PCA planes of the paths; log heights on one "
            "scale. Paths at their true losses, with 100.0 % of their squared displacement in the "
            "plane. " + crosses)  # fmt: skip
        page.locator("[data-layer=paths]").click()
        page.get_by_role("button", name="Log height").click()
        assert page.locator(".said").inner_text().strip() == (
            "Cross entropy over 1,797 examples on PCA planes of the paths; linear heights on one "
            "scale. " + crosses)  # fmt: skip
