"""carol reviews identities: what was typed beside what the document's lines say, and the review's three ends."""

from datetime import date

import pytest
from django.urls import reverse

from anchoring import log, vault
from anchoring.log import Subject
from claims.actions import kyc
from claims.models import KycCase
from claims.workflow import subject_of
from tests import people
from tests.claims.admin.test_claims import DAMAGED, tamper, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(alice) -> KycCase:
    return people.submit_identity(alice)


@pytest.fixture
def odd(bob) -> KycCase:
    """Three of four things differ from the document's lines."""
    identity = people.identity_of(
        "Bob Brown", full_name="Robert Browne", date_of_birth=date(1981, 5, 18), document_number="L898902C4"
    )
    return kyc.submit_identity(by=bob, identity=identity, scans=[people.a_file("passport.png")])


def step(case: KycCase, name: str) -> str:
    return reverse("admin:claims_kyccase_step", args=[case.pk, name])


def test_the_list_counts_what_does_not_fit(client, carol, case, odd) -> None:
    client.force_login(carol)
    text = words(client.get(reverse("admin:claims_kyccase_changelist")))
    assert "Alice Adams We are checking Nothing found" in text
    assert "Robert Browne We are checking 3 points" in text


def test_differences_are_marked_in_words_beside_the_findings(client, carol, odd) -> None:
    client.force_login(carol)
    answer = client.get(reverse("admin:claims_kyccase_change", args=[odd.pk]))
    assert [(row.key, row.typed, row.printed, row.word) for row in answer.context["compared"]][:3] == [
        ("Name", "Robert Browne", "BROWN, BOB", "Differ"),
        ("Date of birth", "18 May 1981", "17 May 1981", "Differ"),
        ("Document number", "L898902C4", "L898902C3", "Differ"),
    ]
    assert answer.context["compared"][3].word == "Agree"
    text = words(answer)
    for sentence in (
        "The typed name and the name in the zone differ.", "The typed date of birth and the one in the zone differ.",
        "The typed document number and the one in the zone differ.", "1 Long Lane, Utopia", "passport.png",
    ):  # fmt: skip
        assert sentence in text, sentence
    document = odd.documents.get()
    assert f'href="{reverse("document", args=[document.pk])}"' in answer.content.decode()


def test_carol_approves(client, carol, case) -> None:
    client.force_login(carol)
    client.post(step(case, "verify"))
    case.refresh_from_db()
    assert (case.status, case.decided_by) == (KycCase.Status.VERIFIED, carol)


@pytest.mark.parametrize(
    ("name", "reason", "others", "status"),
    [
        ("ask", "blurry", "altered_document", KycCase.Status.INFO_REQUESTED),
        ("reject", "altered_document", "blurry", KycCase.Status.REJECTED),
    ],
)
def test_asking_and_rejecting_need_a_reason_of_their_own_and_words(
    client, carol, case, name: str, reason: str, others: str, status: str
) -> None:
    client.force_login(carol)
    refused = client.post(step(case, name), {"reason_code": others, "message": ""})
    assert set(refused.context["form"].errors) == {"reason_code", "message"}
    client.post(step(case, name), {"reason_code": reason, "message": "Hold the camera still."})
    case.refresh_from_db()
    assert (case.status, case.reason_code, case.message) == (status, reason, "Hold the camera still.")
    assert "Hold the camera still." in words(client.get(reverse("admin:claims_kyccase_change", args=[case.pk])))


def test_carol_does_not_review_herself_and_the_attempt_is_recorded(client, carol) -> None:
    own = people.submit_identity(carol)
    client.force_login(carol)
    assert client.get(reverse("admin:claims_kyccase_change", args=[own.pk])).context["offers"] == []
    answer = client.post(step(own, "verify"))
    assert "Nobody may work on their own case." in words(answer)
    assert [e.kind for e in log.history(subject_of(own))] == ["kyc.submitted"]
    assert [e.facts["step"] for e in log.history(Subject("refusal", str(own.pk)))] == ["kyc.verify"]


def test_compliance_looks_but_does_not_review(client, frank, case) -> None:
    client.force_login(frank)
    answer = client.get(reverse("admin:claims_kyccase_change", args=[case.pk]))
    assert answer.context["offers"] == []
    assert "Only someone with the role KYC officer may do this." in words(client.post(step(case, "verify")))
    proof = client.get(reverse("admin:claims_kyccase_proof", args=[case.pk]))
    assert proof.content == log.proof(subject_of(case), owners=None)
    shown = client.get(reverse("admin:claims_kyccase_change", args=[case.pk])).content.decode()
    assert (reverse("admin:claims_kyccase_certificate", args=[case.pk]) in shown, "--refresh" in shown) == (True, False)


def test_an_erased_identity_is_said_to_be_erased(client, carol, case) -> None:
    vault.destroy(case.owner)
    client.force_login(carol)
    assert "The content was erased." in words(client.get(reverse("admin:claims_kyccase_change", args=[case.pk])))


def test_a_tampered_identity_is_not_shown_and_says_so_to_all_who_read_the_case(client, carol, frank, case) -> None:
    tamper(case)
    for reader in (carol, frank):
        client.force_login(reader)
        answer = client.get(reverse("admin:claims_kyccase_change", args=[case.pk]))
        assert (answer.status_code, answer.context["damaged"]) == (200, DAMAGED)
        assert (DAMAGED in words(answer), "Typed and printed" in words(answer)) == (True, False)
