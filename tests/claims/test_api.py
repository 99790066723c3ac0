"""The API: what each person sees and does with a token."""

import io
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from proofbundle import verify_tlog_proof
from pypdf import PdfReader

from anchoring import config, verify
from anchoring.models import Entry
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims.actions import adjusting
from claims.models import Claim
from tests import people

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    """A client that sends the user's token."""
    _, token = AuthToken.objects.create(user)
    return Client(headers={"Authorization": f"Token {token}"})


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


def report(cover, **changes) -> dict:
    told = {
        "policy": cover.number, "cause_code": "baggage_stolen", "loss_at": timezone.now().isoformat(),
        "place": "Lisbon", "description": "Taken from the train.", "currency": "EUR",
        "items": [{"item": "Camera", "claimed_minor": 24_900}],
    }  # fmt: skip
    return told | changes


def file(client: Client, body: dict, key: str = "k-1"):
    return client.post("/api/claims/", body, content_type="application/json", headers={"Idempotency-Key": key})


def test_without_a_token_nothing_is_shown(client, cover) -> None:
    for path in ("/api/policies/", "/api/claims/"):
        response = client.get(path)
        assert (response.status_code, response.json()) == (
            401, {"detail": "Authentication credentials were not provided."},
        )  # fmt: skip


def test_alice_sees_her_policies_and_claims_and_bob_none_of_them(alice, bob, cover) -> None:
    claim = people.file_claim(alice, cover)
    assert [row["number"] for row in client_of(alice).get("/api/policies/").json()["results"]] == [cover.number]
    assert [row["number"] for row in client_of(alice).get("/api/claims/").json()["results"]] == [claim.number]
    for path in ("/api/policies/", "/api/claims/"):
        assert client_of(bob).get(path).json()["results"] == []
    for path in (f"claims/{claim.number}/", f"claims/{claim.number}/proof/", f"claims/{claim.number}/receipt/",
                 f"claims/{claim.number}/tlog-proof/", f"policies/{cover.number}/"):  # fmt: skip
        assert client_of(bob).get(f"/api/{path}").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_claims_costs_the_same_queries_however_long(alice, cover, count, django_assert_num_queries) -> None:
    for number in range(count):
        people.file_claim(alice, cover, key=str(number))
    client = client_of(alice)
    with django_assert_num_queries(3):  # token, last use of it, page
        assert len(client.get("/api/claims/").json()["results"]) == count


def test_filing_twice_with_one_key_is_one_claim(alice, cover) -> None:
    client = client_of(alice)
    first, second = file(client, report(cover)), file(client, report(cover))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["number"] == second.json()["number"]
    assert first.json()["claimed_minor"] == 24_900
    assert [event["stage"]["word"] for event in first.json()["events"]] == ["Recorded"]
    assert Claim.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"currency": "USD"}, "currency", "Amounts under this policy are in EUR."),
        ({"policy": "POL-0"}, "policy", "You have no policy with this number."),
        ({"loss_at": "2099-01-01T00:00:00Z"}, "loss_at", "The loss must lie in the past. Check the date and time."),
        ({"cause_code": "dragons"}, "cause_code", "Choose what happened from the list."),
        ({"loss_precision": "synthesised"}, "loss_precision", '"synthesised" is not a valid choice.'),
    ],
)
def test_a_report_that_cannot_be_a_claim_names_the_field(alice, cover, changes, field, sentence) -> None:
    response = file(client_of(alice), report(cover, **changes))
    assert (response.status_code, response.json()) == (400, {field: [sentence]})
    assert Claim.objects.count() == 0


@pytest.mark.parametrize("amount", [0, -1, "12.5", 10**19])
def test_an_amount_that_is_no_positive_number_of_cents_is_refused(alice, cover, amount) -> None:
    response = file(client_of(alice), report(cover, items=[{"item": "x", "claimed_minor": amount}]))
    assert (response.status_code, list(response.json())) == (400, ["items"])


