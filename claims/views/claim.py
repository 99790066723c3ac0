"""A claim as its holder sees it: what happened and how far each record has come, what comes next, files, proofs."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from anchoring import log, vault
from claims import deadlines, wording
from claims.actions import claim as actions
from claims.actions import compliance
from claims.catalogue import CatalogueError, causes, reasons
from claims.files import MAX_BYTES, FileRefused, Received, receive
from claims.forms.claim import AddEvidenceForm
from claims.iban import format_iban
from claims.models import Claim, ClaimDecision, Document, Role, User
from claims.money import Money, format_money
from claims.papers.certificate import file_name
from claims.papers.proofs import CERTIFICATE, FILE, ProofForm
from claims.views.ladder import Watch, risen
from claims.views.signed_in import SignedIn
from claims.workflow import StepRefused, refusal, subject_of

DECIDED = (Claim.Status.DECIDED, Claim.Status.PAID)
TONES = {Claim.Status.DECIDED: "good", Claim.Status.PAID: "good", Claim.Status.WITHDRAWN: ""}


@dataclass(frozen=True)
class Line:
    """One event of the timeline; ``rows`` are its facts for reading."""

    event: log.Event
    title: str
    text: str
    by: str
    who: str
    rows: list[dict[str, str]]
    is_newest: bool


@dataclass(frozen=True)
class Turn:
    """Whose turn it is; see templates/_turn.html."""

    whose: str
    text: str
    due: date | None = None
    late: bool = False
    url: str = ""
    act: str = ""


@login_required
@require_safe
def claim(request: SignedIn, number: str) -> HttpResponse:
    """The whole claim on one page; staff who may see it read it at their desk."""
    found = _visible(request.user, number)
    if not _is_holder(request.user, found):
        return redirect("admin:claims_claim_change", found.pk)
    events = log.history(subject_of(found), owners=[found.owner, vault.HOUSE])
    decision = found.decision if found.status in DECIDED else None
    documents = list(found.documents.order_by("received_at", "pk"))
    context = {
        "claim": found, "tone": TONES.get(Claim.Status(found.status), "wait"), "told": _told(found),
        "lines": list(found.lines.order_by("position")), "documents": _with_events(documents, events),
        "timeline": _timeline(events), "turn": _turn(found, decision), "decision": _explained(found, decision),
        "payments": list(found.payments.order_by("paid_at")),
        "may_add": not refusal(found, "add_evidence", by=request.user),
        "may_withdraw": not refusal(found, "withdraw", by=request.user),
        "watch": Watch.of(events),
        "refresh_url": settings.SITE_URL + reverse("api-claim-proof", args=[found.number]),
    }  # fmt: skip
    return render(request, "claims/claim/claim.html", context)


@login_required
@require_safe
def claim_ladder(request: SignedIn, number: str) -> HttpResponse:
    """What changed since the page was shown: nothing (204), a new event (reload), or the ladders that rose."""
    found = _visible(request.user, number)
    events = log.history(subject_of(found), owners=[])
    seen, watch = request.GET.get("seen", ""), Watch.of(events)
    if seen == watch.seen:
        return HttpResponse(status=204)
    if len(seen) != watch.count:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"claim": found, "watch": watch, "risen": risen(events, seen=seen), "newest": events[-1].id}
    return render(request, "claims/claim/_ladders.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def claim_evidence(request: SignedIn, number: str) -> HttpResponse:
    """Add files while the claim is not decided."""
    found = _visible(request.user, number)
    form = AddEvidenceForm(request.POST, request.FILES) if request.method == "POST" else AddEvidenceForm()
    sentence, received = refusal(found, "add_evidence", by=request.user), _received(form)
    if sentence and not received:
        messages.warning(request, sentence)
        return redirect("claim", number=found.number)
    if request.method != "POST":
        return _evidence(request, found, form)
    try:
        if received:
            actions.add_evidence(by=request.user, claim=found, uploads=received)
    except actions.TooManyFiles as refused:
        form.add_error("uploads", str(refused))
        received = []
    except StepRefused as refused:
        messages.error(request, str(refused))
        return redirect("claim", number=found.number)
    if received:  # also when others were refused
        names = ", ".join(f"“{file.name}”" for file in received)
        messages.success(request, f"We have {names}. Each stands in the log with its own fingerprint.")
    return _evidence(request, found, form) if form.errors else redirect("claim", number=found.number)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def claim_withdraw(request: SignedIn, number: str) -> HttpResponse:
    """Ask first; POST takes the claim back."""
    found = _visible(request.user, number)
    sentence = refusal(found, "withdraw", by=request.user)
    if request.method != "POST" and not sentence:
        return render(request, "claims/claim/withdraw.html", {"claim": found})
    try:
        if request.method == "POST":
            actions.withdraw_claim(by=request.user, claim=found)
            messages.success(request, "Your claim is withdrawn. Its record stays, so that you can always show it.")
        else:
            messages.warning(request, sentence)
    except StepRefused as refused:
        messages.error(request, str(refused))
    return redirect("claim", number=found.number)


@login_required
@require_safe
def claim_receipt(request: SignedIn, number: str, event: uuid.UUID | None = None) -> HttpResponse:
    """The signed promise for one event, or for the first: the one that the claim came with."""
    found = _provable(request.user, number)
    subject = subject_of(found)
    entries = log.Entry.objects.filter(subject_type=subject.type, subject_id=subject.id).order_by("seq")
    entry = entries.first() if event is None else entries.filter(id=event).order_by("seq").first()
    if entry is None:
        raise Http404("no such event of this claim")
    return _download(log.receipt(entry), file_name(found.number, event, "receipt.txt"), "text/plain; charset=utf-8")


@login_required
@require_safe
def claim_proof(request: SignedIn, number: str, event: uuid.UUID | None = None) -> HttpResponse:
    """The proof of record of the whole claim or of one event: one's own, or any for compliance."""
    return _handed_out(request, number, event, FILE)


