"""What lets a broken rule through besides waivers: approving reviews, overrides, and how a waiver was granted."""

from dataclasses import replace

import pytest
from made import evidence, exact, growth, maximum, pairs, policy, tradeoff, waiver

from greengate.changes import Approval, Grant
from greengate.gate import judge, unsettled
from greengate.policy import Enforce, Override
from greengate.verdict import Outcome

FLOPS = "flops_per_inference"
ENERGY = "energy_per_1k_inferences"
OWNERS = ("@acme/green", "@olga")


def approval(by="olga", owners=("@olga",), **rest):
    given = {"review": "41", "at": "2026-11-21T09:00:00Z", "commit": "c0ffee"}
    return Approval(by=by, owners=owners, **{**given, **rest})


def facts(flops=120, accuracy=0.98, **rest):
    now = {FLOPS: exact(flops), "quality.accuracy": exact(accuracy)}
    return evidence(now, {FLOPS: exact(100), "quality.accuracy": exact(0.97)}, **rest)


def owned(rule, override=None, **rest):
    return replace(policy(rule, **rest), owners=OWNERS, override=override)


def found(judged, given):
    (finding,) = judge([judged], given).findings
    return finding


def told(finding):
    return finding.outcome, finding.reason


class TestATradeOff:
    """A rule that asks for an approval, and grew by 20% where 15% is allowed."""

    RULE = growth(FLOPS, "15%", unless=tradeoff())

    def test_is_approved_by_the_review_of_an_owner(self):
        finding = found(owned(self.RULE), facts(approvals=(approval(),)))
        assert told(finding) == ("waived", "accuracy approved by @olga in review 41 of 2026-11-21T09:00:00Z")
        assert finding.approvals == (approval(),)

    @pytest.mark.parametrize(
        ("approvals", "reason"),
        [
            ((), "no waiver of type accuracy has been granted"),
            ((approval(author=True),), "no waiver of type accuracy has been granted"),
            ((approval("otto", ("@otto",)),), "no waiver of type accuracy has been granted"),
            ((approval("otto", ()),), "no waiver of type accuracy has been granted"),
        ],
        ids=["nobody's", "the author's own", "somebody else's", "one who stands for nobody"],
    )
    def test_is_not_approved_by(self, approvals, reason):
        assert told(found(owned(self.RULE), facts(approvals=approvals))) == ("failed", reason)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"accuracy": 0.972}, "needs a gain of quality.accuracy min_increase 0.5 pp, found 97.2% (+0.2 pp)"),
            ({"flops": 150}, "has a ceiling of max_increase 40%, found 150 (+50.0%)"),
        ],
        ids=["gain", "ceiling"],
    )
    def test_keeps_its_gain_and_its_ceiling_when_it_is_approved(self, given, words):
        finding = found(owned(self.RULE), facts(**given, approvals=(approval(),)))
        assert finding.outcome is Outcome.FAILED
        assert finding.reason == f"the approval by @olga in review 41 of 2026-11-21T09:00:00Z {words}"

    def test_owners_are_compared_as_forges_compare_names(self):
        assert found(owned(self.RULE), facts(approvals=(approval(owners=("@ACME/Green",)),))).outcome is Outcome.WAIVED

    def test_a_waiver_that_holds_comes_first(self):
        finding = found(owned(self.RULE, waivers=(waiver(),)), facts(approvals=(approval(),)))
        assert (finding.waiver, finding.approvals) == ("W-1", ())

    def test_measuring_goes_on_until_what_was_approved_is_settled(self):
        rule = growth(ENERGY, "5%", unless=tradeoff())
        straddling = evidence({}, {}, pairs=pairs(1.395, noise=0.02))
        assert not unsettled([owned(rule)], straddling)
        assert unsettled([owned(rule)], straddling.model_copy(update={"approvals": (approval(),)}))


