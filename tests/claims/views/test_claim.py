"""alice follows her claim; bob finds nothing; compliance gets the proof; every figure and every word is there."""

import io
import json
import re
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from anchoring import log, trust, vault, verify
from anchoring.models import Entry
from anchoring.seal import sequencer
from claims.actions import adjusting
from claims.actions import claim as actions
from claims.models import Claim
from claims.workflow import subject_of
from tests import people
from tests.anchoring.log_world import a_chain, register, tick
from tests.people import PNG

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


@pytest.fixture
def claim(alice, cover) -> Claim:
    return people.file_claim(alice, cover, 25_000, 5_050)


@pytest.fixture
def browser(alice, client):
    client.force_login(alice)
    return client


@pytest.fixture
def chain():
    """A chain on which the log is registered."""
    made = a_chain()
    register(made)
    return made


def anchor(chain) -> None:
    """Everything recorded so far, sealed and anchored."""
    sequencer.sequence()
    tick(chain)
    for _ in range(40):
        chain.mine()
    tick(chain)


def at(name: str, claim: Claim, *more: object) -> str:
    return reverse(name, args=[claim.number, *more])


def read(browser, claim: Claim) -> str:
    return browser.get(at("claim", claim)).content.decode()


def missing(shown: str, *expected: str) -> list[str]:
    return [text for text in expected if text not in shown]


def decide(claim: Claim, by, outcome: str = "part_accepted", payable: int = 20_000, **reason: str) -> Claim:
    adjusting.take_claim(by=by, claim=claim)
    given = {"reason_code": "ITEM_LIMIT", "provision_ref": "4.3"} | reason
    verdict = adjusting.Verdict(outcome, payable, "The receipts show less.", **given)
    return adjusting.decide_claim(by=by, claim=claim, verdict=verdict)


def shape(proof: bytes) -> dict[str, object]:
    """What the one-file verifier makes of it, offline."""
    report = verify.verify(proof, trust.trust_file())
    return {line.number: line.status for line in report.lines}


def shown_by(proof: bytes) -> list[dict[str, object]]:
    """The facts of each event that the proof discloses."""
    return [fact.shown for fact in verify.verify(proof, trust.trust_file()).facts]


# --- What is read ---


def test_after_sending_alice_sees_number_next_step_time_limit_and_receipt(browser, claim) -> None:
    shown = read(browser, claim)
    assert missing(
        shown, "We have your claim", claim.number, "Our turn, by ", at("claim-receipt", claim),
        at("claim-proof", claim), "You sent this claim", "€300.50 for 2 things, with one file.", "€250.00",
        "€50.50", "receipt.png", "My bag was taken from the train.", "IE29 AIBK 9311 5212 3456 78",
        "My baggage or something in it was stolen",
    ) == []  # fmt: skip


def test_a_late_decision_is_admitted(browser, claim) -> None:
    Claim.objects.filter(pk=claim.pk).update(
        reported_at=timezone.now() - timedelta(days=40), loss_at=timezone.now() - timedelta(days=41)
    )
    assert missing(read(browser, claim), "Our turn: we missed ", "turn--late") == []


def test_a_decision_names_amount_reason_clause_in_full_and_the_way_to_disagree(browser, claim, dora) -> None:
    decide(claim, dora)
    shown = read(browser, claim)
    assert missing(
        shown, "Our decision: accepted in part", "€200.00", "We paid up to the limit for a single item.",
        "Baggage: up to €2,000.00; for one item up to €300.00", "Clause 4.3 of your terms", "The receipts show less.",
        "Do you disagree?", "We pay you €200.00.",
    ) == []  # fmt: skip
    assert ("ITEM_LIMIT" in shown, dora.name in shown) == (False, False)


def test_a_decline_says_why_and_what_alice_can_do(browser, claim, dora) -> None:
    decide(claim, dora, "declined", 0, reason_code="EXCLUSION", provision_ref="5.3")
    shown = read(browser, claim)
    assert missing(
        shown, "Our decision: declined", "Baggage left unattended", "Clause 5.3", "Nothing to do",
        "We declined this claim.",
    ) == []  # fmt: skip


def test_a_proposal_is_not_given_away_before_a_second_person_agreed(browser, alice, cover, dora) -> None:
    claim = people.file_claim(alice, cover, 900_000, key="large")
    people.accept_in_full(claim, by=dora)
    shown = read(browser, claim)
    assert missing(shown, "A decision is proposed; a second person looks at it") == []
    assert "Our decision" not in shown


def test_a_payment_shows_amount_and_reference(browser, claim, dora, grace) -> None:
    adjusting.pay_claim(by=grace, claim=decide(claim, dora), reference="BANK-1")
    assert missing(read(browser, claim), "We paid €200.00. This claim is closed.", "BANK-1", "We paid you") == []


