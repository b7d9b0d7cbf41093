"""The HTML page: whole, offline, readable by everybody, and nothing in it is obeyed."""

import importlib.util
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import quarterly_made as made

from greengate.errors import MissingExtra, Place, ReportError, UsageError
from greengate.report.quarterly import colours, fonts, html_file, laying_out, offline

VOID = {"br", "img", "link", "meta", "hr", "input", "wbr"}


class Page(HTMLParser):
    """A page as its elements with their texts."""

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.found.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.found.append({"tag": tag, "text": "", **dict(attrs)})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag, tag
        self.handle_data(" " * (tag == "p"))

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, *tags):
        return [element for element in self.found if element["tag"] in tags]

    @property
    def words(self):
        return " ".join(self.all("body")[0]["text"].split())


def page(report, folder=None):
    return Page(html_file.render(report, folder).decode())


@pytest.fixture(scope="module")
def rich():
    return page(made.quarterly())


@pytest.fixture(scope="module")
def hostile():
    return page(made.hostile())


def test_every_figure_is_told_or_why_it_is_missing(rich):
    for one in (one for part in made.SECTIONS for one in part.data):
        told = next(element["text"] for element in rich.all("tr") if element.get("id") == f"figure-{one.id}")
        assert one.label in told
        assert one.basis in told
        assert one.value is not None or f"not known: {one.missing}" in told


def test_a_figure_shows_its_interval_its_references_and_the_entries_behind_it(rich):
    told = next(" ".join(row["text"].split()) for row in rich.all("tr") if row.get("id") == "figure-activity.it_energy")
    assert told == (
        "IT energy metered and modelled ESRS E1 (2023) E1-6 §49(a) 139,000 kWh 128,000 to 150,000 kWh (95% confidence) "
        "412 ledger entries behind it Exactly 138944.2718281828 kWh Digest of their ids "
        f"c0ffee{'1' * 58} {made.entry(17)} {made.entry(18)} {made.entry(23)} and more, 412 in all"
    )


def test_one_entry_behind_a_figure_is_one():
    document = made.quarterly()
    section = next(one for one in document.sections if any(datum.entries for datum in one.data))
    alone = next(datum for datum in section.data if datum.entries).model_copy(update={"of": 1})
    told = page(document.model_copy(update={"sections": (section.model_copy(update={"data": (alone,)}),)})).words
    assert "1 ledger entry behind it" in told


def test_the_exact_figure_is_at_hand(rich):
    told = [element.get("title") for element in rich.all("p") if "139,000 kWh" in element["text"]]
    assert told[0] == "exactly 138944.2718281828 kWh"


def test_a_section_that_is_left_out_says_why(rich):
    assert "F Instruments This section is left out: no contractual instruments are held" in rich.words


def test_all_sections_are_in_the_contents_and_every_link_leads_somewhere(rich):
    ids = {element["id"] for element in rich.found if "id" in element}
    links = [element["href"] for element in rich.all("a")]
    assert [link for link in links if link[1:] not in ids] == []
    assert len(links) == len(made.SECTIONS) + 1


def test_no_two_elements_have_one_id(rich):
    ids = [element["id"] for element in rich.found if "id" in element]
    assert len(ids) == len(set(ids))


