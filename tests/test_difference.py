"""The difference of two models: which nodes are the same, which are new, and what grew."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate import difference
from greengate.difference import changes
from greengate.ports import NodeCost


def node(name, op="Conv", macs=10):
    return NodeCost(name, op, "", "matmul", macs, False, 0, 4, 4, 1, 4)


def graph(text):
    """Nodes of a text such as `a:Conv b:Relu=0 c:Conv=7`."""
    found = []
    for word in text.split():
        name, _, rest = word.partition(":")
        op, _, macs = rest.partition("=")
        found.append(node(name, op or "Conv", int(macs or 10)))
    return found


def told(baseline, candidate):
    found = changes(graph(baseline), graph(candidate))
    return [(each.word, each.baseline and each.baseline.name, each.candidate and each.candidate.name) for each in found]


@pytest.mark.parametrize(
    ("baseline", "candidate", "expected"),
    [
        ("a b", "a b", [("same", "a", "a"), ("same", "b", "b")]),
        ("a b", "a b:Conv=20", [("same", "a", "a"), ("changed", "b", "b")]),
        ("a b", "a n b", [("same", "a", "a"), ("new", None, "n"), ("same", "b", "b")]),
        ("a g b", "a b", [("same", "a", "a"), ("gone", "g", None), ("same", "b", "b")]),
        ("a:Conv b:Relu", "x:Conv y:Relu", [("same", "a", "x"), ("same", "b", "y")]),
        (
            "n1:Conv n2:Relu n3:Gemm",
            "n1:Conv n2:Relu n3:Conv n4:Relu n5:Gemm",
            [
                ("same", "n1", "n1"), ("same", "n2", "n2"), ("new", None, "n3"), ("new", None, "n4"),
                ("same", "n3", "n5"),
            ],
        ),
        ("a:Conv", "a:Gemm", [("gone", "a", None), ("new", None, "a")]),
        ("a b c", "c a b", [("new", None, "c"), ("same", "a", "a"), ("same", "b", "b"), ("gone", "c", None)]),
        ("a a", "a a", [("same", "a", "a"), ("same", "a", "a")]),
        ("", "a", [("new", None, "a")]),
        ("a", "", [("gone", "a", None)]),
    ],
    ids=[
        "same", "grown", "put in", "taken out", "renamed", "numbers shifted", "another operator", "moved",
        "one name for two", "from nothing", "to nothing",
    ],
)  # fmt: skip
def test_nodes_are_matched_by_name_and_by_what_surrounds_them(baseline, candidate, expected):
    assert told(baseline, candidate) == expected


texts = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["Conv", "Relu", "Gemm"])), max_size=24)


@given(texts, texts)
def test_each_node_is_in_one_change_in_the_order_of_its_graph(old, new):
    before, after = ([node(*each) for each in side] for side in (old, new))
    found = changes(before, after)
    assert [each.baseline for each in found if each.baseline] == before
    assert [each.candidate for each in found if each.candidate] == after
    assert all(each.baseline.op == each.candidate.op for each in found if each.baseline and each.candidate)


def test_a_layer_put_into_a_deep_renamed_network_is_found_at_once():
    layer = ["MatMul", "Add", "Relu", "MatMul", "Add", "LayerNormalization"]
    before = [node(f"n{at}", op) for at, op in enumerate(layer * 1000)]
    after = [node(f"m{at}", op) for at, op in enumerate(layer * 1001)]
    found = changes(before, after)
    assert [each.word for each in found if each.word != "same"] == ["new"] * 6


def test_stretches_too_long_to_align_are_told_as_gone_and_new(monkeypatch):
    monkeypatch.setattr(difference, "_ALIGNED", 2)
    assert [each.word for each in changes(graph("a:A b:B c:C"), graph("d:D e:E f:F"))] == ["gone"] * 3 + ["new"] * 3


def test_the_work_does_not_grow_with_the_square_of_what_is_the_same():
    class Counted(list):
        walks = 0

        def __iter__(self):
            Counted.walks += 1
            return super().__iter__()

    nodes = Counted(node(f"n{at}", "A") for at in range(50))
    changes(nodes, nodes)
    few, Counted.walks = Counted.walks, 0
    more = Counted(node(f"n{at}", "A") for at in range(500))
    changes(more, more)
    assert Counted.walks == few


def test_no_more_is_aligned_in_all_than_can_be_done_in_seconds(monkeypatch):
    monkeypatch.setattr(difference, "_ALIGNED", 4)
    sides = [
        " ".join(f"{name}{at}a:{ops[0]} {name}{at}b:{ops[1]} k{at}:K" for at in range(12))
        for name, ops in (("o", "AB"), ("n", "BA"))
    ]
    words = [word for word, _, _ in told(*sides)]
    assert words.count("same") == 12 + 10


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [(node("a", macs=4), node("a", macs=9), 5), (None, node("a", macs=9), 9), (node("a", macs=4), None, -4)],
)
def test_what_grew_is_told_by_column(before, after, grown):
    assert difference.Change(before, after).grown("macs") == grown


def test_what_is_not_known_on_a_side_has_not_grown_by_anything():
    assert difference.Change(node("a", macs=None), node("a")).grown("macs") is None


def test_order_and_names_of_a_shuffled_graph_are_matched_as_far_as_they_go():
    names = [f"n{at}" for at in range(60)]
    shuffled = names[:30] + random.Random(1).sample(names[30:], 30)
    found = changes([node(name) for name in names], [node(name) for name in shuffled])
    assert sum(each.word == "same" and each.baseline.name == each.candidate.name for each in found) >= 30
