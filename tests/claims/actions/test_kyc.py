"""Giving and reviewing an identity."""

import pytest
from django.db import IntegrityError, transaction

from anchoring import log
from claims import files
from claims.actions import kyc
from claims.models import KycCase, Party, Role
from claims.workflow import StepRefused, subject_of
from tests import people

pytestmark = pytest.mark.django_db


def test_alice_gives_her_identity_and_carol_approves_it(alice, carol) -> None:
    case = people.submit_identity(alice)
    assert (case.status, case.findings) == ("submitted", [])
    case = kyc.verify_identity(by=carol, case=case)
    assert (case.status, case.decided_by) == ("verified", carol)
    assert [event.kind for event in log.history(subject_of(case))] == ["kyc.submitted", "kyc.verified"]


def test_a_wrong_check_digit_is_a_finding_for_review_and_no_refusal(alice) -> None:
    good = people.identity_of("Alice Adams")
    wrong = good.mrz[:-1] + ("0" if good.mrz[-1] != "0" else "1")
    case = kyc.submit_identity(by=alice, identity=people.identity_of("Alice Adams", mrz=wrong), scans=[people.a_file()])
    assert (case.status, case.findings) == ("submitted", ["check_composite"])


def test_what_differs_from_the_document_is_found(alice) -> None:
    told = people.identity_of("Alice Adams", full_name="Alice Brown", document_number="X1")
    case = kyc.submit_identity(by=alice, identity=told, scans=[people.a_file()])
    assert case.findings == ["name_differs", "number_differs"]


def test_the_identity_and_the_scan_lie_encrypted(alice) -> None:
    case = people.submit_identity(alice)
    assert b"L898902C3" not in bytes(case.sealed)
    assert case.unseal()["document_number"] == "L898902C3"
    paper = case.documents.get()
    assert files.content_of(owner=paper.owner, document_id=paper.id) == people.PNG


def test_carol_asks_for_more_and_alice_gives_it_in_the_same_case(alice, carol) -> None:
    case = kyc.ask_for_information(
        by=carol, case=people.submit_identity(alice), reason_code="blurry", message="Please photograph it again."
    )
    assert case.status == "info_requested"
    again = kyc.submit_identity(by=alice, identity=people.identity_of("Alice Adams"), scans=[people.a_file()])
    assert (again.pk, again.status) == (case.pk, "submitted")
    assert again.documents.count() == 2


def test_while_a_case_is_open_or_verified_no_second_one_is_opened(alice, carol) -> None:
    people.verify(alice, officer=carol)
    with pytest.raises(StepRefused, match="it stands at “Verified”"):
        people.submit_identity(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        KycCase.objects.create(
            number="KYC-X", party=Party.objects.of(alice), status="submitted", sealed=b"",
            submitted_at=KycCase.objects.get().submitted_at,
        )  # fmt: skip


def test_after_a_rejection_alice_may_start_anew(alice, carol) -> None:
    case = kyc.reject_identity(by=carol, case=people.submit_identity(alice), reason_code="suspicious", message="No.")
    again = people.submit_identity(alice)
    assert (case.status, again.status) == ("rejected", "submitted")
    assert again.number != case.number


def test_carol_cannot_review_her_own_identity(carol) -> None:
    case = people.submit_identity(carol)
    with pytest.raises(StepRefused, match="own case"):
        kyc.verify_identity(by=carol, case=case)
    case.refresh_from_db()
    assert case.status == "submitted"


@pytest.mark.parametrize("role", [role for role in Role if role != Role.KYC_OFFICER])
def test_no_other_role_reviews(alice, bob, role) -> None:
    bob.role = role
    bob.save()
    with pytest.raises(StepRefused, match="role KYC officer"):
        kyc.verify_identity(by=bob, case=people.submit_identity(alice))