def test_headings_are_in_order(rich):
    levels = [int(element["tag"][1]) for element in rich.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [after for before, after in pairwise(levels) if after > before + 1] == []


def test_every_head_of_a_table_says_what_it_is_the_head_of(rich):
    assert {element.get("scope") for element in rich.all("th")} == {"col", "row"}


def test_every_picture_has_words_in_its_place(rich):
    pictures = [element.get("aria-label") or element.get("alt") for element in rich.all("img", "svg")]
    assert pictures == ["Logo", *(chart.words for part in made.SECTIONS for chart in part.charts)]


def test_the_page_has_a_language_a_title_and_a_width_for_phones(rich):
    assert rich.all("html")[0]["lang"] == "en"
    assert rich.all("title")[0]["text"] == "Meridian Freight AG: Energy and emissions of machine learning, 2026-Q3"
    assert rich.all("meta")[1]["content"] == "width=device-width, initial-scale=1"


def test_what_the_report_rests_on_is_told_whole(rich):
    told = [element["text"] for element in rich.all("pre")]
    assert told == [made.ROOT, made.entry(1), made.entry(1482), made.CHECKPOINT.strip(), made.EVIDENCE.command]


def test_a_page_neither_loads_nor_runs_anything(rich):
    text = html_file.render(made.quarterly()).decode()
    assert re.findall(r"https?://[^\"'\s<]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert rich.all("script", "link", "iframe", "object") == []
    policy = next(one["content"] for one in rich.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"


def test_the_same_report_is_the_same_bytes():
    assert html_file.render(made.quarterly()) == html_file.render(made.quarterly())


def test_a_report_with_nothing_in_it_says_so():
    told = page(made.bare()).words
    assert "not known: no entry of a merged model lies in the period" in told
    assert "No chart is drawn: no entry lies in the period" in told
    assert "There are no rows." in told


def test_a_headline_says_what_is_not_in_it():
    figure = made.datum("one", "One", "1", "kWh", note="incomplete: not in the sum: two")
    told = page(made.quarterly(sections=(made.Section(id="C", title="x", data=(figure,)),), headline=("one",)))
    (card,) = [element for element in told.all("li") if element.get("class") == "card"]
    assert "incomplete: not in the sum: two" in card["text"]


def test_a_headline_of_a_section_that_is_left_out_says_so():
    told = page(made.quarterly(sections=made.SECTIONS[:1], headline=("emissions.total",))).words
    assert "emissions.total not known: the section that has it is left out" in told


def test_text_of_others_is_shown_and_never_obeyed(hostile):
    assert hostile.all("script", "iframe") == []
    assert [element["alt"] for element in hostile.all("img")] == []
    assert [name for element in hostile.found for name in element if name.startswith("on")] == []
    assert (
        "<script>alert(1)</script> <img src=x onerror=alert(1)> {{ 7*7 }} \\u202egnp.exe\\u202c\\x00\\x1b[31m"
        in hostile.words
    )
    assert "49" not in hostile.words


def test_a_text_without_end_is_cut_and_says_so():
    told = page(made.quarterly(company=made.company(name="x" * 10_000), sections=())).words
    assert f"{'x' * 4000}… (6,000 more characters)" in told
    assert f"{'x' * 80}… (9,920 more characters)" in told


def test_a_long_table_is_cut_and_says_where_all_of_it_is():
    whole = made.Section(id="C", title="Activity", tables=(made.long_table(),))
    told = page(made.quarterly(sections=(whole,), headline=()))
    assert len(told.all("tr")) == 1 + laying_out.ON_SCREEN + 1 + 7
    assert "1,000 of 2,000 rows are left out here; the XLSX and CSV formats have all of them." in told.words


def test_a_wide_table_tells_once_what_every_row_says(short):
    columns = [made.column(f"c{n}", f"column {n}") for n in range(8)]
    rows = tuple((str(n), "acme", "", None, made.entry(n), "2026-07-01T00:00:00Z", "a", "b") for n in range(2))
    table = made.Table(id="t", title="Wide", columns=columns, rows=rows, total=(None,) * 7 + ("both",))
    told = page(made.quarterly(sections=(made.Section(id="C", title="x", tables=(table,)),), headline=()))
    assert told.all("caption")[0]["text"] == (
        "WideIn every row: column 1: acme; column 2: nothing; column 3: not known; "
        "column 5: Jul 1, 2026, 12:00:00 AM UTC; column 6: a"
    )
    assert [one["text"] for one in told.all("th", "td") if one.get("scope") == "col"] == [
        "column 0",
        "column 4",
        "column 7",
    ]


def test_a_digest_in_a_table_is_short_and_whole_in_its_title(rich):
    told = next(one for one in rich.all("td") if one.get("title") == made.entry(611))
    assert (told["text"], told["class"]) == (made.entry(611)[:12], "mono")


def test_numbers_are_written_in_the_locale():
    told = page(made.quarterly(company=made.company(locale="de"))).words
    assert "1. Juli 2026 to 30. September 2026 (UTC)" in told
    assert "139.000 kWh 128.000 to 150.000 kWh (95 % confidence)" in told
    assert "31.420,14 €" in told


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"locale": "de_XX"}, "`de_XX` is no locale"),
        ({"accent": "green"}, "`green` is no colour"),
        ({"logo": "AAAA", "logo_type": "image/png"}, "it is no PNG"),
    ],
    ids=["locale", "accent", "logo"],
)
def test_a_company_that_cannot_be_shown_is_told(given, problem):
    with pytest.raises(UsageError) as refused:
        html_file.render(made.quarterly(company=made.company(**given)))
    assert refused.value.problem == problem


def test_text_can_be_read_on_light_and_on_dark(rich):
    style = rich.all("style")[0]["text"]
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in themes(style))
    for theme in (light, {**light, **dark}):
        pairs = [
            (theme[ink], theme[behind]) for ink in ("ink", "soft", "accent", "warn") for behind in ("paper", "panel")
        ]
        pairs.append((theme["warn"], theme["warn-panel"]))
        assert min(colours.contrast(*pair) for pair in pairs) >= 4.5


def themes(style):
    first = style.index(":root")
    second = style.index(":root", first + 1)
    return style[first : style.index("}", first)], style[second : style.index("}", second)]


# Templates of a company's own


