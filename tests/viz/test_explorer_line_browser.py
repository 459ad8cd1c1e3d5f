"""Lines in a real browser: two points are chosen, and what is drawn is what is sampled directly."""

from __future__ import annotations

import base64
import json
import shlex
import time
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from calling import accepted
from serving import CONFIG, PLACE, Served, Visit, cpu_share
from small_study import load

from landscape import open_study
from landscape.study.explore import StudyAtlas

pytest.importorskip("trame")

pytestmark = [
    pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing()),
    pytest.mark.usefixtures("rendering"),
]
FIELDS = ("a_alpha", "a_beta", "b_alpha", "b_beta")


def ends_of(visit: Visit) -> list[float]:
    return [float(visit.page.input_value(f"#{name}")) for name in FIELDS]


def curve(visit: Visit, name: str) -> Any:
    raw = base64.b64decode(visit.page.locator("#curve").get_attribute(name))
    return np.frombuffer(raw, dtype="<f8")


def direct(served: Served, ends: list[float], points: int = 201) -> Any:
    place = StudyAtlas(open_study(served.study), CONFIG, load_data=load).open(PLACE)
    first, second = (ends[0], ends[1]), (ends[2], ends[3])
    return place.sample_line(first, second, points, lambda _: None, lambda: False)


def fill(visit: Visit, *ends: object, points: object = 201) -> None:
    for name, value in zip((*FIELDS, "line_points"), (*ends, points), strict=True):
        visit.page.fill(f"#{name}", str(value))
    visit.page.click("#line")


def forget(visit: Visit) -> None:
    visit.page.click("#drop_line")
    visit.until(
        "!document.querySelector('#curve') && document.querySelector('#drop_line').disabled"
    )


def click(visit: Visit, u: float, v: float) -> None:
    box = visit.page.locator(".map-frame").bounding_box()
    visit.page.mouse.click(box["x"] + u * box["width"], box["y"] + v * box["height"])


def test_two_clicks_make_a_curve_that_equals_a_direct_sample(visit: Visit, served: Served) -> None:
    visit.page.check("#picking")
    click(visit, 0.25, 0.75)
    visit.until("document.querySelector('#map').getAttribute('ends').startsWith('[[')")
    visit.until("document.querySelectorAll('.map-mark:not([hidden])').length === 1")
    click(visit, 0.75, 0.5)
    visit.idle("sampled 201 points of the line in float32")
    ends = ends_of(visit)
    # The map shows half a cell more on each side of [-1, 1]^2, sampled on 9 x 9 points.
    np.testing.assert_allclose(ends, [-0.5625, -0.5625, 0.5625, 0.0], atol=0.02)
    wanted = direct(served, ends)
    assert (curve(visit, "losses") == wanted.losses).all()
    assert (curve(visit, "accuracies") == wanted.fields["accuracies"]).all()
    assert (curve(visit, "shares") == wanted.alphas).all()
    assert visit.page.locator(".map-mark:not([hidden])").all_inner_texts() == ["A", "B"]
    assert visit.page.locator("#curve .end").all_text_contents() == ["A", "B"]
    # What is drawn: a point of the curve for each value.
    assert visit.page.locator("#curve .loss").get_attribute("d").count("L") == 200
    # The window is as it was, and a drag draws a line as well.
    assert visit.window() == [-1.0, 1.0, -1.0, 1.0]
    visit.drag((0.5, 0.25), (0.25, 0.5))
    visit.until("ends => document.querySelector('#map').getAttribute('ends') !== ends",
                str([ends[:2], ends[2:]]))  # fmt: skip
    visit.idle("sampled 201 points of the line")
    np.testing.assert_allclose(ends_of(visit), [0.0, 0.5625, -0.5625, 0.0], atol=0.02)
    visit.page.uncheck("#picking")
    forget(visit)
    assert visit.said == []


