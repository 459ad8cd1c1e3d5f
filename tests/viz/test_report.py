"""The report as a page: nothing from outside, names stay text, tables come out whole."""

import base64
import csv
import hashlib
import io
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from figures import clashes
from matplotlib.figure import Figure

from landscape import viz
from landscape.viz.report.effect_lines import MOST_EFFECTS
from landscape.viz.report.report_page import policy

EVIL = "<script>alert('x')</script>\"' onerror=\"alert(1)\" {{ 7 * 7 }} $\\frac{$"


def effect(name="relu against smelu_1", **more):
    return {"name": name, "estimate": 0.2, "low": 0.1, "high": 0.3, "n": 5, "scale": "log",
            "censored": 0, "claimed": 1, "margin": 0.0953, "floor": 0.02, "verdict": "supported",
            **more}  # fmt: skip


def report(**more):
    claims = [viz.report.ClaimPart(number=i, title=f"claim {i}", quotation="It is so.")
              for i in range(1, 11)]  # fmt: skip
    return viz.report.Report(
        **{"title": "T", "subtitle": "S", "answer": ("One.", "Two.", "Three."), "claims": claims}
        | more
    )


class Page(HTMLParser):
    """The elements of a page and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def everything_evil():
    table = viz.report.Table(
        name=EVIL, title=EVIL, header=(EVIL, "n"), rows=((EVIL, 1),), note=EVIL
    )
    figure = Figure(figsize=(2, 2))
    picture = viz.report.picture_of(figure, alt=EVIL, caption=EVIL)
    claim = viz.report.ClaimPart(
        number=1,
        title=EVIL,
        quotation=EVIL,
        readings=(EVIL,),
        control=EVIL,
        command=EVIL,
        outcome=EVIL,
        spoken=EVIL,
        sentence=EVIL,
        limits=EVIL,
        pictures=(picture,),
        tables=(table,),
    )
    section = viz.report.Section(name="s", title=EVIL, text=(EVIL,), pictures=(picture,),
                          tables=(table,))  # fmt: skip
    return report(title=EVIL, subtitle=EVIL, answer=(EVIL,), claims=[claim], sections=[section],
                  provenance={EVIL: EVIL}, configuration=EVIL)  # fmt: skip


def test_names_stay_text():
    page = Page(viz.report.to_report(everything_evil()))
    assert not page.all("script")
    assert not [a for _, a in page.elements if any(key.startswith("on") for key in a)]
    words = "".join(page.words)
    assert words.count(EVIL) > 15
    assert {a["alt"] for a in page.all("img")} == {EVIL}


def test_nothing_comes_from_outside():
    text = viz.report.to_report(everything_evil())
    page = Page(text)
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert re.match(r"data:|#", attributes.get(name, "#")), attributes
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert style
    assert "url(" not in style
    assert "@import" not in style
    (rules,) = [a["content"] for a in page.all("meta")
                if a.get("http-equiv") == "Content-Security-Policy"]  # fmt: skip
    assert rules.startswith("default-src 'none';")
    assert "script-src" not in rules
    assert "http" not in rules


def test_ten_claims_that_nobody_measured():
    page = Page(viz.report.to_report(report()))
    anchors = [a["id"] for a in page.all("article")]
    assert anchors == [f"claim-{i}" for i in range(1, 11)]
    linked = {a["href"] for a in page.all("a")}
    assert {f"#{anchor}" for anchor in anchors} <= linked
    assert page.words.count("not measured") == 10
    assert page.words.count("Not measured: ") == 1


def test_every_link_inside_leads_somewhere():
    section = viz.report.Section(name="more", title="More")
    page = Page(viz.report.to_report(report(sections=[section])))
    there = {a["id"] for _, a in page.elements if "id" in a}
    asked = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert asked <= there


def test_a_scene_runs_its_own_script_and_no_other():
    script = "document.title = 'turned'\r\nlet a = 1 < 2 && 3"
    page = f"<!DOCTYPE html><body><script type='module'>{script}</script></body>"
    section = viz.report.Section(
        name="s", title="S", scenes=(viz.report.Scene(title="scene", page=page),)
    )
    made = report(sections=[section])
    digest = hashlib.sha256(script.replace("\r\n", "\n").encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy(made)
    (frame,) = Page(viz.report.to_report(made)).all("iframe")
    assert frame["srcdoc"] == page.replace("\r\n", "\n") or frame["srcdoc"] == page
    assert frame["sandbox"] == "allow-scripts"


def test_tables_come_out_whole():
    rows = (("relu", 1 / 3, 10, None), ("=HYPERLINK(1)", math.inf, -2, True))
    table = viz.report.Table(name="t", title="T", header=("name", "x", "n", "@odd"), rows=rows)
    page = Page(
        viz.report.to_report(
            report(sections=[viz.report.Section(name="s", title="S", tables=(table,))])
        )
    )
    (link,) = [a for a in page.all("a") if "download" in a]
    assert link["download"] == "t.csv"
    text = base64.b64decode(link["href"].partition("base64,")[2]).decode()
    header, first, second = csv.reader(io.StringIO(text))
    assert header == ["name", "x", "n", "'@odd"]
    assert float(first[1]) == 1 / 3
    assert first[3] == ""
    assert second[0] == "'=HYPERLINK(1)"  # no table program runs it
    assert float(second[2]) == -2
    assert table.shown[0][1:] == ["0.3333", "10", "–"]
    assert table.numeric == [False, True, True, False]


def test_a_row_of_another_length():
    with pytest.raises(ValueError, match="a row of t must have 2 values, got 1"):
        viz.report.Table(name="t", title="T", header=("a", "b"), rows=((1,),))


def test_pictures_keep_their_size_and_kind():
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1])
    picture = viz.report.picture_of(figure, alt="a line")
    assert (picture.kind, picture.pixels) == ("svg", 288)
    assert b"<text" not in picture.data  # letters are outlines
    assert viz.report.picture_of(figure, alt="a line").data == picture.data
    busy = Figure(figsize=(3, 2))
    rng = np.random.default_rng(0)
    busy.subplots().scatter(*rng.normal(size=(2, 20_000)))
    assert viz.report.picture_of(busy, alt="dots").kind == "png"


def test_too_large_a_report_is_refused(tmp_path):
    picture = viz.report.Picture(data=b"0" * 12_000_000, kind="png", alt="large")
    large = report(sections=[viz.report.Section(name="s", title="Surfaces", pictures=(picture,))])
    with pytest.raises(
        ValueError, match=r"at most 15 MB, got 16\.\d MB; the largest part is 'Surf"
    ):
        viz.report.write_report(large, tmp_path / "r.html")
    with pytest.raises(ValueError, match=r"written as \.html"):
        viz.report.write_report(report(), tmp_path / "r.pdf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "effects",
    [
        [effect()],
        [effect(EVIL), effect("linear", scale="linear", margin=2.0, estimate=1e3, low=None)],
        [effect(str(i), estimate=None, low=None, high=None) for i in range(MOST_EFFECTS + 9)],
        [effect(margin=1e-4, estimate=1e-5, low=-1e-5, high=2e-5, floor=0.0)],
        [effect("huge", estimate=14.0, low=-2.0, high=30.0), effect("shown", verdict=None)],
    ],
)
def test_effects_can_be_drawn_and_read(effects):
    figure = viz.report.effect_lines(effects)
    assert not clashes(figure)


def test_an_effect_against_the_claim_points_left():
    """The claim says that a - b is below 0; it is found above."""
    figure = viz.report.effect_lines([effect(claimed=-1, estimate=0.2, low=0.1, high=None)])
    (axes,) = figure.axes
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert points[0].get_xdata()[0] == pytest.approx(-0.2)
    arrows = [line for line in axes.lines if line.get_marker() in ("<", ">")]
    assert [a.get_marker() for a in arrows] == ["<"]  # no lower end after the turn
    assert arrows[0].get_xdata()[0] == axes.get_xlim()[0]


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_an_effect_that_is_turned_keeps_its_numbers(scale):
    """A rate that was 1.2 times as large stood at 1.2 times as small."""
    figure = viz.report.effect_lines(
        [effect(claimed=-1, estimate=0.2, low=0.1, high=0.3, scale=scale)]
    )
    (axes,) = figure.axes
    figure.canvas.draw()
    labels = [tick.get_text().replace("−", "-") for tick in axes.get_xticklabels()]
    for label, place in zip(labels, axes.get_xticks(), strict=True):
        number = float(label.lstrip("×÷"))
        size = math.log(number) if scale == "log" else number
        assert (-size if label[0] == "÷" else size) == pytest.approx(-place, abs=1e-9)
    assert len(set(labels)) >= 3


def test_an_effect_of_which_nothing_is_claimed_speaks_for_no_side():
    (axes,) = viz.report.effect_lines([effect(claimed=0, estimate=0.2, low=0.1, high=0.3)]).axes
    assert axes.get_xlabel() == "factor"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"] == [0.2]


def test_factors_are_where_they_belong():
    figure = viz.report.effect_lines([effect(estimate=1.0, low=0.5, high=1.5)])
    (axes,) = figure.axes
    told = dict(zip([t.get_text() for t in axes.get_xticklabels()], axes.get_xticks(), strict=True))
    assert told["1"] == 0
    for label, place in told.items():
        if label[0] == "×":
            assert place == pytest.approx(math.log(float(label[1:])))
        if label[0] == "÷":
            assert place == pytest.approx(-math.log(float(label[1:])))
    assert len(told) >= 3


def test_no_effects():
    with pytest.raises(ValueError, match="got none"):
        viz.report.effect_lines([])


def texts(figure):
    (axes,) = figure.axes
    return [t.get_text() for t in axes.texts]


def test_effects_of_one_quantity_make_a_figure_and_none_is_lost():
    some = [effect(f"q{i // 5}: pair {i}", verdict="supported" if i < 12 else None)
            for i in range(MOST_EFFECTS)]  # fmt: skip
    groups = viz.report.effect_groups(some)
    assert [one["name"] for group in groups for one in group] == [one["name"] for one in some]
    # Neither two quantities nor what decides and what does not share a figure.
    for group in groups:
        assert len({(one["name"].partition(":")[0], one["verdict"]) for one in group}) == 1
    many = viz.report.effect_groups([effect(f"q: pair {i}") for i in range(MOST_EFFECTS)])
    assert [len(group) for group in many] == [12, 12, 12]
    # Less than half of a printed page, whatever stands above it.
    assert max(viz.report.effect_lines(group).get_figheight() for group in (*groups, *many)) < 5.2


def test_what_effects_share_stands_above_them_and_what_differs_in_their_rows():
    here = [effect(f"steps at the best rate, batch 32: {pair}, digits.mlp-32x32.identical")
            for pair in ("relu against smelu_1", "pwl_tanh_0.5 against tanh")]  # fmt: skip
    assert texts(viz.report.effect_lines(here)) == [
        "relu against smelu_1", "pwl_tanh_0.5 against tanh",
        "steps at the best rate, batch 32", "digits.mlp-32x32.identical",
    ]  # fmt: skip
    there = effect("steps at the best rate, batch 32: relu against smelu_1, wine.mlp-32x32.gain")
    assert texts(viz.report.effect_lines([here[0], there])) == [
        "relu against smelu_1, digits.mlp-32x32.identical",
        "relu against smelu_1, wine.mlp-32x32.gain",
        "steps at the best rate, batch 32",
    ]


def test_names_without_a_pair_and_the_longest_names_are_not_cut():
    names = ("share of exact zeros - 0.01, float64, digits.mlp-32x32.identical",
             "share of exact zeros - 0.01, bfloat16, breast_cancer.mlp-32x32.gain")  # fmt: skip
    assert texts(viz.report.effect_lines([effect(name) for name in names])) == [
        "float64, digits.mlp-32x32.identical", "bfloat16, breast_cancer.mlp-32x32.gain",
        "share of exact zeros - 0.01",
    ]  # fmt: skip
    pair = "pwl_gelu_0.125 against gelu"
    long = [f"change of the gradient at 0.75 of 2 / sharpness: {pair}, {place}"
            for place in ("breast_cancer.mlp-32x32.identical", "digits.cnn-6-16.gain")]  # fmt: skip
    figure = viz.report.effect_lines([effect(name) for name in long])
    assert not any("…" in text for text in texts(figure))
    assert not clashes(figure)
    endless = texts(viz.report.effect_lines([effect("q: " + "long " * 40 + "end")]))[0]
    assert "…" in endless
    assert endless.endswith("end")


def test_a_name_may_hold_what_would_begin_a_formula():
    figure = viz.report.effect_lines([effect("cost in $: a $\\frac{$ b, place")])
    assert texts(figure) == ["a $\\frac{$ b", "cost in $", "place"]
    assert viz.report.picture_of(figure, alt="").data