def own(folder, text, name="quarterly.html.j2"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def short():
    return made.quarterly(sections=made.SECTIONS[:1], headline=())


def test_a_template_of_ones_own_takes_the_place_of_blocks(short, tmp_path):
    end = "{% block end %}<footer>By {{ page.company }}</footer>{% endblock %}"
    told = page(short, own(tmp_path, '{% extends "shipped/quarterly.html.j2" %}' + end))
    assert told.all("footer")[0]["text"] == "By Meridian Freight AG"


def test_styles_of_ones_own_are_used_by_the_shipped_template(short, tmp_path):
    told = page(short, own(tmp_path, "h1 { color: {{ page.look.accent.on_light }} }", "quarterly.css"))
    assert "h1 { color: #1a7f4b }" in told.all("style")[0]["text"]


def test_a_whole_template_of_ones_own_is_escaped_too(tmp_path):
    text = "<html><body>{{ page.company }}</body></html>"
    assert html_file.render(made.hostile(), own(tmp_path, text)).startswith(b"<html><body>=HYPERLINK(&#34;http")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a\n{% if %}", 2, "Expected an expression, got 'end of statement block'"),
        ("a\n\n{{ page.compny }}", 3, "'Page object' has no attribute 'compny'"),
        ("{{ pages }}", 1, "'pages' is undefined"),
        ("a\n{{ page.company | safe }}", 2, "No filter named 'safe'."),
        ("a\n{{ page.__class__.__mro__ }}", 2, "access to attribute '__class__' of 'Page' object is unsafe."),
        ("{{ 1 / 0 }}", 1, "ZeroDivisionError: division by zero"),
        ('{% include "none.html" %}', 1, "there is no template `none.html`"),
        ('{% include "../../etc/passwd" %}', 1, "there is no template `../../etc/passwd`"),
        ('{% include "quarterly.html.j2" %}', 1, "RecursionError: maximum recursion depth exceeded"),
    ],
    ids=["syntax", "attribute", "name", "filter", "sandbox", "sum", "include", "outside", "itself"],
)
def test_a_mistake_in_a_template_is_told_at_its_line(short, tmp_path, text, line, problem):
    with pytest.raises(ReportError) as refused:
        html_file.render(short, own(tmp_path, text))
    assert refused.value.where == Place(str(tmp_path / "quarterly.html.j2"), line, 1)
    assert refused.value.problem.startswith(problem)


def test_a_template_that_is_no_text_is_told(short, tmp_path):
    (tmp_path / "quarterly.css").write_bytes(b"\xff\xfe")
    with pytest.raises(ReportError, match=r"quarterly\.css: the template cannot be read: 'utf-8' codec"):
        html_file.render(short, tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<script>alert(1)</script>", "have a `script`"),
        ("<img src='https://cdn.example/logo.png'>", "load `https://cdn.example/logo.png`"),
        ("<img src='logo.png'>", "load `logo.png`"),
        ("<link rel=stylesheet href='/x.css'>", "load `/x.css`"),
        ("<p onclick='x()'>", "run `x()`"),
        ("<a href='javascript:x()'>", "link to `javascript:x()`"),
        ("<style>@import 'x.css'; p {}</style>", "load `x.css`"),
        ("<style>p { background: url(https://x.example) }</style>", "load `https://x.example`"),
        ("<p style='background: url(x.png)'>", "load `x.png`"),
        ("<meta http-equiv=refresh content='0; https://x.example'>", "send its reader to another page"),
        ("<svg><image xlink:href='x.svg'/></svg>", "load `x.svg`"),
        ("<iframe srcdoc=x></iframe>", "have a `iframe`"),
    ],
)
def test_a_template_that_loads_or_runs_anything_is_refused(text, problem):
    with pytest.raises(ReportError) as refused:
        offline.refuse_loading(text, "own.html")
    assert refused.value.problem == f"the page would {problem}, and a report opens offline and runs nothing"


@pytest.mark.parametrize(
    "text",
    [
        "<a href='https://x.example'>",
        "<a href='#b'>",
        "<img src='data:image/png;base64,AA'>",
        "<p>url(x.png) @import 'y';</p>",
    ],
)
def test_a_template_may_link_and_carry_pictures(text):
    assert offline.refuse_loading(text, "own.html") is None


# What may not be there


def test_what_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as refused:
        html_file.refuse_unable("quarter.html")
    assert str(refused.value) == (
        "--report html: altair and babel and brotli and fontTools and vl_convert must be installed to write it\n"
        "  hint: pip install 'greengate-ci[reports]'"
    )


def test_a_font_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(fonts, "FACES", {"Gone.woff2": ("Gone", 400)})
    with pytest.raises(MissingExtra, match=r"reports/fonts/Gone\.woff2: this installation lacks a font of the report"):
        html_file.render(made.bare())


def test_fonts_are_there_with_their_licences():
    folder = fonts.shipped.reports() / "fonts"
    assert {one.name for one in folder.iterdir()} == {
        *fonts.FACES, "LICENSE-Inter.txt", "LICENSE-JetBrainsMono.txt", "README.md",
    }  # fmt: skip