@login_required
@require_safe
def claim_certificate(request: SignedIn, number: str, event: uuid.UUID | None = None) -> HttpResponse:
    """The same on paper, with the file inside."""
    return _handed_out(request, number, event, CERTIFICATE)


def _handed_out(request: SignedIn, number: str, event: uuid.UUID | None, form: ProofForm) -> HttpResponse:
    """Made anew each time, so that it is the newest; that compliance took it is recorded."""
    found = _provable(request.user, number)
    owners = [found.owner, vault.HOUSE] if _is_holder(request.user, found) else None
    try:
        made = form.make(subject_of(found), owners=owners, event=event)
    except log.NoSuchRecord as error:
        raise Http404("no such event of this claim") from error
    if owners is None:
        compliance.record_export(by=request.user, thing=found, event=event)
    return _download(made, form.file_name(found.number, event), form.media_type)


def _visible(user: User, number: str) -> Claim:
    """The claim if the person may see it. Raises Http404."""
    return get_object_or_404(Claim.objects.visible_to(user).select_related("party__user", "policy"), number=number)


def _provable(user: User, number: str) -> Claim:
    """A claim whose proof the person may have: their own, or any for compliance. Raises Http404."""
    found = _visible(user, number)
    if not _is_holder(user, found) and user.role != Role.COMPLIANCE:
        raise Http404("only the holder and compliance get a proof")
    return found


def _is_holder(user: User, found: Claim) -> bool:
    return found.party.user_id == user.pk


def _download(content: bytes | str, name: str, media_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)


def _received(form: AddEvidenceForm) -> list[Received]:
    """The files that can be kept; the form gets a sentence for each of the others."""
    received = []
    for upload in form.cleaned_data["uploads"] if form.is_valid() else []:
        try:
            received.append(receive(upload))
        except FileRefused as refused:
            form.add_error("uploads", str(refused))
    return received


def _evidence(request: SignedIn, found: Claim, form: AddEvidenceForm) -> HttpResponse:
    context = {
        "claim": found, "form": form, "documents": list(found.documents.order_by("received_at", "pk")),
        "limit_mb": MAX_BYTES // 2**20, "limit_files": actions.MAX_FILES,
    }  # fmt: skip
    return render(request, "claims/claim/evidence.html", context)


def _timeline(events: Sequence[log.Event]) -> list[Line]:
    return [
        Line(
            event=event,
            title=wording.sentence(event.kind),
            text=wording.details(event.kind, event.facts),
            by=wording.role_words(str(event.facts.get("by.role", ""))),
            who="you" if event.kind in wording.BY_THE_HOLDER else "us",
            rows=wording.fact_rows(event.facts),
            is_newest=event is events[-1],
        )
        for event in events
    ]


def _with_events(documents: Sequence[Document], events: Sequence[log.Event]) -> list[dict[str, object]]:
    """Each file with the event that recorded its fingerprint."""
    recorded = {
        value: event for event in events for name, value in event.facts.items() if name.startswith("file.")
    }  # fmt: skip
    return [{"document": document, "event": recorded.get(document.sha256)} for document in documents]


def _told(found: Claim) -> dict[str, Any]:
    """What the claimant told us, or why it can no longer be read."""
    cause = causes().get(found.cause_code)
    try:
        answers = found.unseal()
    except vault.KeyDestroyed:
        return {"erased": True}
    except vault.VaultError:
        return {"damaged": True}
    return {
        "answers": answers, "cause": cause.label if cause else found.cause_code,
        "account": format_iban(answers["account_number"]),
    }  # fmt: skip


def _explained(found: Claim, decision: ClaimDecision | None) -> dict[str, Any] | None:
    """The decision with the reason's sentence and the clause in full."""
    if decision is None:
        return None
    try:
        clause = found.policy.product.clause(decision.provision_ref) if decision.provision_ref else None
    except CatalogueError:
        clause = None
    reason = reasons().get(decision.reason_code)
    return {"made": decision, "clause": clause, "reason": reason.sentence if reason else ""}


def _turn(found: Claim, decision: ClaimDecision | None) -> Turn:
    """What comes next and when."""
    today = timezone.now().date()
    if found.status == Claim.Status.WITHDRAWN:
        return Turn("nobody", "You withdrew this claim. We do nothing more with it.")
    if decision is None:
        due = deadlines.decide_by(found.reported_at)
        return Turn("us", _TURNS[Claim.Status(found.status)], due, today > due)
    amount = format_money(Money(decision.payable_minor, decision.currency))
    if found.status == Claim.Status.PAID:
        return Turn("nobody", f"We paid {amount}. This claim is closed.")
    if not decision.payable_minor:
        return Turn("nobody", "We declined this claim. Below is why, and what you can do if you disagree.")
    due = deadlines.pay_by(decision.approved_at or decision.proposed_at)
    return Turn("us", f"We pay you {amount}.", due, today > due)


_TURNS = {
    Claim.Status.SUBMITTED: "An adjuster reads what you sent and decides. You need not do anything; we write to you.",
    Claim.Status.UNDER_REVIEW: "An adjuster is looking at your claim and decides. We write to you then.",
    Claim.Status.AWAITING_APPROVAL: "The amount needs a second person, who is looking at it now. We write to you then.",
}
