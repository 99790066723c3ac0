"""Filing, evidence, withdrawing, drafts."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from anchoring import log
from anchoring.models import Entry
from claims import files
from claims.actions import claim as claims
from claims.fnol import CannotFile, Item
from claims.models import Claim, ClaimDraft, Document
from claims.workflow import StepRefused, subject_of
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


def test_a_claim_sent_twice_with_one_key_is_one_claim(alice, cover) -> None:
    first = people.file_claim(alice, cover, key="twice")
    second = people.file_claim(alice, cover, key="twice")
    assert first == second
    assert [event.kind for event in log.history(subject_of(first))] == ["claim.submitted"]


def test_the_entry_holds_what_was_told_and_the_hash_of_each_file(alice, cover) -> None:
    claim = people.file_claim(alice, cover, 10_000, 2_550)
    facts = log.history(subject_of(claim))[0].facts
    assert facts["claimed_minor"] == 12_550
    assert facts["item.2.claimed_minor"] == 2_550
    assert facts["description"] == "My bag was taken from the train."
    assert facts["file.1.sha256"] == people.a_file().sha256


def test_what_alice_told_lies_encrypted_in_the_database(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    assert b"Lisbon" not in bytes(claim.sealed)
    assert claim.unseal()["place"] == "Lisbon"
    stored = default_storage.open(f"documents/{str(claim.documents.get().pk)[:2]}/{claim.documents.get().pk}").read()
    assert people.PNG not in stored


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"loss_at": timezone.now() + timedelta(hours=1)}, "loss_at", "must lie in the past"),
        ({"loss_at": timezone.now() - timedelta(days=3)}, "loss_at", "before this cover began"),
        ({"cause_code": "dragons"}, "cause_code", "Choose what happened"),
        ({"items": []}, "items", "at least one thing"),
        ({"items": [Item("x", 0)]}, "items", "above zero"),
        ({"items": [Item("x", -5)]}, "items", "above zero"),
        ({"items": [Item("x", 10**12)]}, "items", "below ten million"),
        ({"items": [Item("x", 1)] * 51}, "items", "at most 50"),
    ],
)
def test_a_report_that_cannot_be_a_claim_is_refused_with_a_sentence(alice, cover, changes, field, sentence) -> None:
    with pytest.raises(CannotFile) as refused:
        claims.submit_claim(by=alice, policy=cover, fnol=people.loss(**changes), idempotency_key="k")
    assert list(refused.value.problems) == [field]
    assert sentence in refused.value.problems[field]
    assert Claim.objects.count() == 0


def test_a_loss_after_the_cover_ended_is_refused(alice, cover, time_machine) -> None:
    time_machine.move_to(cover.ends_at + timedelta(days=1))
    with pytest.raises(CannotFile, match="after this cover ended"):
        claims.submit_claim(by=alice, policy=cover, fnol=people.loss(loss_at=cover.ends_at), idempotency_key="k")


def test_bob_cannot_file_under_alices_policy_and_the_attempt_is_recorded(bob, cover) -> None:
    with pytest.raises(StepRefused, match="Only the person"):
        claims.submit_claim(by=bob, policy=cover, fnol=people.loss(), idempotency_key="k")
    assert Claim.objects.count() == 0
    assert Entry.objects.filter(kind="refusal.recorded").count() == 1


def test_evidence_that_is_there_already_is_not_added_again(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    claims.add_evidence(by=alice, claim=claim, uploads=[people.a_file("again.png")])
    assert claim.documents.count() == 1
    assert len(log.history(subject_of(claim))) == 1


def test_new_evidence_is_recorded_with_its_hash(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    other = files.inspect(name="b.png", content=people.PNG + b"\x00")
    claims.add_evidence(by=alice, claim=claim, uploads=[other, other])
    event = log.history(subject_of(claim))[-1]
    assert (event.kind, event.facts["file.1.sha256"]) == ("claim.evidence_added", other.sha256)
    assert claim.documents.count() == 2


def test_a_claim_takes_twenty_files_and_no_more(alice, cover) -> None:
    claim = people.file_claim(alice, cover)
    more = [files.inspect(name=f"{n}.png", content=people.PNG + bytes([n])) for n in range(20)]
    with pytest.raises(claims.TooManyFiles, match="20 files"):
        claims.add_evidence(by=alice, claim=claim, uploads=more)


def test_alice_withdraws_and_nothing_can_be_added_after(alice, cover) -> None:
    claim = claims.withdraw_claim(by=alice, claim=people.file_claim(alice, cover))
    assert claim.status == "withdrawn"
    with pytest.raises(StepRefused, match="Withdrawn"):
        claims.add_evidence(by=alice, claim=claim, uploads=[files.inspect(name="b.png", content=people.PNG + b"1")])


def test_a_draft_keeps_each_page_is_not_recorded_and_becomes_the_claim(alice, cover) -> None:
    recorded = Entry.objects.count()
    draft = claims.start_draft(by=alice, policy=cover)
    claims.save_draft(by=alice, draft=draft, answers={"cause_code": "baggage_stolen"})
    draft = claims.save_draft(by=alice, draft=draft, answers={"place": "Porto"})
    assert draft.unseal() == {"cause_code": "baggage_stolen", "place": "Porto"}
    kept = claims.add_draft_file(by=alice, draft=draft, received=people.a_file())
    assert claims.add_draft_file(by=alice, draft=draft, received=people.a_file("same.png")) == kept
    assert Entry.objects.count() == recorded
    claim = claims.submit_claim(by=alice, policy=cover, fnol=people.loss(), idempotency_key=str(draft.pk), draft=draft)
    assert list(claim.documents.all()) == [kept]
    assert ClaimDraft.objects.count() == 0
    assert log.history(subject_of(claim))[0].facts["file.1.sha256"] == kept.sha256


def test_a_draft_is_its_writers_alone(alice, bob, dora, frank, cover) -> None:
    draft = claims.start_draft(by=alice, policy=cover)
    for someone in (bob, dora, frank):
        assert not ClaimDraft.objects.visible_to(someone).exists()
        with pytest.raises(ClaimDraft.DoesNotExist):
            claims.save_draft(by=someone, draft=draft, answers={})


def test_discarding_a_draft_takes_its_files_along(alice, cover, django_capture_on_commit_callbacks) -> None:
    draft = claims.start_draft(by=alice, policy=cover)
    kept = claims.add_draft_file(by=alice, draft=draft, received=people.a_file())
    with django_capture_on_commit_callbacks(execute=True):
        claims.discard_draft(by=alice, draft=draft)
    assert not ClaimDraft.objects.exists()
    assert not Document.objects.filter(pk=kept.pk).exists()
    assert not default_storage.exists(f"documents/{str(kept.pk)[:2]}/{kept.pk}")


def test_only_its_writer_removes_a_file_from_a_draft(alice, bob, cover, django_capture_on_commit_callbacks) -> None:
    draft = claims.start_draft(by=alice, policy=cover)
    kept = claims.add_draft_file(by=alice, draft=draft, received=people.a_file())
    path = f"documents/{str(kept.pk)[:2]}/{kept.pk}"
    with django_capture_on_commit_callbacks(execute=True):
        claims.remove_draft_file(by=bob, document=kept)
    assert default_storage.exists(path)
    with django_capture_on_commit_callbacks(execute=True):
        claims.remove_draft_file(by=alice, document=kept)
    assert not default_storage.exists(path)
    assert not Document.objects.filter(pk=kept.pk).exists()
