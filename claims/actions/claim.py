"""What a claimant does: save a draft, send the claim, add evidence, withdraw."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from anchoring.log import AfterImage, Value
from claims import files
from claims.fnol import Fnol, require_fileable
from claims.models import Claim, ClaimDraft, ClaimLine, Document, Party, Policy, User, next_serial
from claims.models.care import notify
from claims.numbers import format_number
from claims.workflow import advance, durable_action

MAX_FILES = 20


class TooManyFiles(ValueError):  # noqa: N818 - the sentence is for the person who sends them
    """The claim has as many files as it can hold."""


@transaction.atomic(durable=True)
def start_draft(*, by: User, policy: Policy) -> ClaimDraft:
    """Begin a claim, or take up the draft that was left blank. A draft is its writer's own and is not recorded."""
    party, at = Party.objects.of(by), timezone.now()
    blank = ClaimDraft.objects.filter(party=party, policy=policy, saved_at=F("made_at"), documents=None)
    for draft in blank.order_by("-made_at")[:1]:
        return draft
    draft = ClaimDraft(party=party, policy=policy, made_at=at, saved_at=at)
    draft.seal({})
    draft.save(force_insert=True)
    return draft


@transaction.atomic(durable=True)
def save_draft(*, by: User, draft: ClaimDraft, answers: dict[str, Any]) -> ClaimDraft:
    """Keep one page's answers beside those of the other pages."""
    draft = ClaimDraft.objects.visible_to(by).select_for_update(of=("self",)).select_related("party").get(pk=draft.pk)
    draft.seal(draft.unseal() | answers)
    draft.saved_at = timezone.now()
    draft.save(update_fields=["sealed", "saved_at"])
    return draft


@transaction.atomic(durable=True)
def add_draft_file(*, by: User, draft: ClaimDraft, received: files.Received) -> Document:
    """Keep a file with the draft; the same file twice is kept once. Raises TooManyFiles."""
    draft = ClaimDraft.objects.visible_to(by).select_for_update(of=("self",)).select_related("party").get(pk=draft.pk)
    known = draft.documents.filter(sha256=received.sha256).order_by("pk").first()
    if known is not None:
        return known
    _require_room(draft.documents.count() + 1)
    document = files.kept(
        received, party=draft.party, kind=Document.Kind.EVIDENCE, received_at=timezone.now(), draft=draft
    )
    document.save(force_insert=True)
    return document


@transaction.atomic(durable=True)
def remove_draft_file(*, by: User, document: Document) -> None:
    """Take a file out of a draft again."""
    removed, _ = Document.objects.visible_to(by).filter(pk=document.pk, draft__isnull=False).delete()
    if removed:
        transaction.on_commit(partial(files.discard, document.pk))


@transaction.atomic(durable=True)
def discard_draft(*, by: User, draft: ClaimDraft) -> None:
    """Throw a draft away with its files."""
    _lock(draft.pk, by=by)
    ids = list(Document.objects.visible_to(by).filter(draft=draft).values_list("pk", flat=True))
    Document.objects.filter(pk__in=ids).delete()
    ClaimDraft.objects.visible_to(by).filter(pk=draft.pk).delete()
    for document_id in ids:
        transaction.on_commit(partial(files.discard, document_id))


@durable_action
def submit_claim(
    *,
    by: User,
    policy: Policy,
    fnol: Fnol,
    idempotency_key: str,
    draft: ClaimDraft | None = None,
    uploads: Sequence[files.Received] = (),
) -> Claim:
    """File a claim; sent twice with one key it is one claim, and the first answer is given again.

    With a draft its files move to the claim and the draft goes. Raises CannotFile. Records ``claim.submitted``.
    """
    policy = Policy.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=policy.pk)
    party, at = policy.party, timezone.now()
    known = Claim.objects.filter(party=party, idempotency_key=idempotency_key).order_by("pk").first()
    if known is not None:
        return known
    require_fileable(policy, fnol, now=at)
    _require_room(len(uploads))
    claim = _claim(policy, fnol, idempotency_key, at)
    lines = [
        ClaimLine(claim=claim, position=position, item=item.item, claimed_minor=item.claimed_minor)
        for position, item in enumerate(fnol.items, start=1)
    ]
    papers = [
        files.kept(upload, party=party, kind=Document.Kind.EVIDENCE, received_at=at, claim=claim) for upload in uploads
    ]
    moved = _files_of(draft, by=by)
    facts = _fnol_facts(fnol, claim) | {
        f"file.{number}.sha256": paper.sha256 for number, paper in enumerate([*moved, *papers], start=1)
    }
    entry_images = [_moved(paper, claim) for paper in moved]
    advance(
        claim, "submit", by=by, at=at, facts={party.owner: facts}, new_rows=[*lines, *papers], changed_rows=entry_images
    )
    Document.objects.filter(pk__in=[paper.pk for paper in moved]).update(claim=claim, draft=None)
    if draft is not None:
        ClaimDraft.objects.filter(pk=draft.pk).delete()
    path = f"/claims/{claim.number}/"
    notify(party, template="claim_received", number=claim.number, path=path, at=at)
    notify(party, template="claim_anchored", number=claim.number, path=path, at=at, awaits=claim)
    return claim


