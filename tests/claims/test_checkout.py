"""Buying: one charge and one policy, whatever breaks in between."""

import io
import uuid

import pytest
from pypdf import PdfReader

from anchoring import log
from claims import checkout, files
from claims.actions import billing
from claims.gateway import Charge, PaymentDeclined, TestGateway
from claims.models import Document, Policy, PremiumPayment
from claims.money import Money
from claims.workflow import StepRefused, subject_of
from tests import people

pytestmark = pytest.mark.django_db


class Bank:
    """A gateway that keeps its books and can be told to break before or after it took the money."""

    def __init__(self) -> None:
        self.taken: dict[uuid.UUID, Money] = {}
        self.breaks_before = self.breaks_after = False

    def charge(self, *, key: uuid.UUID, amount: Money, card: str) -> Charge:
        if self.breaks_before:
            raise ConnectionError("no answer")
        self.taken.setdefault(key, amount)
        if self.breaks_after:
            raise TimeoutError("the answer was lost")
        return Charge("bank", f"bank-{key}", amount)


@pytest.fixture
def quote(alice, carol):
    people.verify(alice, officer=carol)
    return people.quote_for(alice)


def statuses() -> list[str]:
    return list(PremiumPayment.objects.order_by("initiated_at").values_list("status", flat=True))


def test_alice_buys_and_holds_a_policy_with_its_document(alice, quote) -> None:
    cover = checkout.buy(by=alice, quote=quote, card="test-pays", gateway=TestGateway())
    paper = Document.objects.get(policy=cover)
    content = files.content_of(owner=paper.owner, document_id=paper.pk)
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    assert (paper.name, paper.media_type, paper.size) == (f"{cover.number}.pdf", "application/pdf", len(content))
    assert cover.number in text and "Alice Adams" in text
    assert cover.trust_fingerprint == log.trust_fingerprint()
    assert log.history(subject_of(cover))[0].facts["document.sha256"] == paper.sha256


def test_buying_twice_is_one_charge_and_one_policy(alice, quote) -> None:
    bank = Bank()
    first = checkout.buy(by=alice, quote=quote, card="", gateway=bank)
    assert checkout.buy(by=alice, quote=quote, card="", gateway=bank) == first
    assert (list(bank.taken.values()), Policy.objects.count()) == ([Money(5449, "EUR")], 1)


def test_a_declined_card_is_noted_and_another_card_pays(alice, quote) -> None:
    gateway = TestGateway()
    with pytest.raises(PaymentDeclined, match="Nothing was taken"):
        checkout.buy(by=alice, quote=quote, card="test-declines", gateway=gateway)
    assert (statuses(), Policy.objects.count()) == (["failed"], 0)
    checkout.buy(by=alice, quote=quote, card="test-pays", gateway=gateway)
    assert (statuses(), Policy.objects.count()) == (["failed", "captured"], 1)


@pytest.mark.parametrize("fault", ["breaks_before", "breaks_after"])
def test_a_charge_with_an_unknown_end_is_asked_for_again_under_the_same_payment(alice, quote, fault) -> None:
    bank = Bank()
    setattr(bank, fault, True)
    with pytest.raises(OSError):
        checkout.buy(by=alice, quote=quote, card="", gateway=bank)
    assert (statuses(), Policy.objects.count()) == (["initiated"], 0)
    setattr(bank, fault, False)
    checkout.buy(by=alice, quote=quote, card="", gateway=bank)
    assert (statuses(), len(bank.taken), Policy.objects.count()) == (["captured"], 1, 1)


def test_a_crash_between_charge_and_policy_takes_no_second_charge(alice, quote) -> None:
    bank = Bank()
    payment = billing.initiate_payment(by=alice, quote=quote)
    bank.charge(key=payment.id, amount=Money(quote.total_minor, quote.currency), card="")  # … and the process died
    cover = checkout.buy(by=alice, quote=quote, card="", gateway=bank)
    assert list(bank.taken) == [payment.id]
    assert (statuses(), Policy.objects.get()) == (["captured"], cover)


def test_two_who_issue_at_once_hold_the_same_policy(alice, quote) -> None:
    bank = Bank()
    payment = billing.initiate_payment(by=alice, quote=quote)
    charge = bank.charge(key=payment.id, amount=Money(quote.total_minor, quote.currency), card="")
    first, second = (checkout._issue(payment, charge, by=alice) for _ in range(2))
    assert first == second
    assert Document.objects.filter(kind=Document.Kind.POLICY).count() == 1


def test_a_gateway_asked_again_with_another_card_answers_the_same(alice, quote) -> None:
    gateway, key, amount = TestGateway(), uuid.uuid4(), Money(100, "EUR")
    paid = gateway.charge(key=key, amount=amount, card="test-pays")
    assert gateway.charge(key=key, amount=amount, card="test-declines") == paid


def test_who_is_not_verified_cannot_buy_and_nothing_is_charged(bob) -> None:
    bank = Bank()
    with pytest.raises(billing.CannotPay, match="who you are first"):
        checkout.buy(by=bob, quote=people.quote_for(bob), card="", gateway=bank)
    assert (bank.taken, statuses()) == ({}, [])


def test_bob_cannot_buy_alices_quote_before_or_after_she_did(alice, bob, quote) -> None:
    bank = Bank()
    with pytest.raises(StepRefused, match="Only the person"):
        checkout.buy(by=bob, quote=quote, card="", gateway=bank)
    checkout.buy(by=alice, quote=quote, card="", gateway=bank)
    with pytest.raises(StepRefused, match="Only the person"):
        checkout.buy(by=bob, quote=quote, card="", gateway=bank)
    assert len(bank.taken) == 1


def test_the_document_is_made_of_the_offer_that_was_accepted(alice, quote) -> None:
    cover = checkout.buy(by=alice, quote=quote, card="test-pays", gateway=TestGateway())
    assert (cover.premium_minor, cover.product_sha256) == (quote.total_minor, quote.product_sha256)
    assert cover.ends_at == quote.ends_at
