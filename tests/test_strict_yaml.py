from __future__ import annotations

import contextlib
import math
import re
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from greengate.errors import Place, PolicyError, Problems, ProjectError
from greengate.packs.yaml_text import MAX_BYTES, parse, path_text


def value_of(text: str):
    (document,) = parse(text.encode(), "p.yaml")
    return document.value


def told(data: str | bytes) -> list[str]:
    """Every problem of a file, as `line:column path: problem`."""
    with pytest.raises(Problems) as caught:
        parse(data if isinstance(data, bytes) else data.encode(), "p.yaml")
    return [f"{p.where.line}:{p.where.column} {p.where.path}: {p.problem}" for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("017", 17),
        ("0o17", 15),
        ("0x1f", 31),
        ("+7", 7),
        ("-7", -7),
        ("4e6", 4e6),
        ("1e-3", 1e-3),
        ("5.", 5.0),
        (".5", 0.5),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2026-12-31", "2026-12-31"),
        ("2026-12-31T00:00:00Z", "2026-12-31T00:00:00Z"),
        ("850 J", "850 J"),
        ("5%", "5%"),
        ("=", "="),
        ('"1"', "1"),
        ("'true'", "true"),
        ('"<<"', "<<"),
        ("[1, a]", [1, "a"]),
        ("{b: 1}", {"b": 1}),
        ("|\n  one\n  two", "one\ntwo\n"),
        ("\u0661", "\u0661"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text, value):
    got = value_of(f"a: {text}\n")["a"]
    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e999"])
def test_a_figure_that_is_not_finite_is_refused(text):
    (problem,) = told(f"max: {text}\n")
    assert re.fullmatch(r"1:6 max: `.+` is (not a|too large to be a) finite number", problem)


@pytest.mark.parametrize("text", ["9223372036854775808", "9" * 5000, "0x" + "f" * 17], ids=["2^63", "long", "hex"])
def test_a_whole_number_beyond_64_bits_is_refused(text):
    (problem,) = told(f"max: {text}\n")
    assert problem.endswith("is larger than a whole number may be (64 bits)")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1 a: the key `a` is given twice; first in line 1, column 1"),
        ("{x: 1, 'x': 2}", "1:8 x: the key `x` is given twice; first in line 1, column 2"),
        ("r:\n- b: 1\n  b: 1\n", "3:3 r[0].b: the key `b` is given twice; first in line 2, column 3"),
        ("5: a", "1:1 : the key `5` is not text"),
        ("true: a", "1:1 : the key `true` is not text"),
        ("~: a", "1:1 : the key `~` is not text"),
        ("? [a]\n: b", "1:3 : a key must be text, and this is none"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "3:3 c: merge keys (`<<`) are not accepted"),
        ("a: !!python/object:os.system x", "1:4 a: the tag `!!python/object:os.system` is not accepted"),
        ("a: !foo x", "1:4 a: the tag `!foo` is not accepted"),
        ("a: !!str 1", "1:4 a: the tag `!!str` is not accepted"),
        ("- !!set {a}", "1:3 [0]: the tag `!!set` is not accepted"),
        ("a: &a [*a]", "1:8 a[0]: `*a` stands inside the value that `&a` names"),
        ("a: *b", "1:4 a: no anchor `&b` stands before `*b`"),
        ("a: &x 1\n---\nb: *x", "3:4 b: no anchor `&x` stands before `*x`"),
        ("a: &x 1\nb: &x 2", "2:4 b: the anchor `&x` is given twice"),
        ('a: "\\0"', "1:4 a: the text holds U+0000, a character that cannot be shown"),
        ('a: "\\e[2J"', "1:4 a: the text holds U+001B, a character that cannot be shown"),
        ('a: "\\ud800"', "1:4 a: the text holds U+D800, a character that cannot be shown"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text, problem):
    assert told(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n\tb: 1", "2:1 : a tab stands where only spaces may indent"),
        ("a: @x", "1:4 : text cannot start with `@` unless it is quoted"),
        ("a: b: c", "1:5 : a `:` stands where no key can be"),
        ("a: 1\nb", "2:2 : a key without its `:`"),
        ('a: "x\nb: 1', "1:4 : a quotation mark opened here is never closed"),
        ("a: 'x\n---\n", "1:4 : a quotation mark opened here is never closed"),
        ('a: "\\q"', "1:6 : `\\q` is no escape"),
        ("a: [1\nb: 2", "1:4 : the list opened here is not closed by `]`, or lacks a comma"),
        ("a: {x: ${y}}", "1:4 : the mapping opened here is not closed by `}`, or lacks a comma"),
        ("a:\n  b: 1\n c: 2", "3:2 : this line does not belong to what stands above it"),
        ("a: [*]", "1:6 : `*` and `&` are signs of YAML"),
        ("}", "1:1 : `}` stands where a value should"),
        ("a: [", "1:5 : the text ends where a value should stand"),
        ("!e!x a", "1:1 : this is not YAML: found undefined tag handle '!e!'"),
        ('"\\U00110000"', "1:4 : a character code or version that does not exist"),
        ("%YAML 1." + "9" * 5000 + "\n--- a", "1:9 : a character code or version that does not exist"),
    ],
    ids=lambda value: value[:20],
)
def test_broken_syntax_is_told_in_plain_words_with_its_place(text, problem):
    assert told(text) == [problem]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a: 1\nb: \xff", "2:4 : byte 0xff is not UTF-8"),
        ("a: 1".encode("utf-16"), "0:0 : the file is written in UTF-16; UTF-8 was expected"),
        ("a: 1".encode("utf-16-le"), "1:2 : an invisible character, U+0000, stands here"),
        (b"a: 1\r\nb: \0", "2:4 : an invisible character, U+0000, stands here"),
        (b"a: \x1b[2J", "1:4 : an invisible character, U+001B, stands here"),
        ("a: 1\n\ufeffb: 2".encode(), "2:1 : an invisible character, U+FEFF, stands here"),
        ("a: 1\u2028b: 2".encode(), "1:5 : an invisible character, U+2028, stands here"),
        (b"#" * (MAX_BYTES + 1), "0:0 : the file has 1,048,577 bytes; at most 1,048,576 are read"),
    ],
    ids=["latin-1", "utf-16", "utf-16 without mark", "nul", "escape", "mark inside", "line separator", "too large"],
)
def test_bytes_that_are_not_plain_utf_8_text_are_refused(data, problem):
    assert told(data) == [problem]


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_first_key():
    (document,) = parse("\ufeffa: 1".encode(), "p.yaml")
    assert (document.value, document.place(("a",))) == ({"a": 1}, Place("p.yaml", 1, 4, "a"))


