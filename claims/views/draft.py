"""Reporting a loss: a draft, page by page, kept at each of them.

The draft's id stands in every address and is the claim's idempotency key: once the claim is sent, each of the draft's
addresses leads to the claim, so that a second click or the back button cannot send it twice.
"""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from claims.actions import claim as actions
from claims.files import MAX_BYTES, FileRefused, receive
from claims.fnol import CannotFile
from claims.forms import claim as forms
from claims.models import Claim, ClaimDraft, Document, Party, Policy
from claims.views.signed_in import SignedIn

PAGE_COUNT = len(forms.PAGES) + 1


def with_draft(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Load the person's draft by the address; one that was sent leads to its claim, a stranger's is not there."""

    @login_required
    @wraps(view)
    def load(request: SignedIn, pk: uuid.UUID, **rest: Any) -> HttpResponse:
        try:
            draft = ClaimDraft.objects.visible_to(request.user).select_related("party", "policy").get(pk=pk)
            return view(request, draft, **rest)
        except ClaimDraft.DoesNotExist:
            sent = Claim.objects.filter(party__user=request.user)
            return redirect("claim", number=get_object_or_404(sent, idempotency_key=str(pk)).number)

    return load


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def claim_start(request: SignedIn, number: str | None = None) -> HttpResponse:
    """What it takes to report a loss, and under which policy; POST begins a draft."""
    party = Party.objects.of(request.user)
    policies = Policy.objects.filter(party=party).order_by("-starts_at", "-pk")
    if number is not None:
        policies = policies.filter(number=number)
        policy = get_object_or_404(policies)
        if request.method == "POST":
            draft = actions.start_draft(by=request.user, policy=policy)
            return redirect("claim-draft", pk=draft.pk, step=forms.PAGES[0].slug)
    drafts = ClaimDraft.objects.visible_to(request.user).select_related("policy").order_by("-saved_at")
    now = timezone.now()
    context = {
        "covers": [{"policy": policy, "status": policy.status_at(now)} for policy in policies],
        "drafts": drafts.filter(policy__in=policies),
        "first_step": forms.PAGES[0].slug,
        "page_count": PAGE_COUNT,
    }
    return render(request, "claims/draft/start.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_draft
def claim_draft(request: SignedIn, draft: ClaimDraft, step: str) -> HttpResponse:
    """One page of the draft; pages ahead of it that are not complete come first."""
    now, kept = timezone.now(), draft.unseal()
    if step != forms.CHECK and step not in forms.BY_SLUG:
        raise Http404(f"a draft has no page {step}")
    pages = forms.bound_pages(kept, policy=draft.policy, now=now)
    missing = forms.first_incomplete(pages, before=step)
    if missing is not None:
        return _guided(request, draft, missing)
    if step == forms.CHECK:
        return _check(request, draft, pages, forms.CheckForm())
    page = forms.BY_SLUG[step]
    if request.method == "POST":
        form = page.form(request.POST, request.FILES, policy=draft.policy, now=now)
        return _ANSWERS.get(step, _keep)(request, draft, page, form)
    return _page(request, draft, page, page.form(kept=kept.get(step), policy=draft.policy, now=now))


@require_http_methods(["GET", "HEAD", "POST"])
@with_draft
def claim_draft_send(request: SignedIn, draft: ClaimDraft) -> HttpResponse:
    """POST sends the claim; whoever comes here otherwise, after signing in again for one, checks their answers."""
    pages = forms.bound_pages(draft.unseal(), policy=draft.policy, now=timezone.now())
    missing = forms.first_incomplete(pages)
    if missing is not None:
        return _guided(request, draft, missing)
    if request.method != "POST":
        return redirect("claim-draft", pk=draft.pk, step=forms.CHECK)
    form = forms.CheckForm(request.POST)
    if not form.is_valid():
        return _check(request, draft, pages, form)
    try:
        claim = actions.submit_claim(
            by=request.user, policy=draft.policy, fnol=forms.fnol_of(pages), idempotency_key=str(draft.pk), draft=draft
        )
    except CannotFile as refused:
        form.add_error(None, str(refused))
        return _check(request, draft, pages, form)
    return redirect("claim", number=claim.number)


@require_http_methods(["GET", "HEAD", "POST"])
@with_draft
def claim_draft_discard(request: SignedIn, draft: ClaimDraft) -> HttpResponse:
    """Ask first; POST throws the draft away with its files."""
    if request.method != "POST":
        return render(request, "claims/draft/discard.html", {"draft": draft, "files": _files(draft)})
    actions.discard_draft(by=request.user, draft=draft)
    messages.success(request, "Your draft is gone. Nothing was sent to us.")
    return redirect("claim-start")


@require_POST
@with_draft
def draft_file_remove(request: SignedIn, draft: ClaimDraft, document: uuid.UUID) -> HttpResponse:
    """Take a file out of the draft; one that is gone already is gone."""
    for found in Document.objects.filter(draft=draft, pk=document).order_by("pk"):
        actions.remove_draft_file(by=request.user, document=found)
        messages.success(request, f"“{found.name}” is removed.")
    return redirect("claim-draft", pk=draft.pk, step="evidence")


def _keep(request: SignedIn, draft: ClaimDraft, page: forms.Page, form: forms.DraftForm) -> HttpResponse:
    if not form.is_valid():
        return _page(request, draft, page, form)
    actions.save_draft(by=request.user, draft=draft, answers={page.slug: form.typed()})
    return _onward(request, draft, page)


def _keep_items(request: SignedIn, draft: ClaimDraft, page: forms.Page, form: forms.ItemsForm) -> HttpResponse:
    """Rows come and go without being judged; only going on judges them."""
    removed = request.POST.get("remove", "")
    if "add" in request.POST:
        typed = form.with_row()
    elif removed.isdecimal():
        typed = form.without_row(int(removed))
    else:
        return _keep(request, draft, page, form)
    actions.save_draft(by=request.user, draft=draft, answers={page.slug: typed})
    return redirect(_address(request, draft, page.slug) + ("#row-" + typed["rows"] if "add" in request.POST else ""))


def _keep_files(request: SignedIn, draft: ClaimDraft, page: forms.Page, form: forms.EvidenceForm) -> HttpResponse:
    """Each file that can be kept is kept, whatever is wrong with the others; one is in memory at a time."""
    uploads = form.cleaned_data["uploads"] if form.is_valid() else []
    for upload in uploads:
        try:
            actions.add_draft_file(by=request.user, draft=draft, received=receive(upload))
        except (FileRefused, actions.TooManyFiles) as refused:
            form.add_error("uploads", str(refused))
    if form.errors:
        return _page(request, draft, page, form)
    if "upload" in request.POST:
        return redirect(_address(request, draft, page.slug))
    return _keep(request, draft, page, form)


_ANSWERS: dict[str, Callable[..., HttpResponse]] = {"items": _keep_items, "evidence": _keep_files}


def _page(request: SignedIn, draft: ClaimDraft, page: forms.Page, form: forms.DraftForm) -> HttpResponse:
    context = _frame(draft, page.slug) | {"page": page, "form": form}
    if page.slug == "evidence":
        context |= {"files": _files(draft), "limit_mb": MAX_BYTES // 2**20, "limit_files": actions.MAX_FILES}
    return render(request, f"claims/draft/{page.slug.replace('-', '_')}.html", context)


def _check(
    request: SignedIn, draft: ClaimDraft, pages: dict[str, forms.DraftForm], form: forms.CheckForm
) -> HttpResponse:
    """The answers of complete pages with a way to change each."""
    sections = []
    for page in forms.PAGES:
        address = reverse("claim-draft", kwargs={"pk": draft.pk, "step": page.slug}) + "?change=1"
        rows = [{"key": key, "value": value, "change_url": address} for key, value in pages[page.slug].told()]
        sections.append({"page": page, "rows": rows, "change_url": address})
    context = _frame(draft, forms.CHECK) | {"sections": sections, "files": _files(draft), "form": form}
    return render(request, "claims/draft/check.html", context)


def _frame(draft: ClaimDraft, slug: str) -> dict[str, Any]:
    """What every page of a draft shows: how far along it is, and the way back."""
    slugs = [*forms.BY_SLUG, forms.CHECK]
    place = slugs.index(slug)
    back = reverse("claim-start")
    if place:
        back = reverse("claim-draft", kwargs={"pk": draft.pk, "step": slugs[place - 1]})
    return {"draft": draft, "policy": draft.policy, "step": place + 1, "of": PAGE_COUNT, "back": back}


def _onward(request: SignedIn, draft: ClaimDraft, page: forms.Page) -> HttpResponse:
    """To the next page; back to the check when the page was changed from there."""
    slugs = [*forms.BY_SLUG, forms.CHECK]
    following = forms.CHECK if "change" in request.GET else slugs[slugs.index(page.slug) + 1]
    return redirect("claim-draft", pk=draft.pk, step=following)


def _guided(request: SignedIn, draft: ClaimDraft, missing: str) -> HttpResponse:
    messages.info(request, "This page comes first: something on it is still missing.")
    return redirect("claim-draft", pk=draft.pk, step=missing)


def _address(request: SignedIn, draft: ClaimDraft, slug: str) -> str:
    query = "?change=1" if "change" in request.GET else ""
    return reverse("claim-draft", kwargs={"pk": draft.pk, "step": slug}) + query


def _files(draft: ClaimDraft) -> list[Document]:
    return list(draft.documents.order_by("received_at", "pk"))
