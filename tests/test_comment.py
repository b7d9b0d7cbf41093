"""The Markdown ledger as a comment: rendered as GitHub renders it, on any width and at any length."""

import fnmatch
import re
from dataclasses import replace
from html.parser import HTMLParser

import accounts
import cmarkgfm
import pytest
import yaml
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from greengate.changes import Change
from greengate.report import escaping, markdown
from greengate.verdict import Outcome

PIECES = (
    "<b>", "</details>", "<details open>", "<!--", "-->", "<script>", "<img src=x>", "&lt;i&gt;", "&#60;", "@octocat",
    "@acme/green", "#1", "!2", "GH-3", "acme/shop#4", "[vulnerability:1]", ":tada:", "[a](http://b)", "![a](b)", "http://evil.example",
    "www.evil.example", "a@evil.example", "`x`", "```", "~~~~", "**b**", "__c__", "~~d~~", "|", "\n", "\r\n", "\n\n",
    "\n    code", "\n# h", "\n- i", "\n1. i", "\n> q", "\n---", "\n===", "\n::error::no", "##[error]", "\\", "\\|", "'",
    '"', "$x$", "\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\ud800", "😀", "ü", " ", "x", "0", "{{ outcome }}",
    "]]>", "]:", "[^1]", "- [ ] t", "A" * 70,
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(lambda parts: " ".join(("x", *parts)))
ON_A_FORGE = Change(id="acme/shop#12", forge="github", page="https://github.com/acme/shop/actions/runs/17")


def shown(text):
    """What GitHub's renderer makes of it, before GitHub takes away what it does not allow."""
    return cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)


class Tree(HTMLParser):
    """The tags of a document, and the words between them that are no code."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self._code = [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags += [(tag, *attrs)] if tag != "wbr" else []
        self._code += tag == "code"

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")
        self._code -= tag == "code"

    def handle_comment(self, data):
        self.tags.append(f"<!--{data}")

    def handle_data(self, data):
        self.words += [data] if not self._code else []


def told(*entries, **more):
    return markdown.render(replace(accounts.sample(*entries), change=ON_A_FORGE), **more)


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_no_text_makes_a_tag_anywhere_in_the_comment(text):
    tree, harmless = (Tree(shown(told(accounts.hostile(word, "")))) for word in (text, "harmless"))
    assert tree.tags == harmless.tags


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_no_text_mentions_anybody_or_refers_to_anything(text):
    for words in Tree(shown(told(accounts.hostile(text, "")))).words:
        assert re.search(r"@\w|#\d|!\d|:[a-z]+:|https?://|www\.\w|GH-\d|\[\w+:\S", words) is None, words


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_nothing_ends_a_fence_but_its_end(text):
    html = shown(f"before{escaping.fenced(text, 'yaml')}\nafter")
    assert [tag[0] if isinstance(tag, tuple) else tag for tag in Tree(html).tags] == [
        "p", "/p", "pre", "code", "/code", "/pre", "p", "/p",
    ]  # fmt: skip


def test_the_only_link_is_to_the_run():
    links = [tag for tag in Tree(shown(told())).tags if tag[0] in {"a", "img"}]
    assert links == [("a", ("href", ON_A_FORGE.page))]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("https://a.example/)](https://b.example", id="brackets"),
        pytest.param('https://a.example/" onclick="x', id="quotes"),
        pytest.param("https://user:word@a.example/", id="user"),
        pytest.param("https://a.example/\nx", id="line"),
        pytest.param("", id="none"),
    ],
)
def test_an_address_that_is_none_is_no_link(page):
    account = replace(accounts.sample(accounts.failed()), change=Change(page=page))
    assert "<a " not in shown(markdown.render(account))


def test_every_folded_part_is_shown_as_markdown():
    assert "<details><summary>Evidence</summary>\n<ul>" in shown(told())


# ---- order and words


def test_what_did_not_pass_comes_first_and_what_passed_is_folded_away():
    text = told(accounts.passed(), accounts.warned(), accounts.failed())
    places = [text.index(words) for words in ("#### ❌ digits/wide", "#### ⚠️ digits/edge", "<summary>✅ digits/slim")]
    assert places == sorted(places)


def test_the_first_line_has_the_verdict_the_year_and_how_many_models():
    first = told(accounts.passed(), accounts.failed()).partition("\n")[0]
    assert first == "**❌ greengate failed** · **+509.3 gCO2e and +0.36 EUR a year** · 2 models: 1 passed, 1 failed"


def test_a_year_that_is_not_known_of_all_models_says_of_how_many():
    assert "+1.11 EUR a year** (1 of 2 models) ·" in told(accounts.failed(), accounts.errored())


def test_a_single_model_tells_its_year_with_intervals_at_the_top():
    assert told(accounts.failed()).splitlines()[2:8] == [
        "| | beside the baseline | in all |",
        "|---|---|---|",
        "| energy, a year | **+4.428 kWh**<br>+2.193 kWh to +8.944 kWh | 10.14 kWh<br>was 5.707 kWh |",
        "| carbon, a year | **+1.55 kgCO2e**<br>+767.4 gCO2e to +3.131 kgCO2e | 3.547 kgCO2e<br>was 1.997 kgCO2e |",
        "| market-based, a year | **+673.1 gCO2e**<br>+333.3 gCO2e to +1.36 kgCO2e | 1.541 kgCO2e<br>was 867.4 gCO2e |",
        "| cost, a year | **+1.11 EUR**<br>+0.55 EUR to +2.24 EUR | 2.534 EUR<br>was 1.427 EUR |",
    ]


def test_a_waiver_is_told_with_its_id_its_end_its_giver_and_its_reach():
    line = next(line for line in told(accounts.waived()).splitlines() if line.startswith("- **energy-regression"))
    assert line == (
        "- **energy-regression**: waived until 2026-12-31 by &#64;&#8203;acme/green: +0.9 pp held-out accuracy "
        "(waiver **W-2026-014**, up to max_increase 35%)"
    )


def test_a_review_that_would_do_is_named_on_a_forge_and_nowhere_else():
    words = "An approving review by &#64;&#8203;acme/green or &#64;&#8203;acme/vision, who is not the author, would"
    assert words in told(accounts.failed())
    assert words not in markdown.render(accounts.sample(accounts.failed()))


def test_what_the_changes_own_policies_would_say_is_told():
    entry = replace(accounts.failed(), preview=("the verdict would be passed instead of failed",))
    assert "If this change&#39;s" not in told(entry)
    assert "If this change's own policies were merged:\n\n- the verdict would be passed instead of failed" in told(
        entry
    )


def document_in(text):
    """The waiver that is asked for, as it stands in the comment's code."""
    return yaml.safe_load(re.search(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1])


