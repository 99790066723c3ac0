"""What the coverage check is told of a claim: the rows as they stand."""

import pytest

from anchoring import vault
from claims.advice import advice_on
from claims.coverage import Outcome
from claims.models import Claim
from claims.money import Money
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


def test_the_terms_are_asked_with_the_claim_s_items_and_times(alice, cover) -> None:
    result = advice_on(people.file_claim(alice, cover, 25_000, 9_000))
    assert result is not None
    assert (result.steps[0].after, result.payable) == (Money(34_000, "EUR"), Money(26_500, "EUR"))


def test_what_was_accepted_before_on_the_same_policy_uses_up_the_term_s_limit(alice, dora, cover) -> None:
    people.accept_in_full(people.file_claim(alice, cover, 60_000, key="1"), by=dora)
    result = advice_on(people.file_claim(alice, cover, 25_000, key="2"))
    assert result is not None
    assert result.steps[-1].label == "At most €2,000.00 in the whole term, of which €600.00 is used"


def test_a_loss_on_a_day_may_have_been_at_any_time_of_it(alice, cover) -> None:
    claim = people.file_claim(alice, cover, 25_000)
    Claim.objects.filter(pk=claim.pk).update(loss_precision=Claim.Precision.DAY)
    claim.refresh_from_db()
    result = advice_on(claim)
    assert result is not None
    assert {rule.rule for rule in result.trace if rule.outcome is Outcome.REFER} == {"start", "purchase", "valuables"}


def test_erased_answers_leave_the_trip_s_cost_unknown(alice, cover) -> None:
    claim = people.file_claim(alice, cover, 25_000)
    vault.destroy(cover.party.owner)
    assert advice_on(claim) is not None


def test_a_claim_without_items_gets_no_advice(alice, cover) -> None:
    claim = people.file_claim(alice, cover, 25_000)
    claim.lines.all().delete()
    assert advice_on(claim) is None