@pytest.mark.parametrize("key", ["", "x" * 65, "ключ"])
def test_filing_needs_an_idempotency_key(alice, cover, key) -> None:
    response = file(client_of(alice), report(cover), key=key)
    assert response.status_code == 400
    assert list(response.json()) == ["Idempotency-Key"]


def test_dora_cannot_file_under_alices_policy_and_the_attempt_is_recorded(dora, cover) -> None:
    response = file(client_of(dora), report(cover))
    assert (response.status_code, response.json()) == (
        409, {"detail": "Only the person whose record this is may do this."},
    )  # fmt: skip
    assert Entry.objects.filter(kind="refusal.recorded").count() == 1


def test_evidence_is_added_and_a_lying_file_is_refused(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    client, path = client_of(alice), f"/api/claims/{claim.number}/evidence/"
    added = client.post(path, {"files": [SimpleUploadedFile("b.png", people.PNG + b"1")]})
    assert (added.status_code, claim.documents.count()) == (200, 2)
    refused = client.post(path, {"files": [SimpleUploadedFile("b.png", b"MZ not a picture")]})
    assert refused.status_code == 400
    assert refused.json()["files"][0].startswith("“b.png” is not a kind of file that we can read.")
    nothing = client.post(path, {})
    assert (nothing.status_code, list(nothing.json())) == (400, ["files"])


def test_the_proof_is_the_file_the_verifier_checks(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    client = client_of(alice)
    pending = client.get(f"/api/claims/{claim.number}/proof/")
    assert pending["Content-Disposition"] == f'attachment; filename="{claim.number}.proof.json"'
    assert verify.verify(pending.content, trust_file()).exit_code == 3
    sequencer.sequence()
    sealed = client.get(f"/api/claims/{claim.number}/proof/").content
    lines = verify.verify(sealed, trust_file()).lines
    assert [line.status for line in lines] == ["passed", "passed", *["pending"] * 3, *["not checked"] * 2]
    event = client.get(f"/api/claims/{claim.number}/").json()["events"][0]["id"]
    one = json.loads(client.get(f"/api/claims/{claim.number}/proof/?event={event}").content)
    assert [json.loads(entry["entry"])["id"] for entry in one["entries"]] == [event]


@pytest.mark.parametrize("event", ["nonsense", str(uuid.uuid4())])
def test_the_proof_of_an_unknown_event_is_404(alice, cover, event) -> None:
    claim = people.file_claim(alice, cover)
    response = client_of(alice).get(f"/api/claims/{claim.number}/proof/?event={event}")
    assert (response.status_code, response.json()) == (404, {"detail": "This record has no such event."})


def test_the_certificate_carries_the_same_file_whatever_is_accepted(alice, cover) -> None:
    claim, client = people.file_claim(alice, cover), client_of(alice)
    for path, number in ((f"claims/{claim.number}", claim.number), (f"policies/{cover.number}", cover.number)):
        answer = client.get(f"/api/{path}/certificate.pdf", headers={"Accept": "application/pdf"})
        assert (answer.status_code, answer["Content-Type"], answer["Content-Disposition"]) == (
            200, "application/pdf", f'attachment; filename="{number}.certificate.pdf"',
        )  # fmt: skip
        proof = client.get(f"/api/{path}/proof/").content
        assert PdfReader(io.BytesIO(answer.content)).attachments == {f"{number}.proof.json": [proof]}


@pytest.mark.parametrize("form", ["proof/", "certificate.pdf"])
def test_only_the_holder_and_compliance_get_a_proof_and_compliance_is_recorded(
    alice, bob, dora, frank, cover, form
) -> None:
    claim = people.file_claim(alice, cover)
    for path in (f"claims/{claim.number}", f"policies/{cover.number}"):
        answers = [client_of(user).get(f"/api/{path}/{form}").status_code for user in (alice, frank, dora, bob)]
        assert answers == [200, 200, 404, 404]
    exports = Entry.objects.filter(kind="proof.exported", subject_type="access")
    assert {entry.subject_id for entry in exports} == {str(claim.pk), str(cover.pk)}
    assert exports.count() == 2


@pytest.mark.parametrize("path", ["claims/{0}/certificate.pdf", "policies/{1}/proof/", "policies/{1}/certificate.pdf"])
@pytest.mark.parametrize("event", ["nonsense", str(uuid.uuid4())])
def test_no_form_of_a_proof_exists_for_an_unknown_event(alice, cover, path, event) -> None:
    claim = people.file_claim(alice, cover)
    response = client_of(alice).get(f"/api/{path.format(claim.number, cover.number)}?event={event}")
    assert (response.status_code, response.json()) == (404, {"detail": "This record has no such event."})


def test_the_tlog_proof_of_an_event_is_one_that_anothers_tool_accepts(alice, carol, cover) -> None:
    claim = people.file_claim(alice, cover)
    client, path = client_of(alice), f"/api/claims/{claim.number}/tlog-proof/"
    waiting = client.get(path)
    assert (waiting.status_code, waiting.json()) == (
        409, {"detail": "This record has no seal yet. Sealing takes seconds: ask again soon."},
    )  # fmt: skip
    people.claim.withdraw_claim(by=alice, claim=claim)
    sequencer.sequence()
    entries = json.loads(client.get(f"/api/claims/{claim.number}/proof/").content)["entries"]
    key = config.log_key().verifier_key
    for query, entry in (("", entries[0]), (f"?event={json.loads(entries[1]['entry'])['id']}", entries[1])):
        response = client.get(path + query)
        assert response["Content-Disposition"] == f'attachment; filename="{claim.number}.tlog-proof"'
        assert verify_tlog_proof(response.content.decode(), entry["entry"].encode(), key)["ok"]
    for event in ("nonsense", uuid.uuid4()):
        response = client.get(f"{path}?event={event}")
        assert (response.status_code, response.json()) == (404, {"detail": "This record has no such event."})


def test_the_decision_is_shown_once_it_stands(alice, dora, erin, cover) -> None:
    claim = people.file_claim(alice, cover, 150_000)
    people.accept_in_full(claim, by=dora)
    client, path = client_of(alice), f"/api/claims/{claim.number}/"
    assert client.get(path).json()["decision"] is None
    adjusting.approve_decision(by=erin, claim=claim)
    assert client.get(path).json()["decision"] == {
        "outcome": "accepted", "payable_minor": 150_000, "currency": "EUR", "reason_code": "", "provision_ref": "",
        "rationale": "Covered, and the receipts agree.",
    }  # fmt: skip


def test_the_receipt_is_the_one_the_verifier_accepts(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    receipt = client_of(alice).get(f"/api/claims/{claim.number}/receipt/").content
    assert verify.verify(receipt, trust_file()).exit_code == 0


def test_compliance_sees_every_fact_and_the_holder_not_who_worked_on_it(alice, dora, frank, cover) -> None:
    claim = people.file_claim(alice, cover)
    people.accept_in_full(claim, by=dora)
    sequencer.sequence()

    def shown(user) -> int:
        proof = json.loads(client_of(user).get(f"/api/claims/{claim.number}/proof/").content)
        return sum(len(entry["disclosures"]) for entry in proof["entries"])

    assert shown(frank) > shown(alice)


def test_the_schema_names_every_operation_and_its_refusals(client) -> None:
    schema = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    operations = {(path, method) for path, ways in schema["paths"].items() for method in ways}
    assert operations >= {
        ("/api/policies/", "get"), ("/api/policies/{number}/", "get"), ("/api/claims/", "get"),
        ("/api/claims/", "post"),
        ("/api/claims/{number}/", "get"), ("/api/claims/{number}/evidence/", "post"),
        ("/api/claims/{number}/receipt/", "get"), ("/api/claims/{number}/proof/", "get"),
        ("/api/claims/{number}/tlog-proof/", "get"),
        ("/api/claims/{number}/certificate.pdf", "get"), ("/api/policies/{number}/proof/", "get"),
        ("/api/policies/{number}/certificate.pdf", "get"),
    }  # fmt: skip
    assert set(schema["paths"]["/api/claims/"]["post"]["responses"]) == {"201", "400", "401", "404", "409", "429"}