def test_the_waiver_to_be_filled_in_is_for_exactly_this_rule_and_model():
    assert document_in(told(accounts.failed())) == {
        "apiVersion": "greengate/v1",
        "kind": "Waiver",
        "id": "W-20261121-61172c",
        "rule": "prod-digits/energy-regression",
        "type": "accuracy-tradeoff",
        "match": {"models": ["digits/wide"]},
        "ceiling": {"max_increase": "82%"},
        "expires": "2027-02-19",
        "reason": "",
        "granted_by": "",
    }


@given(HOSTILE.filter(lambda text: "\ud800" not in text and len(text) <= 65))
def test_a_waiver_says_every_name_as_it_is(text):
    entry = accounts.hostile(text, "")
    (request,) = markdown.document(accounts.sample(entry))["models"][0]["requests"]
    names = yaml.safe_load(request["waiver"])["match"]["models"]
    assert [fnmatch.fnmatchcase(text, name) for name in names] == [True]


def test_no_waiver_is_offered_to_a_model_whose_name_is_cut():
    entry = accounts.hostile()
    (request,) = markdown.document(accounts.sample(entry))["models"][0]["requests"]
    assert request["waiver"] == ""


# ---- width


def test_no_word_in_a_table_is_wider_than_a_phone():
    names = {"name": "/encoder/layer.11/attention/self/query/MatMul_output_quantized", "op": "QLinearMatMul"}
    grown = (accounts.GROWN[0].model_copy(update=names),)
    text = told(accounts.entry(accounts.evidence("m", 1.5, grown=grown), accounts.cap()), accounts.failed())
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", shown(text), re.DOTALL)
    words = [word for cell in cells for word in re.split(r"\s|<[^>]*>|-", cell)]
    assert max(map(len, words)) <= 34


def test_tables_have_no_more_than_three_columns():
    assert max(line.count(" | ") for line in told().splitlines() if line.startswith("| ")) <= 2


def test_no_blank_lines_follow_one_another():
    for account in (accounts.sample(), accounts.unusual()):
        assert "\n\n\n" not in markdown.render(account)


# ---- length


def long_named(number):
    name = f"team-{number:04}/{'a-very-long-name-of-a-model/' * 9}{number}"
    return replace(accounts.failed(), verdict=accounts.failed().verdict.model_copy(update={"model": name}))


@pytest.fixture(scope="module")
def crowd():
    return [long_named(number) for number in range(200)]


def test_two_hundred_failing_models_with_long_names_keep_a_row_each(crowd):
    text = told(*crowd)
    assert len(text) <= 65_000
    assert [f"**team-{number:04}/" in text for number in range(200)] == [True] * 200
    assert "Left out for length" in text
    assert f"[The run]({ON_A_FORGE.page}) keeps them in its JSON report._" in text


def test_the_gravest_are_kept(crowd):
    text = told(*[accounts.passed()] * 50, *crowd[:20], accounts.errored(), most=5_000)
    assert len(text) <= 5_000
    assert "digits/slim" not in text
    assert text.count("**team-") > 10


def test_one_model_with_five_hundred_findings_keeps_those_that_failed():
    failed = [accounts.finding(f"rule-{number}", Outcome.FAILED, reason="too much") for number in range(20)]
    kept = [accounts.finding(f"kept-{number}", figure="1 J", limit="max 2 J") for number in range(480)]
    text = told(accounts.entry(accounts.evidence("m", 1.0), *kept, *failed))
    assert len(text) <= 65_000
    assert [f"**rule-{number}**" in text for number in range(20)] == [True] * 20


def test_five_thousand_models_are_counted_though_not_all_are_told():
    text = told(*[accounts.errored()] * 5_000)
    assert len(text) <= 65_000
    assert "5000 models: 5000 errored" in text
    assert re.search(r"[\d,]+ of the models", text)


@pytest.mark.parametrize("most", [1_000, 2_000, 8_000, 20_000, 65_000])
def test_every_excerpt_is_whole_markdown(most):
    text = told(accounts.failed(), *[accounts.waived()] * 3, *[accounts.passed()] * 3, most=most)
    assert len(text) <= most
    assert text.count("<details>") == text.count("</details>")
    assert text.endswith("</sub>\n")