def test_all_that_is_wrong_in_a_file_is_told_at_once_in_order():
    text = "a: 1\na: 2\nb: .nan\n---\n5: x\nc: !t y\nd: [\n"
    assert [line.split(" ")[0] for line in told(text)] == ["2:1", "3:4", "5:1", "6:4", "8:1"]


def test_a_problem_has_the_class_that_was_asked_for():
    with pytest.raises(Problems) as caught:
        parse(b"a: [", "greengate.yaml", error=ProjectError)
    assert [type(problem) for problem in caught.value.problems] == [ProjectError]
    assert caught.value.exit_code == 2


def test_a_message_says_where_what_and_what_helps():
    with pytest.raises(Problems) as caught:
        parse(b"rules:\n- max: 1\n  max: 2\n", "p.yaml")
    assert str(caught.value).split("\n") == [
        "p.yaml:3:3 (rules[0].max): the key `max` is given twice; first in line 2, column 3",
        "  hint: keep one of the two",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# words\n", "---\n", "---\n# words\n---\n", "--- # words\n...\n"])
def test_documents_without_content_are_left_out(text):
    assert parse(text.encode(), "p.yaml") == []


def test_several_documents_come_in_order_with_their_own_places():
    first, second = parse(b"a: 1\n---\n# words\n---\nb: 2\n", "p.yaml")
    assert (first.value, second.value) == ({"a": 1}, {"b": 2})
    assert second.place(("b",)) == Place("p.yaml", 5, 4, "b")


def test_an_explicit_null_is_a_document():
    assert value_of("--- null") is None


def test_a_hundred_documents_are_read_and_one_more_is_not():
    assert len(parse(b"--- a\n" * 100, "p.yaml")) == 100
    assert told("--- a\n" * 101) == ["101:1 : the file has more than 100 documents"]


def test_thirty_two_levels_are_read_and_one_more_is_not():
    assert value_of("[" * 32 + "1" + "]" * 32)
    assert told("[" * 33 + "1" + "]" * 33) == ["1:33 : more than 32 levels are nested"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "? - "])
def test_endless_nesting_is_stopped_before_it_is_read(opening):
    (problem,) = told(opening * (MAX_BYTES // len(opening)))
    assert problem.endswith("more than 32 levels are nested")


def test_levels_that_aliases_add_up_are_counted():
    text = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40))
    assert told(text) == ["32:12 a31[0]: with `*a30` more than 32 levels are nested"]


def test_ten_thousand_values_are_read_and_one_more_is_not():
    assert len(value_of("[" + "a," * 9_999 + "]")) == 9_999
    assert told("[" + "a," * 10_000 + "]") == [
        "1:20000 [9999]: the file holds more than 10,000 values, aliases written out"
    ]


