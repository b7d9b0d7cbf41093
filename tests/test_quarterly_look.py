"""The company's accent can be read wherever it is text, and its logo neither runs nor loads anything."""

import base64

import pytest
import quarterly_made as made
from hypothesis import given
from hypothesis import strategies as some

from greengate.errors import UsageError
from greengate.report.quarterly import colours, logo

COLOURS = some.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


def svg(inside, attributes=""):
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


def url(data, kind="image/svg+xml"):
    return logo.data_url(made.company(**made.logo(data, kind)))


@given(COLOURS)
def test_every_accent_can_be_read_on_light_and_on_dark(colour):
    told = colours.accent(colour)
    assert told.stripe == colour
    assert min(colours.contrast(told.on_light, behind) for behind in colours.LIGHT) >= colours.LEAST
    assert min(colours.contrast(told.on_dark, behind) for behind in colours.DARK) >= colours.LEAST


def test_an_accent_that_can_be_read_stays_as_it_is():
    assert colours.accent("#1A7F4B").on_light == "#1a7f4b"


def test_contrast_is_that_of_wcag():
    pairs = [("#000000", "#ffffff"), ("#ffffff", "#ffffff"), ("#767676", "#ffffff")]
    assert [round(colours.contrast(*pair), 2) for pair in pairs] == [21.0, 1.0, 4.54]


@pytest.mark.parametrize("text", ["green", "#12345", "#1234567", "1a7f4b", "", "#12345g", "url(x)", "#123456;}"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(UsageError, match="is no colour\n  hint: write `#rrggbb`"):
        colours.accent(text)


@pytest.mark.parametrize(("data", "kind"), [(made.SVG, "image/svg+xml"), (made.png(), "image/png")], ids=["SVG", "PNG"])
def test_a_logo_stands_in_the_page_as_it_is(data, kind):
    assert url(data, kind) == f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_a_company_may_have_no_logo():
    assert logo.data_url(made.company(logo="", logo_type="")) == ""


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (svg("<script>alert(1)</script>"), "it has a `script`"),
        (svg("<foreignObject/>"), "it has a `foreignObject`"),
        (svg("<g onclick='x()'/>"), "`g` has `onclick`, which runs a script"),
        (svg("<image href='http://evil.example/x.png'/>"), "`image` loads `http://evil.example/x.png`"),
        (svg("<use xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='a.svg#b'/>"), "`use` loads `a.svg#b`"),
        (svg("<a href='javascript:alert(1)'/>"), "`a` loads `javascript:alert(1)`"),
        (svg("<image href='data:image/svg+xml;base64,AAAA'/>"), "`image` loads `data:image/svg+xml;base64,AAAA`"),
        (svg("<style>@import 'x.css';</style>"), "a style of it loads `another style`"),
        (svg("<style>g { fill: url(http://evil.example) }</style>"), "a style of it loads `http://evil.example`"),
        (svg("<g style='fill: url(//evil.example)'/>"), "a style of it loads `//evil.example`"),
        (b"<!DOCTYPE svg [<!ENTITY x 'y'>]>" + svg("&x;"), "it has a document type, which can load files"),
        (b"<html/>", "it is no SVG: its root is `html`"),
        (b"<svg", "it is no SVG: unclosed token: line 1, column 0"),
        (made.png(), "it is no SVG: not well-formed (invalid token): line 1, column 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_svg_that_runs_or_loads_anything_is_refused(data, problem):
    with pytest.raises(UsageError) as refused:
        url(data)
    assert refused.value.problem == problem


def test_an_svg_may_refer_to_itself():
    inside = "<defs><g id='a'/></defs><use href='#a'/><g style='fill: url(#b)'/>"
    assert url(svg(inside)).startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"logo": "no base64!", "logo_type": "image/png"}, "it is not written in base64"),
        (made.logo(made.SVG, "image/png"), "it is no PNG"),
        (made.logo(made.SVG, "image/gif"), "`image/gif` is none of its types"),
        (made.logo(made.png() + b"x" * 1_000_000, "image/png"), "it has 1,000,073 bytes, and may have 1,000,000"),
    ],
    ids=["no base64", "no PNG", "another type", "too large"],
)
def test_what_is_no_logo_is_refused(given, problem):
    with pytest.raises(UsageError) as refused:
        logo.data_url(made.company(**given))
    assert refused.value.problem == problem
