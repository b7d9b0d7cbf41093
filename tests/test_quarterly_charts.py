"""Charts have their data in them, are drawn of whatever there is, and can be told apart by everybody."""

import json
import re

import pytest
import quarterly_made as made

from greengate.esg.document import Chart, Point, Series
from greengate.report.quarterly import chart_style, charts, colours, drawn
from greengate.report.quarterly.wording import Wording, locale_of

ENGLISH = Wording(locale_of("en"))
ALL = {one.kind: one for one in (made.trend(), made.burn_down(), made.pareto(), made.ranking(), made.outcomes())}


def chart(kind, *series, **more):
    told = {"id": "c", "title": "Title", "kind": kind, "x": "month", "y": "kWh", "words": "In words.", **more}
    return Chart(**told, series=series)


def series(*points, name="energy", stands=""):
    return Series(name=name, stands=stands, points=tuple(Point(x=x, y=y) for x, y in points))


def values(one):
    return [value for layer in _layers(charts.specification(one, ENGLISH)) for value in layer]


def _layers(specification):
    return specification["datasets"].values() if "datasets" in specification else _inline(specification)


def _inline(part):
    found = [part["data"]["values"]] if "data" in part else []
    return [*found, *(value for layer in part.get("layer", ()) for value in _inline(layer))]


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("kind", ALL)
def test_a_chart_has_its_data_in_it_and_fetches_nothing(kind):
    told = json.dumps(charts.specification(ALL[kind], ENGLISH))
    assert '"url"' not in told
    assert {point.y for one in ALL[kind].series for point in one.points} <= {
        _exact(row["y"]) for row in values(ALL[kind])
    }


def _exact(amount):
    return next(
        y
        for one in ALL.values()
        for part in one.series
        for y in (point.y for point in part.points)
        if float(y) == amount
    )


@pytest.mark.parametrize("kind", ALL)
def test_a_drawing_is_named_by_the_words_of_its_chart(kind):
    told = drawn.svg(ALL[kind], ENGLISH, "chart-1")
    assert told.startswith('<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="')
    assert f'aria-label="{ALL[kind].words}"' in told


@pytest.mark.parametrize("kind", ALL)
def test_the_same_chart_is_the_same_drawing(kind):
    assert drawn.svg(ALL[kind], ENGLISH, "a") == drawn.svg(ALL[kind], ENGLISH, "a")


def test_drawings_share_no_ids():
    one, other = (drawn.svg(made.trend(), ENGLISH, name) for name in ("chart-1", "chart-2"))
    ids = [set(re.findall(r'\bid="([^"]*)"', told)) for told in (one, other)]
    assert ids[0] & ids[1] == set()
    assert set(re.findall(r"url\(#([^)]*)\)", one)) <= ids[0]


def test_the_bundled_font_is_used():
    assert set(re.findall(r'font-family="([^"]*)"', drawn.svg(made.trend(), ENGLISH, "a"))) == {"Inter"}


def test_axes_are_written_in_the_locale():
    german = drawn.svg(made.trend(), Wording(locale_of("de")), "a")
    assert {"70.000", "Mai 2026", "Sept. 2026"} <= set(texts(german))
    assert {"70,000", "May 2026", "Sep 2026"} <= set(texts(drawn.svg(made.trend(), ENGLISH, "a")))


@pytest.mark.parametrize("kind", ALL)
def test_a_series_of_one_point_is_drawn(kind):
    one = chart(kind, series(("2026-07-01" if kind == "burn-down" else "1.5", "4.5")))
    assert charts.drawable(one)
    assert re.search(r"<path[^>]*d=\"M[^\"]+\"[^>]*fill=\"#", drawn.svg(one, ENGLISH, "a"))


@pytest.mark.parametrize(
    "one",
    [chart("trend"), chart("trend", series()), chart("trend", series(("a", "many"))),
     chart("trend", series(("a", "1")), missing="why")],
    ids=["no series", "no points", "no numbers", "said to be missing"],
)  # fmt: skip
def test_what_has_nothing_to_draw_is_no_chart(one):
    assert not charts.drawable(one)


