import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.ledger import merkle

MOST = 70
LEAVES = [bytes([number]) for number in range(MOST)]


def by_definition(leaves):
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = split(leaves)
    return hashlib.sha256(b"\1" + by_definition(leaves[:half]) + by_definition(leaves[half:])).digest()


def path(index, leaves):
    """PATH of RFC 6962, 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    half = split(leaves)
    if index < half:
        return [*path(index, leaves[:half]), by_definition(leaves[half:])]
    return [*path(index - half, leaves[half:]), by_definition(leaves[:half])]


def subproof(old, leaves, *, whole):
    """SUBPROOF of RFC 6962, 2.1.2, word for word."""
    if old == len(leaves):
        return [] if whole else [by_definition(leaves)]
    half = split(leaves)
    if old <= half:
        return [*subproof(old, leaves[:half], whole=whole), by_definition(leaves[half:])]
    return [*subproof(old - half, leaves[half:], whole=False), by_definition(leaves[:half])]


def split(leaves):
    return 1 << (len(leaves) - 1).bit_length() - 1


@pytest.fixture(scope="module")
def nodes():
    found, frontier = {}, merkle.Frontier()
    for leaf in LEAVES:
        found |= {(level, index): node for level, index, node in frontier.append(merkle.leaf_hash(leaf))}
    return lambda level, index: found[level, index]


def test_a_frontier_has_the_root_of_the_definition_at_every_size():
    frontier = merkle.Frontier()
    for size, leaf in enumerate(LEAVES):
        assert merkle.Frontier(size, frontier.nodes).root == by_definition(LEAVES[:size])
        list(frontier.append(merkle.leaf_hash(leaf)))


def test_a_root_is_found_from_nodes_at_every_size(nodes):
    assert [merkle.root(size, nodes) for size in range(MOST)] == [by_definition(LEAVES[:size]) for size in range(MOST)]


def test_a_frontier_of_another_size_is_refused():
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 complete subtrees, not 1"):
        merkle.Frontier(3, [b""])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 64, 65, MOST])
def test_every_proof_of_inclusion_is_that_of_the_definition_and_holds(nodes, size):
    for index in range(size):
        proof = merkle.inclusion(index, size, nodes)
        assert proof == path(index, LEAVES[:size])
        merkle.prove_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, by_definition(LEAVES[:size]))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 64, 65, MOST])
def test_every_proof_of_consistency_is_that_of_the_definition_and_holds(nodes, size):
    for old in range(1, size + 1):
        proof = merkle.consistency(old, size, nodes)
        assert proof == subproof(old, LEAVES[:size], whole=True)
        merkle.prove_consistency(old, by_definition(LEAVES[:old]), size, by_definition(LEAVES[:size]), proof)


def test_every_tree_begins_with_the_empty_one():
    merkle.prove_consistency(0, merkle.EMPTY, 5, by_definition(LEAVES[:5]), [])


sizes = st.integers(2, MOST)


@given(st.data(), sizes)
def test_no_other_proof_of_inclusion_holds(nodes, data, size):
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(index, size, nodes)
    leaf, root = merkle.leaf_hash(LEAVES[index]), by_definition(LEAVES[:size])
    wrong = data.draw(st.sampled_from(changed(proof)))
    with pytest.raises(merkle.NotProven):
        merkle.prove_inclusion(leaf, index, size, wrong, root)
    with pytest.raises(merkle.NotProven):
        merkle.prove_inclusion(
            leaf, data.draw(st.integers(-1, MOST).filter(lambda one: one != index)), size, proof, root
        )
    with pytest.raises(merkle.NotProven):
        merkle.prove_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)


@given(st.data(), sizes)
def test_no_other_proof_of_consistency_holds(nodes, data, size):
    old = data.draw(st.integers(1, size - 1))
    proof = merkle.consistency(old, size, nodes)
    before, after = by_definition(LEAVES[:old]), by_definition(LEAVES[:size])
    with pytest.raises(merkle.NotProven):
        merkle.prove_consistency(old, before, size, after, data.draw(st.sampled_from(changed(proof))))
    with pytest.raises(merkle.NotProven):
        merkle.prove_consistency(old, merkle.leaf_hash(b"another"), size, after, proof)
    with pytest.raises(merkle.NotProven):
        merkle.prove_consistency(old, before, size, merkle.leaf_hash(b"another"), proof)


def changed(proof):
    """Every proof that differs by one node: gone, too many, or another."""
    other = merkle.leaf_hash(b"another")
    gone = [proof[:place] + proof[place + 1 :] for place in range(len(proof))]
    others = [[*proof[:place], other, *proof[place + 1 :]] for place in range(len(proof))]
    return [*gone, *others, [*proof, other], [other, *proof]]


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(nodes, index, size):
    with pytest.raises(ValueError, match=f"leaf {index} is not among the first {size}"):
        merkle.inclusion(index, size, nodes)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_there_is_no_proof_that_begins_with_nothing_or_with_more(nodes, old, size):
    with pytest.raises(ValueError, match=f"a tree of {old} leaves is no beginning of one of {size}"):
        merkle.consistency(old, size, nodes)


@pytest.mark.parametrize(
    ("old", "size", "proof"),
    [(4, 3, []), (-1, 3, []), (3, 3, [b""]), (0, 3, [b""])],
)
def test_sizes_that_do_not_follow_prove_nothing(old, size, proof):
    root = by_definition(LEAVES[:3])
    with pytest.raises(merkle.NotProven):
        merkle.prove_consistency(old, root, size, root, proof)
