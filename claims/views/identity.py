"""Who are you? One page for each state: give it, we are checking, we need more, verified, not accepted."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from anchoring import vault
from anchoring.log import newest_stages
from claims.actions import kyc
from claims.catalogue import kyc_reasons
from claims.forms.identity import IdentityForm
from claims.models import KycCase, Party
from claims.views.signed_in import SignedIn
from claims.workflow import StepRefused, subject_of

Status = KycCase.Status
PAGES: Mapping[str, str] = {
    Status.SUBMITTED: "claims/identity/checking.html",
    Status.VERIFIED: "claims/identity/verified.html",
    Status.REJECTED: "claims/identity/not_accepted.html",
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def identity(request: SignedIn) -> HttpResponse:
    """The state's own page, or the form while something is wanted from the person; ``?again`` after a rejection."""
    case = KycCase.objects.newest_of(Party.objects.of(request.user))
    wanted = case is None or case.status == Status.INFO_REQUESTED or _tries_again(request, case)
    if request.method == "POST":
        return _given(request, case) if wanted else redirect("identity")
    if not wanted:
        return _page(request, case)
    asked = case if case is not None and case.status == Status.INFO_REQUESTED else None
    form = IdentityForm(initial=_told_before(asked), has_scans=asked is not None)
    return _form(request, form, asked)


def _given(request: SignedIn, case: KycCase | None) -> HttpResponse:
    asked = case if case is not None and case.status == Status.INFO_REQUESTED else None
    form = IdentityForm(request.POST, request.FILES, has_scans=asked is not None)
    if not form.is_valid():
        return _form(request, form, asked)
    with suppress(StepRefused):  # sent twice at once: the page says how it stands
        kyc.submit_identity(by=request.user, identity=kyc.Identity(**form.told()), scans=form.cleaned_data["scans"])
    return redirect("identity")


def _form(request: SignedIn, form: IdentityForm, asked: KycCase | None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "asked": asked}
    if asked is not None:
        context |= _reason(asked) | {"scans": list(asked.documents.order_by("received_at", "pk"))}
    return render(request, "claims/identity/identity.html", context)


def _page(request: SignedIn, case: KycCase | None) -> HttpResponse:
    assert case is not None, "without a case the form is shown"
    subject = subject_of(case)
    context = {
        "case": case,
        "told": _told_before(case),
        "scans": list(case.documents.order_by("received_at", "pk")),
        "stage": newest_stages([subject]).get(subject),
    }
    return render(request, PAGES[case.status], context | _reason(case))


def _reason(case: KycCase) -> dict[str, str]:
    """Why more is needed or it was not accepted: the list's sentence."""
    reason = kyc_reasons().get(case.reason_code)
    return {"reason": reason.sentence if reason else ""}


def _tries_again(request: SignedIn, case: KycCase) -> bool:
    return case.status == Status.REJECTED and (request.method == "POST" or "again" in request.GET)


def _told_before(case: KycCase | None) -> dict[str, Any]:
    """What the person gave before, for the form; nothing when it was erased or cannot be read."""
    if case is None:
        return {}
    try:
        told = case.unseal()
    except vault.VaultError:
        return {}
    return told | {name: date.fromisoformat(told[name]) for name in ("date_of_birth", "expires_on")}
