"""What the models of a change draw on budgets together, in words and as a bar."""

import pytest
from accounts import drawn

from greengate.report.drawing import drawings


def together(*models):
    (one,) = drawings([(model,) for model in models])
    return one


@pytest.mark.parametrize(
    ("given", "bar", "share"),
    [
        ({"spent": 0, "reserved": 0, "asked": 0}, "░░░░░░░░░░░░", "0%"),
        ({"spent": 1_500_000, "reserved": 750_000, "asked": 250_000}, "██████▓▓▓▒░░", "83.3%"),
        ({"spent": 1, "reserved": 1, "asked": 1}, "█▓▒░░░░░░░░░", "0.0001%"),
        ({"spent": 3_000_000, "reserved": 0, "asked": 0}, "████████████", "100%"),
        ({"spent": 2_000_000, "reserved": 0, "asked": 4_000_000}, "████████▒▒▒▒", "200%"),
        ({"spent": 0, "reserved": 0, "asked": 90_000_000}, "▒▒▒▒▒▒▒▒▒▒▒▒", "30 times"),
        ({"spent": -1_000_000, "reserved": 0, "asked": 0}, "░░░░░░░░░░░░", "-33.3%"),
        ({"spent": 0, "reserved": 0, "asked": 5, "maximum": 0}, "▒▒▒▒▒▒▒▒▒▒▒▒", "of nothing"),
    ],
    ids=["empty", "some of each", "traces are seen", "full", "over", "many times", "given back", "no budget"],
)
def test_a_bar_shows_what_is_spent_held_asked_for_and_left(given, bar, share):
    one = together(drawn(**given))
    assert (one.bar, one.share) == (bar, share)


def test_what_two_models_of_a_change_ask_for_is_added_up():
    first = drawn(asked=100, spent=50, reserved=10, outcome="granted", holders=())
    second = drawn(asked=200, spent=50, reserved=110, outcome="granted", holders=())
    one = together(first, second)
    assert (one.asked, one.others, one.left, one.state) == (300, 10, 3_000_000 - 360, "it fits")


def test_what_was_refused_holds_nothing_of_what_others_hold():
    first = drawn(asked=4_000_000, reserved=10)
    second = drawn(asked=200, reserved=10, outcome="withheld")
    one = together(first, second)
    assert (one.others, one.outcome, one.holders) == (10, "refused", ("acme/shop#9 (850 mgCO2e)",))


def test_a_change_that_is_merged_counts_with_what_it_has_drawn():
    one = together(drawn(asked=900, booked=70, spent=30, reserved=0, outcome="merged"))
    assert (one.asked, one.left, one.state) == (70, 3_000_000 - 100, "merged already")


def test_a_saving_asks_for_nothing_and_has_no_state():
    one = together(drawn(asked=0))
    assert (one.asked, one.state) == (0, "")


def test_budgets_of_two_scopes_are_told_apart():
    assert len([*drawings([(drawn(), drawn(scope="team=nlp"))])]) == 2


def test_why_a_draw_is_not_known_is_told_once():
    one = together(drawn(missing="nobody knows", asked=0), drawn(missing="nobody knows", asked=0))
    assert one.missing == ("nobody knows",)