def test_an_alias_bomb_is_stopped_before_it_goes_off():
    levels = [f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise("abcdefghi")]
    (problem,) = told("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(levels))
    assert problem.endswith("the file holds more than 10,000 values, aliases written out")


def test_an_alias_stands_for_a_value_of_its_own():
    value = value_of("a: &x {b: [1]}\nc: *x\n")
    value["c"]["b"].append(2)
    assert value == {"a": {"b": [1]}, "c": {"b": [1, 2]}}


RULES = b"""\
rules:
  - id: latency
    max: 40 ms
  - {id: size, "a b": [1, 2]}
params: &p
  cap: 850 J
more: *p
"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (1, 1, "")),
        (("rules",), False, (2, 3, "rules")),
        (("rules",), True, (1, 1, "rules")),
        (("rules", 0, "max"), False, (3, 10, "rules[0].max")),
        (("rules", 0, "max"), True, (3, 5, "rules[0].max")),
        (("rules", 1), True, (4, 5, "rules[1]")),
        (("rules", 1, "a b", 1), False, (4, 27, 'rules[1]["a b"][1]')),
        (("rules", 0, "maxx"), True, (2, 5, "rules[0]")),
        (("rules", 0, "max", "deep", 3), True, (3, 10, "rules[0].max")),
        (("rules", 7), False, (2, 3, "rules")),
        (("rules", -1), False, (2, 3, "rules")),
        (("nothing",), False, (1, 1, "")),
        (("more",), False, (7, 7, "more")),
        (("more", "cap"), False, (6, 8, "more.cap")),
    ],
)
def test_a_place_is_that_of_the_value_the_key_or_the_nearest_ancestor(path, key, place):
    (document,) = parse(RULES, "p.yaml")
    assert document.place(path, key=key) == Place("p.yaml", *place)


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a", 0, 1, "b-c"), "a[0][1].b-c"), ((2, "x"), "[2].x"), (("a.b", ""), '["a.b"][""]')],
)
def test_a_path_is_written_as_people_do(path, text):
    assert path_text(path) == text


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["on", "12:30", "0o7", "1e3", "<<", "2026-12-31", "a\nb", "=", "~", ".inf", "1_000"])
)
VALUES = st.recursive(
    SCALARS, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXT, parts, max_size=4), max_leaves=15
)


class QuotingDumper(yaml.SafeDumper):
    """Quotes all text, since PyYAML leaves bare what only YAML 1.2 takes for a figure."""


QuotingDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"'))


@given(VALUES.filter(lambda value: value is not None), st.booleans())
def test_what_is_dumped_is_read_back(value, flow):
    text = yaml.dump({"value": value}, Dumper=QuotingDumper, default_flow_style=flow)
    assert value_of(text) == {"value": value}


@given(VALUES)
def test_a_figure_read_is_always_finite(value):
    text = yaml.dump([value], Dumper=QuotingDumper)
    assert all(math.isfinite(leaf) for _, leaf in leaves(value_of(text)) if isinstance(leaf, float))


def leaves(value, path=()):
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in steps:
            yield from leaves(part, (*path, step))
    else:
        yield path, value


SIGNS = st.text(st.sampled_from(list("ab1:-?,[]{}&*!|>'\"%@#\\ \n\t<~.eU0+_\x00é😀\u2028\ufeff")), max_size=60)


@given(st.binary(max_size=80) | SIGNS.map(str.encode))
def test_any_bytes_give_documents_or_problems_and_nothing_else(data):
    with contextlib.suppress(Problems):
        for document in parse(data, "p.yaml"):
            document.place(())


WORDS = st.recursive(
    st.just(None),
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3)
        | st.dictionaries(st.integers(0, 9).map("k{}".format), parts, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@given(WORDS, st.booleans())
def test_every_place_points_at_what_stands_there(shape, flow):
    tokens = iter(range(10_000))

    def named(part):
        if isinstance(part, dict):
            return {key: named(value) for key, value in part.items()}
        return [named(value) for value in part] if isinstance(part, list) else f"leaf{next(tokens)}"

    text = yaml.safe_dump([named(shape)], default_flow_style=flow)
    (document,) = parse(text.encode(), "p.yaml")
    for path, leaf in leaves(document.value):
        assert at(text, document.place(path)).startswith(leaf)
        if isinstance(path[-1], str):
            assert at(text, document.place(path, key=True)).startswith(f"{path[-1]}:")


def at(text, place):
    return text.split("\n")[place.line - 1][place.column - 1 :]


def test_policy_errors_are_what_parse_tells_by_default():
    with pytest.raises(Problems) as caught:
        parse(b"a: !x 1", "p.yaml")
    assert isinstance(caught.value.problems[0], PolicyError)
