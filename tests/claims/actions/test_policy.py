"""Prices, payments and policies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from anchoring import log
from claims.actions import billing, policy
from claims.catalogue import product
from claims.models import Document, Policy, PremiumPayment
from claims.workflow import StepRefused, subject_of
from tests import people

pytestmark = pytest.mark.django_db


def test_a_price_is_locked_with_the_tariff_it_rests_on(alice) -> None:
    quote = people.quote_for(alice)
    assert (quote.net_minor, quote.tax_minor, quote.total_minor) == (4541, 908, 5449)
    assert quote.product_sha256 == product("travel-1").sha256
    facts = log.history(subject_of(quote))[0].facts
    assert (facts["answer.trip_cost"], facts["total_minor"]) == ("1800.00", 5449)


def test_nobody_buys_before_their_identity_is_verified(alice) -> None:
    with pytest.raises(billing.CannotPay, match="who you are first"):
        billing.initiate_payment(by=alice, quote=people.quote_for(alice))
    people.submit_identity(alice)
    with pytest.raises(billing.CannotPay, match="still checking"):
        billing.initiate_payment(by=alice, quote=people.quote_for(alice))
    assert not PremiumPayment.objects.exists()


def test_an_offer_that_ended_cannot_be_bought(alice, carol, time_machine) -> None:
    people.verify(alice, officer=carol)
    quote = people.quote_for(alice)
    time_machine.move_to(quote.valid_until + timedelta(seconds=1))
    with pytest.raises(billing.CannotPay, match="This offer has ended"):
        billing.initiate_payment(by=alice, quote=quote)


def test_bob_cannot_pay_for_alices_quote(alice, bob, carol) -> None:
    people.verify(alice, officer=carol)
    with pytest.raises(StepRefused, match="Only the person"):
        billing.initiate_payment(by=bob, quote=people.quote_for(alice))


def test_a_payment_under_way_is_continued_not_started_again(alice, carol) -> None:
    people.verify(alice, officer=carol)
    quote = people.quote_for(alice)
    first = billing.initiate_payment(by=alice, quote=quote)
    assert billing.initiate_payment(by=alice, quote=quote) == first
    billing.note_failed_payment(by=alice, payment=first)
    assert billing.initiate_payment(by=alice, quote=quote) != first


def test_buying_records_payment_acceptance_and_policy_together(alice, carol) -> None:
    cover = people.insured(alice, officer=carol)
    assert [event.kind for event in log.history(subject_of(cover.quote))] == ["quote.priced", "quote.accepted"]
    payment = cover.quote.payments.get()
    assert [event.kind for event in log.history(subject_of(payment))] == ["premium.initiated", "premium.captured"]
    (event,) = log.history(subject_of(cover))
    assert (event.kind, event.facts["number"]) == ("policy.issued", cover.number)
    assert Document.objects.get(policy=cover).kind == "policy"


def test_cover_bought_on_the_day_of_departure_begins_with_the_purchase(alice, carol) -> None:
    before = timezone.now()
    cover = people.insured(alice, officer=carol)
    assert before <= cover.starts_at <= timezone.now()
    assert cover.status_at(timezone.now()) == "Covers you now"
    assert cover.status_at(cover.ends_at) == "Ended"
    assert cover.status_at(cover.starts_at - timedelta(seconds=1)) == "Starts soon"


def test_buying_twice_gives_the_same_policy(alice, carol) -> None:
    people.verify(alice, officer=carol)
    quote = people.quote_for(alice)
    assert people.buy(alice, quote) == people.buy(alice, quote)
    assert Policy.objects.count() == 1


def test_a_policy_taken_over_twice_is_one_policy(uma) -> None:
    def take_over() -> Policy:
        now = timezone.now()
        term = policy.Term(now, now + timedelta(days=365))
        return policy.take_over_policy(
            by=uma, holder_name="Imported holder 1", product=product("airport-baggage-us-1"), term=term,
            external_ref="other-book:1", trust_fingerprint="f" * 64,
        )  # fmt: skip

    assert take_over() == take_over()
    (event,) = log.history(subject_of(Policy.objects.get()))
    assert (event.kind, event.facts["holder"]) == ("policy.taken_over", "Imported holder 1")


def test_only_an_underwriter_takes_policies_over(dora) -> None:
    term = policy.Term(timezone.now(), timezone.now() + timedelta(days=1))
    with pytest.raises(StepRefused, match="role Underwriter"):
        policy.take_over_policy(
            by=dora, holder_name="x", product=product("airport-baggage-us-1"), term=term, external_ref="x",
            trust_fingerprint="f" * 64,
        )  # fmt: skip
    assert not Policy.objects.exists()
