"""Deciding and paying."""

import pytest
from django.db import IntegrityError, transaction

from anchoring import log
from claims.actions import adjusting
from claims.models import ClaimDecision, ClaimPayment, Notice, Role
from claims.workflow import StepRefused, subject_of
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def taken(alice, carol, dora):
    """Alice's claim of 500.00, taken by Dora."""
    claim = people.file_claim(alice, people.insured(alice, officer=carol), 50_000)
    return adjusting.take_claim(by=dora, claim=claim)


@pytest.fixture
def large(alice, carol, dora):
    """Alice's claim of 1,500.00, above Dora's limit of 1,000.00, accepted by her and so proposed."""
    claim = people.file_claim(alice, people.insured(alice, officer=carol), 150_000)
    return people.accept_in_full(claim, by=dora)


def decline(**changes):
    said = {"outcome": "declined", "payable_minor": 0, "rationale": "It was left unattended.",
            "reason_code": "NOT_INSURED_PERIL", "provision_ref": "3.3"}  # fmt: skip
    return adjusting.Verdict(**(said | changes))


def test_dora_decides_alone_within_her_authority(taken, dora) -> None:
    verdict = adjusting.Verdict("accepted", 50_000, "All there.")
    claim = adjusting.decide_claim(by=dora, claim=taken, verdict=verdict)
    assert claim.status == "decided"
    assert claim.decision.approved_by is None


def test_above_her_authority_dora_only_proposes_and_erin_approves(large, erin) -> None:
    assert large.status == "awaiting_approval"
    claim = adjusting.approve_decision(by=erin, claim=large)
    assert claim.status == "decided"
    assert claim.decision.approved_by == erin
    event = log.history(subject_of(claim))[-1]
    assert (event.kind, event.facts["payable_minor"]) == ("claim.decision_approved", 150_000)


def test_declining_more_than_her_authority_needs_a_second_person_too(alice, carol, dora) -> None:
    claim = people.file_claim(alice, people.insured(alice, officer=carol), 150_000)
    adjusting.take_claim(by=dora, claim=claim)
    claim = adjusting.decide_claim(by=dora, claim=claim, verdict=decline())
    assert claim.status == "awaiting_approval"


def test_nobody_approves_their_own_proposal_even_with_the_right_role(large, dora) -> None:
    dora.role = Role.SUPERVISOR
    dora.save()
    with pytest.raises(StepRefused, match="You proposed this yourself"):
        adjusting.approve_decision(by=dora, claim=large)
    large.refresh_from_db()
    assert large.status == "awaiting_approval"
    assert large.decision.approved_by is None
    (refusal,) = log.history(log.Subject("refusal", str(large.pk)))
    assert refusal.facts["step"] == "claim.approve"


def test_the_database_too_refuses_an_approval_of_ones_own(large, dora) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaimDecision.objects.update(approved_by=dora)


def test_erin_sends_a_proposal_back_and_dora_decides_again(large, dora, erin) -> None:
    claim = adjusting.send_back_decision(by=erin, claim=large, reason="The receipt is missing.")
    assert claim.status == "under_review"
    less = adjusting.Verdict("part_accepted", 90_000, "Only what is shown.", "NO_PROOF", "5.2")
    claim = adjusting.decide_claim(by=dora, claim=claim, verdict=less)
    assert (claim.status, claim.decision.payable_minor) == ("decided", 90_000)


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (decline(payable_minor=1), "A declined claim pays nothing"),
        (decline(provision_ref=""), "Name the reason and the clause"),
        (decline(reason_code=""), "Name the reason and the clause"),
        (decline(reason_code="EXCLUSION", provision_ref="3.3"), "Clause 3.3 is not an exclusion of this policy"),
        (decline(rationale="  "), "Say in your own words"),
        (adjusting.Verdict("accepted", 49_999, "x"), "pays exactly what is claimed"),
        (adjusting.Verdict("part_accepted", 50_000, "x", "NO_PROOF", "5.2"), "pays exactly what is claimed"),
        (adjusting.Verdict("accepted", 50_001, "x"), "between nothing and what is claimed"),
        (adjusting.Verdict("part_accepted", -1, "x", "NO_PROOF", "5.2"), "between nothing and what is claimed"),
        (adjusting.Verdict("part_accepted", 0, "x", "NO_PROOF", "5.2"), "any other outcome pays something"),
    ],
)
def test_a_decision_that_contradicts_itself_is_refused_and_leaves_nothing(taken, dora, verdict, sentence) -> None:
    with pytest.raises(adjusting.CannotDecide, match=sentence):
        adjusting.decide_claim(by=dora, claim=taken, verdict=verdict)
    assert ClaimDecision.objects.count() == 0


def test_grace_pays_once_and_alice_is_told(taken, alice, dora, grace) -> None:
    claim = adjusting.decide_claim(by=dora, claim=taken, verdict=adjusting.Verdict("accepted", 50_000, "Yes."))
    claim = adjusting.pay_claim(by=grace, claim=claim, reference="BANK-7")
    assert claim.status == "paid"
    (payment,) = ClaimPayment.objects.all()
    assert (payment.amount_minor, payment.currency, payment.paid_by) == (50_000, "EUR", grace)
    with pytest.raises(StepRefused, match="it stands at “Paid”"):
        adjusting.pay_claim(by=grace, claim=claim, reference="BANK-8")
    assert list(Notice.objects.filter(user=alice).order_by("pk").values_list("template", flat=True)) == [
        "kyc_received", "kyc_verify", "policy_issued", "claim_received", "claim_anchored", "claim_taken",
        "claim_decided", "claim_paid",
    ]  # fmt: skip


def test_a_declined_claim_cannot_be_paid(taken, dora, grace) -> None:
    claim = adjusting.decide_claim(by=dora, claim=taken, verdict=decline())
    with pytest.raises(StepRefused, match="nothing to pay"):
        adjusting.pay_claim(by=grace, claim=claim, reference="BANK-7")


def test_paying_a_claim_that_nobody_decided_is_refused(taken, grace) -> None:
    with pytest.raises(StepRefused, match="Being looked at"):
        adjusting.pay_claim(by=grace, claim=taken, reference="BANK-7")
