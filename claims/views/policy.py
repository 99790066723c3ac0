"""A policy: what it covers, its document, how its records stand, and their proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from anchoring import log, vault
from claims import wording
from claims.actions import compliance
from claims.models import Document, Policy, Role
from claims.papers.proofs import CERTIFICATE, FILE, ProofForm
from claims.views.cover import TONES
from claims.views.document import document
from claims.views.ladder import Watch, risen
from claims.views.signed_in import SignedIn
from claims.workflow import subject_of


@dataclass(frozen=True)
class Line:
    """One event of the timeline."""

    event: log.Event
    title: str
    who: str


@login_required
@require_safe
def policy(request: SignedIn, number: str) -> HttpResponse:
    """The whole policy on one page; staff who may see it read it at their desk, where each look is recorded."""
    found = _visible(request, number)
    if not _is_holder(request, found):
        return redirect("admin:claims_policy_change", found.pk)
    now, events = timezone.now(), _events(found)
    context = {
        "policy": found, "product": found.product, "status": found.status_at(now), "tone": TONES[found.status_at(now)],
        "paper": _paper(found), "issued": _issued(events),
        "timeline": [_line(event) for event in events], "watch": Watch.of(events),
        "claims": found.claims.order_by("-reported_at", "-pk"),
        "refresh_url": settings.SITE_URL + reverse("api-policy-proof", args=[found.number]),
    }  # fmt: skip
    return render(request, "claims/policy/policy.html", context)


@login_required
@require_safe
def policy_ladder(request: SignedIn, number: str) -> HttpResponse:
    """What rose since the page was shown: nothing (204), or the new ladders."""
    found = _visible(request, number)
    events, seen = _events(found), request.GET.get("seen", "")
    watch = Watch.of(events)
    if seen == watch.seen:
        return HttpResponse(status=204)
    if len(seen) != watch.count:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context: dict[str, Any] = {"policy": found, "watch": watch, "risen": risen(events, seen=seen)}
    return render(request, "claims/policy/_risen.html", context)


@login_required
@require_safe
def policy_document(request: SignedIn, number: str) -> HttpResponse:
    """The document that was issued, as it was issued."""
    paper = _paper(_visible(request, number))
    if paper is None:
        raise Http404("taken over without a document")
    return document(request, paper.pk)


@login_required
@require_safe
def policy_proof(request: SignedIn, number: str) -> HttpResponse:
    """The proof of record: one's own, or any for compliance, which is recorded."""
    return _handed_out(request, number, FILE)


@login_required
@require_safe
def policy_certificate(request: SignedIn, number: str) -> HttpResponse:
    """The same on paper, with the file inside."""
    return _handed_out(request, number, CERTIFICATE)


def _handed_out(request: SignedIn, number: str, form: ProofForm) -> HttpResponse:
    found = _visible(request, number)
    owners: list[str] | None = [found.party.owner, vault.HOUSE]
    if not _is_holder(request, found):
        if request.user.role != Role.COMPLIANCE:
            raise Http404("only the holder and compliance get a proof")
        compliance.record_export(by=request.user, thing=found)
        owners = None
    headers = {
        "Content-Disposition": f'attachment; filename="{form.file_name(found.number)}"',
        "Cache-Control": "private, no-store",
    }
    made = form.make(subject_of(found), owners=owners)
    return HttpResponse(made, content_type=form.media_type, headers=headers)


def _visible(request: SignedIn, number: str) -> Policy:
    """The policy if the person may see it. Raises Http404."""
    visible = Policy.objects.visible_to(request.user).select_related("party__user", "quote__party")
    return get_object_or_404(visible, number=number)


def _is_holder(request: SignedIn, found: Policy) -> bool:
    return found.party.user_id == request.user.pk


def _paper(found: Policy) -> Document | None:
    return Document.objects.filter(policy=found, kind=Document.Kind.POLICY).order_by("-received_at", "-pk").first()


def _events(found: Policy) -> list[log.Event]:
    """What led to the policy and came of it, in order: price, payments, issue; times and kinds alone, no facts."""
    subjects = [subject_of(found)]
    if found.quote is not None:
        subjects = [subject_of(found.quote), *map(subject_of, found.quote.payments.all()), *subjects]
    events = [event for subject in subjects for event in log.history(subject, owners=[])]
    return sorted(events, key=lambda event: event.at)


def _issued(events: Sequence[log.Event]) -> log.Event:
    """The event that began the policy: issued here, or taken over."""
    return next(event for event in events if event.kind.startswith("policy."))


def _line(event: log.Event) -> Line:
    who = "you" if event.kind in wording.BY_THE_HOLDER else "us"
    return Line(event, wording.sentence(event.kind), who)