def test_a_clause_that_the_terms_do_not_have_is_still_named(browser, claim, dora) -> None:
    decide(claim, dora, provision_ref="99.9")
    assert missing(read(browser, claim), "It rests on clause 99.9 of your terms.") == []


def test_a_loss_of_which_only_the_day_is_known_shows_no_time(browser, claim) -> None:
    Claim.objects.filter(pk=claim.pk).update(loss_precision=Claim.Precision.DAY)
    assert "(the day; the time is not known)" in read(browser, claim)


def test_the_page_says_what_the_dots_and_the_receipt_are_and_leads_to_the_check(browser, claim) -> None:
    shown = read(browser, claim)
    assert missing(shown, "What you did", "What we did", "Our signed promise", "Check a proof") == []


def test_erased_content_is_said_to_be_erased_and_the_page_still_reads(browser, claim) -> None:
    vault.destroy(claim.owner)
    shown = read(browser, claim)
    assert missing(shown, "The content was erased", claim.number, "You sent this claim") == []
    assert "My bag was taken" not in shown


def test_content_that_was_changed_is_not_shown(browser, claim) -> None:
    Claim.objects.filter(pk=claim.pk).update(sealed=b"\x00" * 60)
    shown = read(browser, claim)
    assert missing(shown, "This copy does not match what was recorded") == []


def test_the_page_asks_as_many_questions_for_three_events_and_files_as_for_one(browser, claim, alice, dora) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as main, CaptureQueriesContext(connections["vault"]) as keys:
            assert browser.get(at("claim", claim)).status_code == 200
        return len(main) + len(keys)

    read(browser, claim)
    one = questions()
    for name in ("a", "b"):
        actions.add_evidence(by=alice, claim=claim, uploads=[people.a_file(f"{name}.png", PNG + name.encode())])
    assert (questions(), Claim.objects.get().documents.count()) == (one, 3)


# --- Ladders that climb ---


def test_ladders_climb_while_alice_watches_and_then_the_asking_ends(browser, claim, chain) -> None:
    shown = read(browser, claim)
    asked = re.search(r'id="watch"[^>]* hx-get="([^"]+)" hx-trigger="every 2s"', shown)[1]
    assert asked == at("claim-ladder", claim) + "?seen=R"
    assert browser.get(asked).status_code == 204
    sequencer.sequence()
    sealed = browser.get(asked).content.decode()
    entry = Entry.objects.get(kind="claim.submitted")
    assert missing(sealed, "?seen=S", f'id="rungs-{entry.id}" hx-swap-oob="innerHTML"', "1 sealed, 0 anchored") == []
    anchor(chain)
    settled = browser.get(asked).content.decode()
    assert missing(settled, "This record stands in the public record.", "Anchored") == []
    assert "hx-trigger" not in settled
    assert "hx-trigger" not in read(browser, claim)


def test_only_what_rose_is_sent_again(browser, claim, alice, chain) -> None:
    anchor(chain)
    actions.add_evidence(by=alice, claim=claim, uploads=[people.a_file("b.png", PNG + b"b")])
    sequencer.sequence()
    first, second = Entry.objects.filter(subject_id=str(claim.pk)).order_by("seq")
    shown = browser.get(at("claim-ladder", claim) + "?seen=AR").content.decode()
    assert (str(first.id) in shown, str(second.id) in shown) == (False, True)


def test_a_new_event_loads_the_page_again(browser, claim, dora) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    answer = browser.get(at("claim-ladder", claim) + "?seen=R")
    assert (answer.headers["HX-Refresh"], answer.content) == ("true", b"")


def test_a_broken_promise_to_seal_is_shown(browser, claim, settings) -> None:
    settings.SEAL_WITHIN_SECONDS = -1
    assert missing(read(browser, claim), "Sealing is delayed", "?seen=L") == []


# --- Proofs and receipts ---


def test_the_receipt_is_there_at_once_and_the_verifier_accepts_it(browser, claim) -> None:
    answer = browser.get(at("claim-receipt", claim))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{claim.number}.receipt.txt"'
    assert verify.verify(answer.content, trust.trust_file()).exit_code == 0
    assert str(claim.pk) in answer.content.decode()


def test_every_event_has_a_receipt_and_a_proof_of_its_own(browser, claim, alice) -> None:
    actions.add_evidence(by=alice, claim=claim, uploads=[people.a_file("b.png", PNG + b"b")])
    event = log.history(subject_of(claim))[1]
    receipt = browser.get(at("event-receipt", claim, event.id))
    assert receipt.headers["Content-Disposition"].endswith(f'"{claim.number}.{str(event.id)[:8]}.receipt.txt"')
    assert str(event.id) in receipt.content.decode()
    proof = json.loads(browser.get(at("event-proof", claim, event.id)).content)
    assert [json.loads(item["entry"])["kind"] for item in proof["entries"]] == [
        "claim.submitted", "claim.evidence_added",
    ]  # fmt: skip


