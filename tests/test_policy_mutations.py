"""A policy with a typo never passes: each mistake in a shipped pack is refused, or changes nothing.

What is dropped may change what a policy asks. Then the tests that ship with the pack notice, save for the few keys
listed here, which figures cannot show; for those it is checked that every rule stays as it was.
"""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutants import (
    CAUGHT,
    CHANGED,
    COINED,
    REFUSED,
    RENAMED,
    SAME,
    asked,
    dropped,
    fate,
    loaded,
    misspelt,
    noticed,
    original,
    paths,
    put,
    renamed_key,
    retyped,
    unharmed,
    unitless,
    word_at,
)

from greengate import shipped
from greengate.packs.yaml_text import path_text

PACKS = shipped.pack_names()
SHIPPED_MUTANTS = pytest.mark.parametrize("pack", PACKS)

# Where a key is left out, the language's default or the extended pack's value takes its place.
FALLS_BACK = re.compile(r"measurement(\.\w+)?|enforcement(\.soft)?")


def one_a_place(mutants):
    """Of the mutants of each place take one, another kind of mistake at each."""
    places = {}
    for mutant in mutants:
        places.setdefault((mutant.kind, mutant.path), []).append(mutant)
    return [found[at % len(found)] for at, found in enumerate(places.values())]


def unexpected(mutants, *expected):
    found = list(mutants)
    assert found
    return [f"{mutant} {fate(mutant)}" for mutant in found if fate(mutant) not in expected]


@SHIPPED_MUTANTS
def test_a_misspelt_key_or_word_is_refused_or_renames_what_has_a_free_name(pack):
    assert unexpected(one_a_place(misspelt(pack)), REFUSED, RENAMED) == []


@SHIPPED_MUTANTS
def test_a_value_of_another_type_is_refused(pack):
    assert unexpected(retyped(pack), REFUSED) == []


@SHIPPED_MUTANTS
def test_an_amount_without_its_unit_is_refused(pack):
    assert unexpected(unitless(pack), REFUSED) == []


@SHIPPED_MUTANTS
def test_what_is_dropped_is_missed_by_the_reader_or_by_the_tests_of_the_pack(pack):
    mutants = [mutant for mutant in dropped(pack) if not FALLS_BACK.fullmatch(path_text(mutant.path))]
    assert unexpected(mutants, REFUSED, SAME, CAUGHT) == []


@SHIPPED_MUTANTS
def test_what_falls_back_leaves_every_rule_as_it_was_and_never_lets_a_failed_one_pass(pack):
    before = unharmed(pack)
    for mutant in dropped(pack):
        if FALLS_BACK.fullmatch(path_text(mutant.path)) and fate(mutant) == CHANGED:
            after = loaded(pack, mutant.value)
            assert [asked(rule) for rule in after.rules] == [asked(rule) for rule in before.rules]
            assert (after.match, after.plan.inconclusive) == (before.match, before.plan.inconclusive)
            assert after.override in (None, before.override, unharmed("starter").override)


@SHIPPED_MUTANTS
def test_what_is_emptied_is_refused(pack):
    assert unexpected((mutant for mutant in dropped(pack) if mutant.kind == "empty"), REFUSED) == []


@SHIPPED_MUTANTS
def test_a_rule_that_does_not_say_how_it_is_enforced_is_refused(pack):
    mutants = [mutant for mutant in dropped(pack) if path_text(mutant.path).endswith(".enforce")]
    assert len(mutants) == len([*original(pack).get("rules", ()), *original(pack).get("budgets", ())])
    assert unexpected(mutants, REFUSED) == []


def test_the_tests_of_a_pack_do_not_object_to_the_pack_itself():
    assert [pack for pack in PACKS if noticed(put(pack, "none", ("kind",), "Policy"))] == []


@st.composite
def typed_badly(draw):
    """One letter of a key or word of a shipped pack left out, put in, changed, or exchanged with the next."""
    pack = draw(st.sampled_from(PACKS))
    places = [(path, True, path[-1]) for path, _ in paths(original(pack)) if isinstance(path[-1], str)]
    places += [(path, False, inner) for path, inner in paths(original(pack)) if word_at(path, inner)]
    path, is_key, word = draw(st.sampled_from(places))
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_-.017 Ee${}"))
    wrong = draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :],
            ]
        ).filter(lambda wrong: wrong != word)
    )
    return renamed_key(pack, path, wrong) if is_key else put(pack, "misspelt word", path, wrong)


@settings(max_examples=400)
@example(put("starter", "misspelt word", ("rules", 0, "max_increase"), ".${energy_increase}"))
@example(put("starter", "misspelt word", ("rules", 0, "max_increase"), "1${energy_increase}"))
@given(typed_badly())
def test_no_slip_of_the_keyboard_in_a_key_or_word_changes_what_a_policy_asks(mutant):
    assert fate(mutant) in (REFUSED, SAME, RENAMED)


@SHIPPED_MUTANTS
def test_a_misspelt_name_is_noticed_by_whoever_knows_the_right_one(pack):
    renamed = [mutant for mutant in one_a_place(misspelt(pack)) if COINED.fullmatch(path_text(mutant.path))]
    # Where there is no waiver, nothing but its own accounts is called by a policy's name.
    unnamed = path_text(("metadata", "name")) if pack == "budgets" else ""
    kept = [mutant for mutant in renamed if mutant.kind == "misspelt word" and path_text(mutant.path) != unnamed]
    assert [str(mutant) for mutant in kept if not noticed(mutant)] == []
    assert kept
