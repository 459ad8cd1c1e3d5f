"""Panels that cannot be compared are told; captions are written beside pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz.captions.beside import as_latex, as_markdown, latex
from landscape.viz.captions.references import REFERENCES
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.matching import mismatches
from landscape.viz.geometry.paths import bead_records
from landscape.viz.style import TESTING


def with_settings(surface: Surface, **settings: Any) -> Surface:
    return replace(surface, settings={**surface.settings, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "pca"}, r"different kinds \(pca, random\)"),
        ({"normalisation": "layer"}, r"normalised differently \(filter, layer\)"),
        ({"loss": "mean_squared_error"}, "show different losses"),
        ({"examples": 60000}, "different numbers of examples"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_warning_and_in_the_caption(
    settings: dict[str, Any], message: str, oblong: Surface
) -> None:
    other = with_settings(oblong, **settings)
    with pytest.warns(UserWarning, match=message):
        figure = viz.contour([oblong, other])
    assert "Compare with care: " in viz.caption_of(figure)
    (found,) = mismatches([oblong, other])
    assert found in viz.caption_of(figure)
    assert mismatches([oblong, oblong]) == []


def test_units_differ_where_directions_are_of_length_1_in_some(oblong: Surface) -> None:
    surfaces = [with_settings(oblong, direction_length=v) for v in (1.0, 5.7, 6.1)]
    assert mismatches(surfaces[1:]) == []
    assert "directions are of length 1 in some" in mismatches(surfaces)[0]


def test_the_ends_of_the_hessians_spectrum_are_told_where_they_are_known(oblong: Surface) -> None:
    known = with_settings(oblong, hessian={"top": 31.5, "bottom": -0.25})
    said = "Hessian eigenvalues at the centre: top 31.5, bottom −0.25."
    assert said in surface_caption(known)
    assert "Hessian" not in surface_caption(oblong)
    one_end = with_settings(oblong, hessian={"top": 31.5, "bottom": None})
    assert "Hessian eigenvalues at the centre: top 31.5." in surface_caption(one_end)
    more = with_settings(oblong, hessian={"top": 50.0, "bottom": 0.5})
    text = surface_caption([known, more, oblong])
    assert "top 31.5 to 50, bottom −0.25 to 0.5 (2 of 3 panels)" in text


def test_the_variance_of_a_pca_plane_stands_beside_that_of_a_random_walk(oblong: Surface) -> None:
    pca = with_settings(oblong, kind="pca", explained_variance=[0.9, 0.05], direction_length=6.0,
                        random_walk_variance=[0.6, 0.15])  # fmt: skip
    text = surface_caption(pca)
    assert "(95.0% of its variance; of a random walk's: 75.0%)" in text
    assert text.endswith("Method: Li et al. (2018); Antognini and Sohl-Dickstein (2018).")


def test_step_marks_and_the_share_off_the_plane_are_told(oblong: Surface) -> None:
    count = 51
    places = np.linspace([-0.9, 1.0], [0.0, 0.0], count)
    path = replace(make_path(places, np.linspace(20, 11, count), off_plane=0.2),
                   steps=np.arange(count) * 4)  # fmt: skip
    text = surface_caption(Panel(oblong, paths=(path,)))
    share = path.captured
    assert f"with {share:.1%} of its squared displacement in the plane, {1 - share:.1%} off" in text
    assert "a bead every 20 steps" in text
    uneven = replace(path, steps=np.append(np.arange(count - 1), 900))
    assert "a bead every 5 records" in surface_caption(Panel(oblong, paths=(uneven,)))


@pytest.mark.usefixtures("rendering")
def test_beads_lie_on_the_records_they_mark(oblong: Surface) -> None:
    count = 21
    places = np.linspace([-0.9, 1.0], [0.0, 0.0], count)
    path = make_path(places, np.linspace(20, 11, count))
    plotter = viz.surface(Panel(oblong, paths=(path,)), viz.Look(height="linear", style=TESTING))
    from landscape.viz import HeightScale
    from landscape.viz.geometry.camera import axes_of_view
    from landscape.viz.geometry.frame import Frame

    scale = HeightScale.of([oblong], kind="linear", paths=[path])
    wanted = Frame.around([oblong], scale, TESTING).points(path.coordinates, path.losses)[2:-1:2]
    parts = [a.mapper.dataset for a in plotter.renderers[0].actors.values()
             if hasattr(getattr(a, "mapper", None), "dataset")]  # fmt: skip
    beads = [p.split_bodies() for p in parts if p.n_points and len(p.split_bodies()) == len(wanted)]
    # As they are seen: they are moved towards the viewer.
    onto = np.stack(axes_of_view(TESTING.over(["random"]))[:2], axis=1)
    wanted = np.sort(wanted @ onto, axis=0)
    centres = [np.array([body.center for body in group]) @ onto for group in beads]
    assert any(np.allclose(np.sort(c, axis=0), wanted, atol=2e-3) for c in centres)
    plotter.close()


@pytest.mark.usefixtures("rendering")
def test_a_matrix_has_its_titles_at_the_edge_and_one_scale(oblong: Surface) -> None:
    rows = [[oblong, make_surface(oblong.losses * 3, oblong.grid)],
            [make_surface(oblong.losses * 9, oblong.grid), oblong]]  # fmt: skip
    plotter = viz.matrix(rows, viz.Look(style=TESTING), row_titles=["ReLU", "ELU"],
                         column_titles=["seed 0", "seed 1"])  # fmt: skip
    panels = [r for r in plotter.renderers if "surface" in r.actors]
    texts = [[a for a in r.actors.values() if hasattr(a, "GetTextProperty")] for r in panels]
    said = [{a.GetInput(): a.GetOrientation() for a in panel} for panel in texts]
    assert [("ReLU" in s, "ELU" in s) for s in said] == [(1, 0), (0, 0), (0, 1), (0, 0)]
    assert [("seed 0" in s, "seed 1" in s) for s in said] == [(1, 0), (0, 1), (0, 0), (0, 0)]
    assert said[0]["ReLU"] == 90.0
    ranges = {tuple(r.actors["surface"].mapper.scalar_range) for r in panels}
    assert len(ranges) == 1
    assert len({(*r.camera.position, r.camera.parallel_scale) for r in panels}) == 1
    plotter.close()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([2, 1], {}, "rows of one length"),
        ([], {}, "rows of one length"),
        ([2, 2], {"row_titles": ["a"]}, "row_titles must be 2, got 1"),
        ([2, 2], {"column_titles": ["a"] * 3}, "column_titles must be 2, got 3"),
    ],
)
def test_a_matrix_that_is_none_is_refused(
    rows: list[int], options: dict[str, Any], message: str, oblong: Surface
) -> None:
    with pytest.raises(ValueError, match=message):
        viz.matrix([[oblong] * count for count in rows], viz.Look(style=TESTING), **options)


def test_a_caption_is_written_beside_the_picture(oblong: Surface, tmp_path: Path) -> None:
    figure = viz.contour(oblong, caption=False)
    viz.save(figure, tmp_path / "x.pdf", caption=True)
    plain = (tmp_path / "x.md").read_text("utf-8")
    assert plain.startswith(viz.caption_of(figure))
    assert REFERENCES["li2018"].full in plain
    for_latex = (tmp_path / "x.tex").read_text("utf-8")
    assert r"5 x 9 points, \ensuremath{\alpha} \ensuremath{-}1 to 1" in for_latex
    comments = for_latex.split("\n")[1:-1]
    assert comments
    assert all(line.startswith("% ") for line in comments)
    assert "@inproceedings{li2018visualizing," in for_latex
    viz.save(figure, tmp_path / "y.png", caption="50% of my_run {a}")
    assert (tmp_path / "y.tex").read_text("utf-8") == "50\\% of my\\_run \\{a\\}%\n"
    assert (tmp_path / "y.md").read_text("utf-8") == "50% of my\\_run {a}\n"
    viz.save(figure, tmp_path / "z.png")
    assert sorted(p.name for p in tmp_path.glob("z.*")) == ["z.png"]


def test_a_picture_without_a_caption_is_told(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    with pytest.raises(ValueError, match="give its caption as a text"):
        viz.save(Figure(), tmp_path / "x.png", caption=True)
    assert list(tmp_path.iterdir()) == []


def test_every_special_character_of_latex_is_escaped() -> None:
    text = "\\{}%&#$_~^<>"
    assert latex(text) == (
        r"\textbackslash{}\{\}\%\&\#\$\_\textasciitilde{}\textasciicircum{}"
        r"\ensuremath{<}\ensuremath{>}"
    )
    assert latex("10⁻⁸") == r"10\textsuperscript{\ensuremath{-}}\textsuperscript{8}"
    assert all(ord(letter) < 128 for letter in as_latex(latex("α β × · ± −")))
    assert as_markdown("a*b") == "a\\*b\n"


@pytest.mark.parametrize("columns", [1, 3, 4])
@pytest.mark.parametrize("span", [(1.0, 1.0), (1.9, 1.44)])
def test_titles_of_flat_figures_stay_in_the_picture(
    columns: int, span: tuple[float, float]
) -> None:
    grid = Grid.rectangle((5, 5), (0.0, span[0]), (0.0, span[1]))
    surface = make_surface(np.ones(grid.shape) + grid.axes[0][:, None], grid)
    for style in ("paper", "dark"):
        figure = viz.contour([Panel(surface, title="Title")] * columns, viz.Look(style=style))
        figure.draw_without_rendering()
        for axes in figure.axes[:columns]:
            assert axes.title.get_window_extent().y1 < figure.bbox.y1


@pytest.mark.parametrize("style", ["paper", "slides", "dark"])
def test_the_lines_of_a_caption_fit_the_width_of_the_figure(style: str, oblong: Surface) -> None:
    figure = viz.contour(oblong, viz.Look(style=style))
    figure.draw_without_rendering()
    (words,) = figure.texts
    box = words.get_window_extent()
    assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1
    # And they use it.
    assert box.width > 0.5 * figure.bbox.width


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("style", ["paper", "dark"])
def test_the_lines_of_a_3d_caption_fit_the_width_of_the_picture(
    style: str, oblong: Surface
) -> None:
    plotter = viz.surface(oblong, viz.Look(style=style))
    plotter.render()
    actors = [a for r in plotter.renderers for a in r.actors.values() if hasattr(a, "GetInput")]
    (words,) = [a for a in actors if "Random plane" in a.GetInput()]
    size = [0.0, 0.0]
    words.GetSize(plotter.renderers[-1], size)
    wide, _ = plotter.window_size
    # Supersampling draws larger than the window.
    scale = plotter.render_window.GetActualSize()[0] / wide
    assert 0.75 < size[0] / scale / wide < 1.0
    plotter.close()


@pytest.mark.usefixtures("rendering")
def test_labels_of_the_axes_stand_at_their_values(oblong: Surface) -> None:
    from landscape.viz import HeightScale
    from landscape.viz.geometry.frame import Frame

    style = viz.Style(dpi=100, anti_aliasing=False)
    frame = Frame.around([oblong], HeightScale.of([oblong]), style)
    plotter = viz.surface(oblong, viz.Look(style=style))
    places: dict[str, list[Any]] = {}
    for actor in plotter.renderers[0].actors.values():
        if hasattr(actor, "GetTextProperty"):
            place = actor.GetPositionCoordinate()
            if place.GetCoordinateSystemAsString() == "World":
                places.setdefault(actor.GetInput(), []).append(place.GetValue())
    plotter.close()
    # Beta from -2 to 2 with ticks at every 1, alpha from -1 to 1: 0 and middle ones are exact.
    assert any(y == pytest.approx(float(frame.y(0.0))) for _, y, _ in places["0"])
    assert any(x == pytest.approx(float(frame.x(0.5))) for x, _, _ in places["0.5"])
    assert any(x == pytest.approx(float(frame.x(-0.5))) for x, _, _ in places["−0.5"])
    assert any(y == pytest.approx(float(frame.y(1.0))) for _, y, _ in places["1"])
    for loss in (10.0, 100.0):
        assert any(z == pytest.approx(float(frame.z(np.log10(loss)))) for _, _, z in
                   places[f"{loss:g}"])  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "told", "marked"),
    [
        (range(0, 301, 3), (30, "steps"), list(range(30, 300, 30))),
        (
            sorted({*range(0, 301, 3), *range(1, 300, 3), 299}),
            (30, "steps"),
            list(range(30, 300, 30)),
        ),
        (range(41), (5, "steps"), [5, 10, 15, 20, 25, 30, 35]),
        ([0, 10, 20, 30, 37], (10, "steps"), [10, 20, 30]),
        ([0, 1, 10, 11, 20, 21, 25], (10, "steps"), [10, 20]),
        ([0, 1, 2, 4, 8, 16, 32], (1, "records"), [1, 2, 4, 8, 16]),
        ([0, 7], (7, "steps"), []),
    ],
)
def test_beads_are_at_even_steps_where_such_are_on_record(
    steps: Any, told: tuple[int, str], marked: list[int]
) -> None:
    steps = np.array(list(steps))
    path = replace(make_path(np.zeros((len(steps), 2)), np.ones(len(steps))), steps=steps)
    records, every, unit = bead_records(path)
    assert ((every, unit), steps[records].tolist()) == (told, marked)