def test_a_pending_proof_is_a_valid_file_that_says_so_and_an_anchored_one_is_complete(browser, claim, chain) -> None:
    answer = browser.get(at("claim-proof", claim))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{claim.number}.proof.json"'
    assert shape(answer.content)[2] == "pending"
    anchor(chain)
    assert [shape(browser.get(at("claim-proof", claim)).content)[n] for n in (1, 2)] == ["passed", "passed"]


def test_alice_s_proof_shows_what_is_hers_and_not_which_adjuster_it_was(browser, claim, dora) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    proof = browser.get(at("claim-proof", claim)).content
    facts = shown_by(proof)
    assert (facts[0]["place"], "by" in facts[0], "by" in facts[1]) == ("Lisbon", True, False)


def test_compliance_gets_the_proof_of_any_claim_with_everything(client, claim, frank, dora) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    client.force_login(frank)
    facts = shown_by(client.get(at("claim-proof", claim)).content)
    assert (facts[0]["place"], facts[1]["by"]) == ("Lisbon", str(dora.person))


def test_the_certificate_stands_beside_each_proof_and_carries_the_same_file(browser, claim) -> None:
    event = log.history(subject_of(claim))[0].id
    shown = read(browser, claim)
    for more in ((), (event,)):
        paper, file = ("event-certificate", "event-proof") if more else ("claim-certificate", "claim-proof")
        answer = browser.get(at(paper, claim, *more))
        part = f".{str(event)[:8]}" if more else ""
        assert (answer.headers["Content-Disposition"], answer.headers["Content-Type"]) == (
            f'attachment; filename="{claim.number}{part}.certificate.pdf"', "application/pdf",
        )  # fmt: skip
        inside = PdfReader(io.BytesIO(answer.content)).attachments
        assert inside == {f"{claim.number}{part}.proof.json": [browser.get(at(file, claim, *more)).content]}
        assert missing(shown, at(paper, claim, *more)) == []


def test_the_page_says_how_to_bring_an_older_file_up_to_date(browser, claim) -> None:
    address = settings.SITE_URL + reverse("api-claim-proof", args=[claim.number])
    assert missing(
        read(browser, claim), f"{claim.number}.proof.json --trust trust.json --refresh {address} --token-file key.txt",
        reverse("api-tokens"), "Authorization: Token", f"{address}?event={log.history(subject_of(claim))[0].id}",
    ) == []  # fmt: skip


def test_what_is_anchored_needs_no_bringing_up_to_date(browser, claim, chain) -> None:
    anchor(chain)
    assert "?event=" not in read(browser, claim)


def test_compliance_taking_the_certificate_of_a_claim_is_recorded(client, claim, alice, frank) -> None:
    event = log.history(subject_of(claim))[0].id
    for user in (alice, frank):
        client.force_login(user)
        client.get(at("claim-certificate", claim))
        client.get(at("event-certificate", claim, event))
    exports = [looked.facts["event"] for looked in log.history(log.Subject("access", str(claim.pk)))]
    assert exports == ["all", str(event)]


def test_other_staff_work_at_their_desk_and_get_no_proof(client, claim, dora, frank) -> None:
    desk = reverse("admin:claims_claim_change", args=[claim.pk])
    for member in (dora, frank):
        client.force_login(member)
        assert client.get(at("claim", claim)).url == desk
    client.force_login(dora)
    names = ("claim-proof", "claim-certificate", "claim-receipt")
    assert [client.get(at(name, claim)).status_code for name in names] == [404, 404, 404]


def test_an_event_of_another_claim_is_not_found(browser, claim, alice, cover) -> None:
    other = people.file_claim(alice, cover, 100, key="other")
    elsewhere = log.history(subject_of(other))[0].id
    for name in ("event-proof", "event-certificate", "event-receipt"):
        assert browser.get(at(name, claim, elsewhere)).status_code == 404
        assert browser.get(at(name, claim, uuid.uuid4())).status_code == 404


PAGES = [
    "claim",
    "claim-evidence",
    "claim-withdraw",
    "claim-receipt",
    "claim-proof",
    "claim-certificate",
    "claim-ladder",
]


@pytest.mark.parametrize("name", PAGES)
def test_bob_finds_nothing_under_alice_s_number_and_strangers_must_sign_in(client, claim, bob, name) -> None:
    assert client.get(at(name, claim)).url == reverse("account_login") + "?next=" + at(name, claim)
    client.force_login(bob)
    assert client.get(at(name, claim)).status_code == 404
    assert client.post(at(name, claim)).status_code in (404, 405)