class TestAnOverride:
    """A soft rule that fails, under a policy that lets owners override it."""

    ONE = Override(1)
    TWO = Override(2)

    def test_takes_the_review_of_an_owner(self):
        finding = found(owned(growth(FLOPS), self.ONE), facts(approvals=(approval(),)))
        assert told(finding) == ("waived", "overridden by @olga in review 41 of 2026-11-21T09:00:00Z")
        assert (finding.judged, finding.approvals) == (Outcome.FAILED, (approval(),))

    def test_takes_as_many_people_as_the_policy_says(self):
        reviews = (approval(), approval(review="42"))
        wanted = "1 more approving review by an owner who is not the author would let it through (@acme/green, @olga)"
        assert told(found(owned(growth(FLOPS), self.TWO), facts(approvals=reviews))) == ("failed", wanted)
        other = approval("gerd", ("@acme/green",), review="43")
        finding = found(owned(growth(FLOPS), self.TWO), facts(approvals=(*reviews, other)))
        assert finding.approvals == (approval(), other)

    def test_counts_the_author_only_where_the_policy_says_so(self):
        own = (approval(author=True),)
        assert found(owned(growth(FLOPS), self.ONE), facts(approvals=own)).outcome is Outcome.FAILED
        allowed = Override(1, not_author=False)
        assert found(owned(growth(FLOPS), allowed), facts(approvals=own)).outcome is Outcome.WAIVED

    def test_is_not_there_unless_the_policy_says_so(self):
        assert told(found(owned(growth(FLOPS)), facts(approvals=(approval(),)))) == ("failed", "")

    def test_never_lets_a_hard_rule_through(self):
        hard = growth(FLOPS, enforce=Enforce.HARD)
        assert found(owned(hard, self.ONE), facts(approvals=(approval(),))).outcome is Outcome.FAILED

    def test_never_lets_through_what_has_no_figure(self):
        missing = owned(maximum(ENERGY, "1 J"), self.ONE)
        assert found(missing, facts(approvals=(approval(),))).outcome is Outcome.INCONCLUSIVE

    def test_lets_through_what_the_figures_leave_open(self):
        open_ = evidence({}, {}, pairs=pairs(1.05, noise=0.05), approvals=(approval(),))
        finding = found(owned(growth(ENERGY), self.ONE), open_)
        assert (finding.judged, finding.outcome) == (Outcome.INCONCLUSIVE, Outcome.WAIVED)

    def test_is_not_there_where_no_owner_is_named(self):
        nobody = replace(policy(growth(FLOPS)), override=self.ONE)
        assert told(found(nobody, facts(approvals=(approval(),)))) == ("failed", "")

    def test_of_an_inherited_rule_is_for_the_owners_that_it_comes_from(self):
        rule = replace(growth(FLOPS), owners=("@acme/board",))
        assert found(owned(rule, self.ONE), facts(approvals=(approval(),))).outcome is Outcome.FAILED
        board = approval("gerd", ("@acme/board",))
        assert found(owned(rule, self.ONE), facts(approvals=(board,))).approvals == (board,)


class TestAWaiver:
    """A waiver on the base branch, of which the forge was asked how it came there."""

    RULE = growth(FLOPS)

    def found(self, *grants):
        return found(owned(self.RULE, waivers=(waiver(type=""),)), facts(grants=grants))

    def test_holds_where_the_forge_was_not_asked_or_cannot_tell(self):
        unknown = Grant(waiver="W-1", reviewed=None, words="the history is not whole")
        assert self.found().outcome is self.found(unknown).outcome is Outcome.WAIVED

    def test_names_the_review_by_which_it_was_granted(self):
        granted = Grant(waiver="W-1", reviewed=True, by="olga", review="7", change="acme/shop#8")
        assert self.found(granted).reason.endswith(": sharper; approved by @olga in review 7 of acme/shop#8")

    def test_that_no_owner_approved_changes_nothing(self):
        refused = Grant(waiver="W-1", reviewed=False, words="acme/shop#8 was approved by nobody")
        who = "was not approved by an owner of the rule who is not its author"
        words = f"waiver W-1 {who}: acme/shop#8 was approved by nobody"
        assert told(self.found(refused)) == ("failed", words)

    def test_of_another_name_is_another_waiver(self):
        assert self.found(Grant(waiver="W-2", reviewed=False, words="no")).outcome is Outcome.WAIVED