@pytest.mark.parametrize("kind", ["pareto", "burn-down"])
def test_what_stands_on_no_axis_of_its_kind_is_drawn_as_steps(kind):
    told = drawn.svg(chart(kind, series(("spring", "1"), ("autumn", "2"))), ENGLISH, "a")
    assert {"spring", "autumn"} <= set(texts(told))


def test_points_that_are_no_numbers_are_left_out():
    assert [row["y"] for row in values(chart("outcomes", series(("a", "1"), ("b", "about 2"))))] == [1.0]


def test_a_ranking_draws_the_first_ones():
    told = chart("ranking", series(*((f"model-{n}", str(40 - n)) for n in range(40))))
    assert {row["given"] for row in values(told)} == {f"model-{n}" for n in range(charts.MOST_BARS)}


def test_what_lies_powers_of_ten_apart_stands_on_such_an_axis():
    near, far = (chart("pareto", series(("1", "2"), (x, "4"))) for x in ("3", "3000"))
    scales = [_scale(charts.specification(one, ENGLISH)) for one in (near, far)]
    assert scales[0] == {"zero": False, "domain": [0.84, 3.16], "nice": True}
    assert scales[1] == {"type": "log", "nice": False, "padding": 24}


def _scale(specification):
    return specification["layer"][0]["encoding"]["x"]["scale"]


def test_names_that_would_lie_on_one_another_are_left_out():
    rows = [{"x": x, "y": y} for x, y in ((0, 0), (1, 0.5), (5, 0.1), (10, 10))]
    assert charts.roomy(rows) == [rows[0], rows[2], rows[3]]


def test_outcomes_side_by_side_have_their_own_colours():
    told = charts.specification(chart("outcomes", series(("passed", "3"), ("failed", "1"))), ENGLISH)
    assert told["encoding"]["color"]["scale"]["range"] == ["#009e73", "#d55e00"]


def test_long_names_are_cut_and_stay_different():
    names = [f"{'x' * 300}{n}" for n in range(3)]
    rows = values(chart("ranking", series(*((name, "1") for name in names))))
    assert len({row["x"] for row in rows}) == 3
    assert max(len(row["x"]) for row in rows) < 60


def test_months_that_are_written_alike_stay_different():
    rows = values(chart("trend", series(("2026-07", "1"), ("Jul 2026", "2"))))
    assert {row["x"] for row in rows} == {"2026-07", "Jul 2026"}


def test_text_of_others_is_shown_and_never_obeyed():
    told = drawn.svg(chart("outcomes", series((made.HOSTILE, "1")), y=made.HOSTILE, words=made.HOSTILE), ENGLISH, "a")
    assert "<script" not in told
    assert "<img" not in told
    assert "\\u202egnp.exe" in told


def test_colours_stand_out_on_light_and_on_dark():
    used = chart_style.colours([*made.outcomes().series, *(series(name=str(n)) for n in range(8))])
    assert (
        min(colours.contrast(colour, behind) for colour in used for behind in (colours.LIGHT[0], colours.DARK[0])) >= 3
    )


def test_series_are_told_apart_by_more_than_colour():
    many = [series(name=str(n)) for n in range(6)]
    assert len({tuple(dash) for dash in chart_style.dashes(many)}) == 6
    assert len(set(chart_style.shapes(many))) == 6
    assert len(set(chart_style.colours(many))) == 6


def test_what_is_provisional_has_the_colour_of_its_series_and_a_dash():
    one, other = made.trend().series
    assert len(set(chart_style.colours([one, other]))) == 1
    assert chart_style.dashes([one, other]) == [[1, 0], [3, 3]]


def test_an_outcome_has_its_colour_in_every_chart():
    assert chart_style.colours([series(name="failed")]) == chart_style.colours(made.outcomes().series)[-1:]


def test_a_picture_for_paper_is_a_png():
    assert drawn.png(made.ranking(), ENGLISH).startswith(b"\x89PNG\r\n\x1a\n")