@pytest.mark.parametrize("name", PAGES)
def test_a_number_that_nobody_has_is_not_found(browser, alice, name) -> None:
    assert browser.get(reverse(name, args=["CLM-2026-999999-X"])).status_code == 404


# --- Adding and withdrawing ---


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_alice_adds_files_once_each_and_they_are_recorded(browser, claim) -> None:
    sent = {"uploads": [upload("police.png", PNG + b"p"), upload("again.png", PNG)]}
    assert browser.post(at("claim-evidence", claim), sent).url == at("claim", claim)
    assert list(claim.documents.order_by("received_at").values_list("name", flat=True)) == ["receipt.png", "police.png"]
    assert Entry.objects.filter(kind="claim.evidence_added").count() == 1
    assert missing(read(browser, claim), "You added files", "One file, each with its own fingerprint.") == []


def test_files_that_are_refused_are_named_and_the_others_are_kept(browser, claim) -> None:
    sent = {"uploads": [upload("police.png", PNG + b"p"), upload("lie.pdf", PNG), upload("empty.pdf", b"")]}
    answer = browser.post(at("claim-evidence", claim), sent)
    assert answer.context["form"].errors["uploads"] == [
        "“lie.pdf” is named like a PDF, but it is a picture. Rename it or save it again, then send it.",
        "“empty.pdf” is empty. Check that it opens on your device, then choose it again.",
    ]
    assert claim.documents.count() == 2
    assert "We have “police.png”." in answer.content.decode()


def test_sending_no_file_gets_a_sentence(browser, claim) -> None:
    answer = browser.post(at("claim-evidence", claim))
    assert answer.context["form"].errors == {"uploads": ["Choose at least one file."]}


def test_more_files_than_a_claim_can_hold_are_refused(browser, claim) -> None:
    sent = {"uploads": [upload(f"{n}.png", PNG + bytes([n])) for n in range(actions.MAX_FILES)]}
    answer = browser.post(at("claim-evidence", claim), sent)
    assert answer.context["form"].errors["uploads"] == ["A claim can hold 20 files. Send the most telling ones."]
    assert claim.documents.count() == 1


def test_files_too_large_together_are_refused_before_they_are_read(browser, claim, monkeypatch) -> None:
    monkeypatch.setattr("claims.forms.claim.MAX_TOGETHER", 100)
    sent = {"uploads": [upload("a.png", PNG + b"a"), upload("b.png", PNG + b"b")]}
    answer = browser.post(at("claim-evidence", claim), sent)
    assert answer.context["form"].errors["uploads"] == [
        "These files are larger than 100 MB together. Send them in several goes."
    ]


def test_once_it_is_decided_nothing_can_be_added_and_the_try_is_recorded(browser, claim, dora) -> None:
    people.accept_in_full(claim, by=dora)
    assert at("claim-evidence", claim) not in read(browser, claim)
    assert browser.get(at("claim-evidence", claim)).url == at("claim", claim)
    assert Entry.objects.filter(kind="refusal.recorded").count() == 0
    answer = browser.post(at("claim-evidence", claim), {"uploads": [upload("late.png", PNG + b"l")]}, follow=True)
    assert "“Add evidence” is not possible now: it stands at “Decided”." in answer.content.decode()
    assert (claim.documents.count(), Entry.objects.filter(kind="refusal.recorded").count()) == (1, 1)


def test_alice_withdraws_after_a_question(browser, claim) -> None:
    assert "Withdraw this claim?" in browser.get(at("claim-withdraw", claim)).content.decode()
    assert Claim.objects.get().status == Claim.Status.SUBMITTED
    shown = browser.post(at("claim-withdraw", claim), follow=True).content.decode()
    assert missing(shown, "Your claim is withdrawn.", "You withdrew this claim", "Nothing to do") == []
    assert at("claim-withdraw", claim) not in shown


def test_withdrawing_twice_is_refused_and_recorded(browser, claim) -> None:
    browser.post(at("claim-withdraw", claim))
    shown = browser.post(at("claim-withdraw", claim), follow=True).content.decode()
    assert "“Withdraw the claim” is not possible now: it stands at “Withdrawn”." in shown.replace("&quot;", '"')
    assert Entry.objects.filter(kind="claim.withdrawn").count() == 1
    assert Entry.objects.filter(kind="refusal.recorded").count() == 1
    assert browser.get(at("claim-withdraw", claim)).url == at("claim", claim)


def test_dora_cannot_withdraw_or_add_for_alice(client, claim, dora) -> None:
    client.force_login(dora)
    client.post(at("claim-withdraw", claim))
    client.post(at("claim-evidence", claim), {"uploads": [upload("x.png", PNG + b"x")]})
    assert (Claim.objects.get().status, claim.documents.count()) == (Claim.Status.SUBMITTED, 1)
    assert Entry.objects.filter(kind="refusal.recorded").count() == 2