def test_a_line_by_numbers_is_kept_and_drawn(visit: Visit, served: Served, tmp_path: Path) -> None:
    fill(visit, -0.002, "\u22120.001", 0.002, 0.001, points=301)
    visit.idle("sampled 301 points of the line in float64")
    shown = curve(visit, "losses")
    command = shlex.split(visit.page.inner_text("#line_command"))
    visit.page.click("#keep_line")
    visit.idle("kept as ")
    name = visit.page.inner_text("#note").removeprefix("kept as ")
    kept = open_study(served.study).surface(name)
    assert kept.grid.shape == (301,)
    assert (kept.losses == shown).all()
    assert visit.page.locator("#keep_line").is_disabled()
    accepted(*command[1:], "--out", tmp_path / "other")
    assert (open_study(tmp_path / "other").surface(name).losses == shown).all()
    assert name in accepted("info", served.study)
    accepted("render", served.study, "--kind", "line", "--surface", name, "--out", tmp_path)
    # It is none of the surfaces over planes.
    assert name not in visit.page.locator("#place").inner_text()
    forget(visit)


@pytest.mark.long
def test_points_are_chosen_in_the_picture_too(visit: Visit) -> None:
    visit.page.check("#picking")
    visit.drawn()
    box = visit.page.locator(".view").bounding_box()
    for u, v, count in ((0.35, 0.45, 1), (0.5, 0.5, 2)):
        visit.page.mouse.click(box["x"] + u * box["width"], box["y"] + v * box["height"])
        visit.until("n => JSON.parse(document.querySelector('#map').getAttribute('ends'))"
                    ".length === n", count)  # fmt: skip
    visit.idle("sampled")
    assert all(-1 <= value <= 1 for value in ends_of(visit))
    # A drag turns the picture, and chooses nothing.
    ends = visit.page.locator("#map").get_attribute("ends")
    visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 340, box["y"] + 210, steps=4)
    visit.page.mouse.up()
    visit.drawn()
    assert visit.page.locator("#map").get_attribute("ends") == ends
    visit.page.click("#view")
    forget(visit)


@pytest.mark.long
def test_a_click_right_after_the_box_is_checked_is_taken(visit: Visit) -> None:
    """The server may know of the click before it knows of the box."""
    visit.drawn()
    visit.page.evaluate("""() => {
        const picture = document.querySelector(".view"), r = picture.getBoundingClientRect();
        const click = () => ["pointerdown", "pointerup"].forEach((name) =>
            picture.dispatchEvent(new PointerEvent(name, { isPrimary: true,
                clientX: r.left + 0.35 * r.width, clientY: r.top + 0.45 * r.height })));
        click();
        document.querySelector("#picking").click();
        click();
    }""")
    visit.until("JSON.parse(document.querySelector('#map').getAttribute('ends')).length > 0")
    assert len(json.loads(visit.page.locator("#map").get_attribute("ends"))) == 1
    forget(visit)


def test_values_are_read_under_the_pointer_and_by_keys(visit: Visit, served: Served) -> None:
    fill(visit, -0.5, 0, 0.5, 0.5)
    visit.idle("sampled 201 points of the line")
    wanted = direct(served, [-0.5, 0, 0.5, 0.5])
    visit.page.locator("#curve").focus()
    for _ in range(3):
        visit.page.keyboard.press("ArrowRight")
    read = visit.page.locator(".curve-readout").text_content().replace("\u2212", "-").split()
    assert read[:4] == ["\u03b1", "-0.49", "\u03b2", "0.005"]
    assert float(read[5]) == pytest.approx(wanted.losses[2], rel=1e-6)
    assert float(read[7]) == pytest.approx(100 * wanted.fields["accuracies"][2], rel=1e-3)
    assert visit.page.locator(".map-spot:not([hidden])").count() == 1
    box = visit.page.locator("#curve svg").bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] * (52 + 115) / 320, box["y"] + 60)
    visit.until("document.querySelector('.curve-readout').textContent.startsWith('\u03b1 0 ')")
    forget(visit)
    assert visit.page.locator(".map-spot:not([hidden])").count() == 0


