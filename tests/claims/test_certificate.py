"""The certificate: what the attached file says, in words, in one look, and never more than the file shows."""

import hashlib
import io
import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from pypdf import PdfReader

from anchoring import log, vault, verify
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims.actions import adjusting
from claims.actions import claim as actions
from claims.models import KycCase, PremiumPayment, Quote
from claims.papers.certificate import certificate, check_url
from claims.papers.typesetting import groups_of_four
from claims.workflow import subject_of
from tests import people
from tests.anchoring.log_world import a_chain, register, tick

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    """A chain on which the log is registered."""
    made = a_chain()
    register(made)
    return made


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


@pytest.fixture
def claim(alice, cover):
    return people.file_claim(alice, cover, 25_000, 5_050)


def anchor(chain) -> None:
    """Everything recorded so far, sealed and anchored."""
    sequencer.sequence()
    tick(chain)
    for _ in range(40):
        chain.mine()
    tick(chain)


def hers(thing) -> list[str]:
    return [thing.party.owner, vault.HOUSE]


def first_event(thing):
    return log.history(subject_of(thing))[0].id


def pages(content: bytes) -> list[str]:
    """The words of each page, spaces evened out."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def words(content: bytes) -> str:
    return " ".join(pages(content))


def attached(content: bytes) -> dict[str, bytes]:
    return {name: data[0] for name, data in PdfReader(io.BytesIO(content)).attachments.items()}


def missing(content: bytes, *expected: str) -> list[str]:
    said = words(content)
    return [text for text in expected if text not in said]


# --- What lies inside ---


def test_the_certificate_of_every_kind_of_record_holds_its_proof_byte_for_byte(alice, claim, cover, chain) -> None:
    anchor(chain)
    for thing in (KycCase.objects.get(), Quote.objects.get(), PremiumPayment.objects.get(), cover, claim):
        made = certificate(subject_of(thing), owners=None)
        proof = log.proof(subject_of(thing), owners=None)
        assert attached(made) == {f"{thing.number}.proof.json": proof}
        report = verify.verify(proof, trust_file())
        assert ([line.status for line in report.lines[:3]], report.number) == (["passed"] * 3, thing.number)
        digest = hashlib.sha256(proof).hexdigest()
        assert missing(made, thing.number, " ".join(groups_of_four(digest)), "Anchored") == []


def test_the_attached_file_is_typed_dated_and_tied_to_the_document_as_data(claim, chain) -> None:
    anchor(chain)
    reader = PdfReader(io.BytesIO(certificate(subject_of(claim), owners=hers(claim), event=first_event(claim))))
    root = reader.trailer["/Root"]
    (associated,) = root["/AF"]
    file = associated.get_object()
    stream = file["/EF"]["/F"].get_object()
    stage = log.history(subject_of(claim))[0].stage
    newest = max(stage.recorded_at, stage.sealed_at, stage.anchored_at)
    assert (file["/AFRelationship"], file["/F"]) == (
        "/Data", f"{claim.number}.{str(first_event(claim))[:8]}.proof.json",
    )  # fmt: skip
    assert (stream["/Subtype"], stream["/Params"]["/ModDate"]) == (
        "/application/json", newest.strftime("D:%Y%m%d%H%M%SZ"),
    )  # fmt: skip
    assert reader.metadata.creation_date.replace(microsecond=0) == newest.replace(microsecond=0)


def test_it_is_tagged_titled_in_a_language_and_made_for_archives(claim) -> None:
    reader = PdfReader(io.BytesIO(certificate(subject_of(claim), owners=hers(claim))))
    root = reader.trailer["/Root"]
    assert (bool(root["/MarkInfo"]["/Marked"]), root["/Lang"]) == (True, "en-GB")
    assert reader.metadata.title == f"Certificate of record, not final: Recorded {claim.number}"
    declared = root["/Metadata"].get_object().get_data().decode()
    assert ("<pdfaid:part>3</pdfaid:part>" in declared, "<pdfuaid:part>1</pdfuaid:part>" in declared) == (True, True)


def test_the_same_rows_give_the_same_bytes_whenever_it_is_made(claim, chain, time_machine) -> None:
    anchor(chain)
    made = certificate(subject_of(claim), owners=hers(claim))
    time_machine.move_to(timezone.now() + timedelta(days=400))
    assert certificate(subject_of(claim), owners=hers(claim)) == made
    assert certificate(subject_of(claim), owners=[vault.HOUSE]) != made


def test_a_pending_one_is_the_same_later_too_even_when_the_seal_is_late(claim, time_machine) -> None:
    made = certificate(subject_of(claim), owners=hers(claim))
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert certificate(subject_of(claim), owners=hers(claim)) == made


# --- What it says ---


def test_one_event_is_one_page_with_its_facts_in_the_portals_words(claim, chain) -> None:
    anchor(chain)
    made = certificate(subject_of(claim), owners=hers(claim), event=first_event(claim))
    assert len(pages(made)) == 1
    assert missing(
        made, f"Claim {claim.number}", "One event: Claim sent", "€300.50 for 2 things, with one file.",
        "By: Policyholder", "My baggage or something in it was stolen", "In their words",
        "My bag was taken from the train.", "Thing 2, amount €50.50", "It then stood at Received",
        "What the attached file proves", "What it does not prove", "that what was reported is true",
        "This paper by itself proves nothing", "Who vouches for it", "How to check it yourself",
    ) == []  # fmt: skip


def test_it_names_chain_block_time_and_the_keys_fingerprint(claim, chain) -> None:
    anchor(chain)
    proof = log.explained_proof(subject_of(claim), owners=hers(claim))
    assert proof.anchor is not None
    assert missing(
        certificate(subject_of(claim), owners=hers(claim)), "This computer's local test chain", "TESTNET",
        f"Block {proof.anchor.block_number}", f"{proof.anchor.block_at:%-d %B %Y, %H:%M:%S} UTC",
        proof.anchor.block_hash, proof.anchor.transaction, f"its first {proof.size} entries",
        " ".join(groups_of_four(log.trust_fingerprint())),
    ) == []  # fmt: skip


def test_a_hash_that_is_copied_from_it_is_the_hash(claim, chain) -> None:
    anchor(chain)
    proof = log.explained_proof(subject_of(claim), owners=hers(claim))
    assert proof.anchor is not None
    said = words(certificate(subject_of(claim), owners=hers(claim)))
    assert (proof.anchor.block_hash in said, proof.anchor.transaction in said, "\u200b" in said) == (True, True, False)


_UNNOTICED = "nobody can have changed it unnoticed"
_TEST_RECORD = "stands in a test record on one computer, which proves nothing to others. On a public chain it would"


def test_where_the_chain_is_local_its_first_sentence_says_that_it_proves_nothing_to_others(claim, chain) -> None:
    anchor(chain)
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(
        made, f"Anchored A fingerprint of our signed log {_TEST_RECORD}",
        "not by when, nor that it is unchanged since",
    ) == []  # fmt: skip
    assert (_UNNOTICED in words(made), "stands in a public record" in words(made)) == (False, False)


def test_on_another_chain_it_says_what_a_public_record_shows(claim, chain, monkeypatch) -> None:
    anchor(chain)
    monkeypatch.setattr(log.ExplainedProof, "is_local", False)
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, _UNNOTICED, "that nobody has changed it since, not even we", "in a public record") == []
    assert "test record" not in words(made)


def test_what_will_be_anchored_on_a_local_chain_says_so(claim, chain) -> None:
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, "the anchor in a test record on one computer, which proves nothing to others") == []


def test_an_account_is_shortened_on_paper_and_whole_in_the_file(claim) -> None:
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, "Account •••• 5678", "The attached file holds the account in full.") == []
    assert "IE29" not in words(made)
    (file,) = attached(made).values()
    (sent,) = verify.verify(file, trust_file()).facts
    assert sent.shown["account_number"] == "IE29AIBK93115212345678"


@pytest.mark.parametrize(
    ("reached", "says"),
    [
        ("Recorded", "We have recorded what is shown here"),
        ("Sealed", "has its fixed place in our signed log; the anchor in a public record follows by itself"),
    ],
)
def test_a_pending_one_says_kindly_on_every_page_that_it_is_not_final(claim, dora, reached, says) -> None:
    people.accept_in_full(claim, by=dora)
    if reached == "Sealed":
        sequencer.sequence()
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, f"Not final: {reached}", "nothing is wrong", says, "Where it will be anchored") == []
    assert len(pages(made)) > 1
    assert [page for page in pages(made) if f"not final: {reached}".lower() not in page.lower()] == []
    assert "nobody can have changed it" not in words(made)


def test_a_final_one_says_nowhere_that_it_is_not(claim, chain) -> None:
    anchor(chain)
    said = words(certificate(subject_of(claim), owners=hers(claim)))
    assert ("not final" in said.lower(), "Not yet" in said, "not yet" in said) == (False, False, False)


def test_events_that_have_come_less_far_are_told_apart(claim, dora, chain, monkeypatch) -> None:
    anchor(chain)
    adjusting.take_claim(by=dora, claim=claim)
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(
        made, "Not final: Anchored in part", "1 of 2 events are anchored in a test record",
        "that what is sealed has its fixed place", "not by when", "usually within 10 minutes",
    ) == []  # fmt: skip
    monkeypatch.setattr(log.ExplainedProof, "is_local", False)
    assert missing(
        certificate(subject_of(claim), owners=hers(claim)), "1 of 2 events are anchored; the others",
        "that what is anchored was in our signed log", "not yet the same of the rest",
    ) == []  # fmt: skip
    alone = certificate(subject_of(claim), owners=hers(claim), event=first_event(claim))
    assert missing(alone, "Anchored") == [] and "Not final" not in words(alone)


def test_what_is_sealed_only_in_part_says_so(claim, dora) -> None:
    sequencer.sequence()
    adjusting.take_claim(by=dora, claim=claim)
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, "Not final: Sealed in part", "1 of 2 events have their fixed place") == []


def test_a_later_event_says_why_the_first_one_is_in_the_file(claim, dora, chain) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    anchor(chain)
    taken = log.history(subject_of(claim))[1].id
    made = certificate(subject_of(claim), owners=hers(claim), event=taken)
    assert missing(made, "One event: Claim taken by an adjuster", "first event (Claim sent)", "the number alone") == []
    assert "My bag was taken" not in words(made)
    (file,) = attached(made).values()
    assert [json.loads(item["entry"])["kind"] for item in json.loads(file)["entries"]] == [
        "claim.submitted", "claim.taken",
    ]  # fmt: skip


def test_an_event_anchored_earlier_keeps_its_own_block_and_the_file_s_block_is_explained(claim, dora, chain) -> None:
    anchor(chain)
    adjusting.take_claim(by=dora, claim=claim)
    anchor(chain)
    sent, taken = (event.stage.block_number for event in log.history(subject_of(claim)))
    assert sent < taken
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, f"block {sent}", f"Block {taken}", "Some events were anchored before") == []


def test_what_concerns_somebody_else_is_said_to_be_withheld(claim, dora, chain) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    anchor(chain)
    taken = log.history(subject_of(claim))[1].id
    made = certificate(subject_of(claim), owners=hers(claim), event=taken)
    assert missing(made, "further fields of this record are withheld") == []
    assert str(dora.person) not in words(made)
    whole = certificate(subject_of(claim), owners=None, event=taken)
    assert (str(dora.person) in words(whole), "withheld" in words(whole)) == (True, False)


def test_what_was_erased_is_said_to_be_erased_and_the_rest_still_stands(claim, chain) -> None:
    anchor(chain)
    vault.destroy(claim.owner)
    made = certificate(subject_of(claim), owners=hers(claim), event=first_event(claim))
    assert missing(made, "has been erased: the key to it is destroyed", "still stands", "Anchored", claim.number) == []
    assert "My bag was taken" not in words(made)


def test_another_s_erasure_is_not_told_to_whom_it_does_not_concern(claim, dora) -> None:
    adjusting.take_claim(by=dora, claim=claim)
    vault.destroy(dora.owner)
    taken = log.history(subject_of(claim))[1].id
    assert "erased" not in words(certificate(subject_of(claim), owners=hers(claim), event=taken))
    assert "erased" in words(certificate(subject_of(claim), owners=None, event=taken))


def test_a_long_history_goes_over_pages_that_each_say_what_they_belong_to(alice, claim, chain) -> None:
    for number in range(1, 19):
        upload = people.a_file(f"photo-{number}.png", people.PNG + bytes([number]))
        actions.add_evidence(by=alice, claim=claim, uploads=[upload])
    actions.withdraw_claim(by=alice, claim=claim)
    anchor(chain)
    made = pages(certificate(subject_of(claim), owners=hers(claim)))
    assert len(made) > 3
    assert [page.startswith(f"Certificate of record {claim.number}") for page in made[1:]] == [True] * (len(made) - 1)
    assert [f"Page {number} of {len(made)}" in page for number, page in enumerate(made, start=1)] == [True] * len(made)
    assert "20. Claim withdrawn" in made[-1]


def test_a_list_of_events_that_fills_a_page_repeats_its_head_on_the_next(alice, cover, dora, erin) -> None:
    claim = people.file_claim(alice, cover, 150_000)
    people.accept_in_full(claim, by=dora)
    for _ in range(18):
        adjusting.send_back_decision(by=erin, claim=claim, reason="Look again.")
        verdict = adjusting.Verdict("accepted", claim.claimed_minor, "Covered.")
        adjusting.decide_claim(by=dora, claim=claim, verdict=verdict)
    made = pages(certificate(subject_of(claim), owners=hers(claim)))
    assert ["What happened" in page for page in made[:3]] == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 3000,
        "word " * 900,
        "#panic(1) *bold* _it_ $x^2$ `raw` <label> @ref",
        '"]}) #import "x"',
        "Łucja Ελένη Жанна",
    ],
    ids=["one endless word", "very long", "code", "an escape", "scripts"],
)
def test_what_people_wrote_is_printed_whole_and_as_it_is(alice, cover, text) -> None:
    told = people.loss(description=text)
    claim = actions.submit_claim(by=alice, policy=cover, fnol=told, idempotency_key="k", uploads=[])
    printed = words(certificate(subject_of(claim), owners=hers(claim), event=first_event(claim))).replace(" ", "")
    assert max(text.split(), key=len)[:60] in printed
    assert printed.count(text.split()[0][:4]) >= text.count(text.split()[0][:4])


def test_what_no_font_draws_is_a_box_that_is_owned_up_to_and_the_file_holds_it_exactly(alice, cover) -> None:
    told = people.loss(place="\U00012000 Uruk")
    claim = actions.submit_claim(by=alice, policy=cover, fnol=told, idempotency_key="k", uploads=[])
    made = certificate(subject_of(claim), owners=hers(claim))
    assert missing(made, "Some characters below are drawn as boxes") == []
    reader = PdfReader(io.BytesIO(made))
    assert reader.trailer["/Root"]["/AF"][0].get_object()["/AFRelationship"] == "/Data"
    assert attached(made) == {f"{claim.number}.proof.json": log.proof(subject_of(claim), owners=hers(claim))}


# --- Where it leads ---


def test_its_code_leads_to_the_check_page_and_gives_nobody_away(claim, alice) -> None:
    proof = log.explained_proof(subject_of(claim), owners=hers(claim))
    url = check_url(proof)
    assert url == f"{settings.SITE_URL}/check/#sha256={hashlib.sha256(proof.content).hexdigest()}"
    made = PdfReader(io.BytesIO(certificate(subject_of(claim), owners=hers(claim))))
    links = {note.get_object()["/A"]["/URI"] for page in made.pages for note in page.get("/Annots", [])}
    assert links == {url}


def test_nothing_recorded_has_no_certificate() -> None:
    with pytest.raises(log.NoSuchRecord, match="nothing is recorded"):
        certificate(log.Subject("claim", "00000000-0000-4000-8000-000000000000"), owners=None)


def test_an_event_of_something_else_has_no_certificate_here(claim, cover) -> None:
    with pytest.raises(log.NoSuchRecord, match="nothing is recorded"):
        certificate(subject_of(claim), owners=None, event=first_event(cover))