@durable_action
def add_evidence(*, by: User, claim: Claim, uploads: Sequence[files.Received]) -> Claim:
    """Add files to a claim that is not decided yet; one that is there already is left out.

    Raises TooManyFiles. Records ``claim.evidence_added`` when there was anything new.
    """
    claim = Claim.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=claim.pk)
    at = timezone.now()
    known = set(claim.documents.values_list("sha256", flat=True))
    new = [upload for upload in {u.sha256: u for u in uploads}.values() if upload.sha256 not in known]
    if not new:
        return claim
    _require_room(len(known) + len(new))
    papers = [
        files.kept(upload, party=claim.party, kind=Document.Kind.EVIDENCE, received_at=at, claim=claim)
        for upload in new
    ]
    advance(claim, "add_evidence", by=by, at=at, facts={claim.owner: files.facts_of(new)}, new_rows=papers)
    notify(claim.party, template="claim_evidence", number=claim.number, path=f"/claims/{claim.number}/", at=at)
    return claim


@durable_action
def withdraw_claim(*, by: User, claim: Claim) -> Claim:
    """The claimant takes the claim back. Records ``claim.withdrawn``."""
    claim = Claim.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=claim.pk)
    at = timezone.now()
    advance(claim, "withdraw", by=by, at=at)
    notify(claim.party, template="claim_withdrawn", number=claim.number, path=f"/claims/{claim.number}/", at=at)
    return claim


def _lock(draft_id: uuid.UUID, *, by: User) -> None:
    """No file comes to a draft or leaves it while the draft is sent or thrown away."""
    list(ClaimDraft.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=draft_id))


def _files_of(draft: ClaimDraft | None, *, by: User) -> list[Document]:
    if draft is None:
        return []
    _lock(draft.pk, by=by)
    return list(draft.documents.order_by("received_at", "pk"))


def _claim(policy: Policy, fnol: Fnol, idempotency_key: str, at: datetime) -> Claim:
    claim = Claim(
        id=uuid.uuid4(), number=format_number(series="CLM", year=at.year, serial=next_serial()), party=policy.party,
        policy=policy, cause_code=fnol.cause_code, loss_at=fnol.loss_at, loss_precision=fnol.loss_precision,
        reported_at=at, claimed_minor=fnol.claimed_minor, currency=policy.currency, idempotency_key=idempotency_key,
    )  # fmt: skip
    claim.seal(
        {
            "place": fnol.place, "description": fnol.description,
            "account_name": fnol.account_name, "account_number": fnol.account_number,
        }
    )  # fmt: skip
    return claim


def _fnol_facts(fnol: Fnol, claim: Claim) -> dict[str, Value]:
    facts: dict[str, Value] = {
        "policy": claim.policy.number, "cause": fnol.cause_code, "loss_at": fnol.loss_at.isoformat(),
        "loss_precision": fnol.loss_precision, "place": fnol.place, "description": fnol.description,
        "claimed_minor": fnol.claimed_minor, "currency": claim.currency,
        "account_name": fnol.account_name, "account_number": fnol.account_number,
    }  # fmt: skip
    for number, item in enumerate(fnol.items, start=1):
        facts |= {f"item.{number}": item.item, f"item.{number}.claimed_minor": item.claimed_minor}
    return facts


def _moved(paper: Document, claim: Claim) -> AfterImage:
    """The draft's file as the claim's: new to the log, so all of its columns."""
    paper.claim, paper.draft = claim, None
    return AfterImage(paper)


def _require_room(count: int) -> None:
    if count > MAX_FILES:
        raise TooManyFiles(f"A claim can hold {MAX_FILES} files. Send the most telling ones.")