@pytest.mark.long
def test_cancelling_a_line_frees_the_sampler(visit: Visit, served: Served) -> None:
    fill(visit, -0.5, 0, 0.5, 0.5, points=10001)
    visit.until("document.querySelector('#doing')?.textContent.includes('of 10001 points')")
    # The coarse part is there, from one end to the other, before the whole.
    visit.page.locator("#curve").wait_for()
    shares = curve(visit, "shares")
    assert 0 < len(shares) < 10001
    assert visit.page.locator("#keep_line").is_disabled()
    visit.page.click("#cancel")
    visit.idle("cancelled")
    visit.until("!document.querySelector('#curve')")
    deadline = time.monotonic() + 60
    while cpu_share(served.process.pid) > 0.2:
        assert time.monotonic() < deadline, "the sampler is still at work"
    visit.sample(-0.5, 0.5, -0.5, 0.5, points=9)
    visit.idle("sampled 81 points")
    forget(visit)


@pytest.mark.parametrize(
    ("ends", "points", "said"),
    [
        ((0, 0, 0, 0), 201, "needs two different points"),
        ((0, 0, 1, 0), 200, "a line has 201 to 10,001 points, got 200"),
        ((0, 0, 1, 0), "inf", "a whole number is needed, got inf"),
        ((0, 0, 1, "nan"), 201, "must be finite"),
        ((0, 0, "<img src=x onerror=alert(1)>", 0), 201, "got '<img src=x onerror=alert(1)>'"),
    ],
)
def test_what_is_no_line_is_told_as_text(
    visit: Visit, ends: tuple[Any, ...], points: Any, said: str
) -> None:
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    fill(visit, *ends, points=points)
    visit.until("said => document.querySelector('#error')?.textContent.includes(said)", said)
    assert visit.page.locator("#error img, #curve").count() == 0
    assert (dialogs, visit.said) == ([], [])


@pytest.mark.long
def test_nonsense_from_a_browser_is_told_and_harms_nothing(visit: Visit) -> None:
    before = visit.values()
    for name, sent in (
        ("pick", [[["x", 1]]]), ("pick", [[[1]]]), ("pick", [7]), ("line", []), ("zoom", [None]),
        ("zoom_to", ["a", {}, [], 1]), ("zoom_to", [1]), ("make", [{}, []]), ("prefer", [[]]),
        ("zoom", ["0", "1", "0", "1", "1e400"]), ("line", ["1", "2", "3", "4", "1.5"]),
        ("picture", []), ("picture", [{}, 1, 2, 3, 4, 5, 6, 7, 8, 9]), ("point", ["x", 1, 2, None]),
        ("picture", [100, 100, 1, 0, 0, 0, 1, 1, "light", True]), ("pick", ["x", [[0, 0]]]),
        ("picture", [-5, 1e9, 9, 0, 1e30, 0, 0, 0, "dark", 1]), ("zoom_to", [[], 0, 1, 0, 1]),
    ):  # fmt: skip
        visit.page.evaluate("([name, sent]) => trame.trigger(name, sent)", [name, sent])
    visit.page.evaluate("trame.state.set('exaggeration', {})")
    visit.until("document.querySelector('#error')")
    visit.page.evaluate("trame.state.set('exaggeration', 1)")
    visit.go_home()
    assert (visit.values() == before).all()
    assert visit.said == []


@pytest.mark.long
def test_an_imported_surface_is_looked_at_and_offers_nothing_else(
    launch: Any, served: Served, tmp_path: Path
) -> None:
    accepted("export", served.study, "--format", "li2018", "--out", tmp_path / "files")
    accepted("import", tmp_path / "files" / f"{PLACE}.h5", "--out", tmp_path / "imported")
    other = Served(tmp_path / "imported")
    browser = launch()
    visit = Visit(browser, other)
    visit.page.locator("#only").wait_for()
    assert visit.page.locator("#sample").is_disabled()
    assert visit.page.locator("#picking, #make").count() == 0
    assert (visit.values() == open_study(served.study).surface(PLACE).losses.astype("<f4")).all()
    assert visit.said == []
    browser.close()
    assert other.stop() == 130
