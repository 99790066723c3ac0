"""A person's own page: who they are to us, what covers them, what they claim, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from anchoring.log import newest_stages
from claims.catalogue import kyc_reasons, products_on_sale
from claims.models import Claim, ClaimDraft, KycCase, Party, Policy, Quote, User
from claims.views.signed_in import SignedIn
from claims.workflow import subject_of

TONES = {
    "Starts soon": "", "Covers you now": "good", "Ended": "",
    Claim.Status.DECIDED: "good", Claim.Status.PAID: "good", Claim.Status.WITHDRAWN: "",
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """The next step; see templates/_turn.html."""

    whose: str
    text: str
    url: str = ""
    act: str = ""


@dataclass(frozen=True)
class Cover:
    """Everything of one person, loaded."""

    case: KycCase | None
    policies: Sequence[Policy]
    claims: Sequence[Claim]
    drafts: Sequence[ClaimDraft]
    quotes: Sequence[Quote]


@login_required
@require_safe
def cover(request: SignedIn) -> HttpResponse:
    """The dashboard; the number of queries does not grow with what stands on it."""
    now = timezone.now()
    held = _held(request.user, now)
    stages = newest_stages([*map(subject_of, held.policies), *map(subject_of, held.claims)])
    reason = kyc_reasons().get(held.case.reason_code) if held.case else None
    context = {
        "case": held.case, "identity": held.case.status if held.case else "",
        "reason": reason.sentence if reason else "",
        "turn": next_turn(held), "drafts": held.drafts, "quotes": held.quotes, "products": products_on_sale(),
        "policies": [
            {
                "policy": policy, "status": policy.status_at(now), "tone": TONES[policy.status_at(now)],
                "stage": stages.get(subject_of(policy)),
            }
            for policy in held.policies
        ],
        "claims": [
            {"claim": claim, "tone": TONES.get(claim.status, "wait"), "stage": stages.get(subject_of(claim))}
            for claim in held.claims
        ],
    }  # fmt: skip
    return render(request, "claims/cover/cover.html", context)


def next_turn(held: Cover) -> Turn:
    """What the person should do next, or what we are doing: the most pressing thing alone."""
    status = held.case.status if held.case else None
    price = reverse("quote-new", args=[products_on_sale()[0].code])
    if status == KycCase.Status.INFO_REQUESTED:
        return Turn("you", "We need something more to confirm your identity.", reverse("identity"), "See what we need")
    if held.drafts:
        address = reverse("claim-draft", args=[held.drafts[0].pk, "check"])
        return Turn("you", "You began to report a loss and have not sent it yet.", address, "Go on with the report")
    if status is None:
        return Turn(
            "you", "Tell us who you are. One of us checks it; meanwhile you can get a price.",
            reverse("identity"), "Give your identity",
        )  # fmt: skip
    if status == KycCase.Status.REJECTED:
        return Turn("you", "We could not accept your identity. You may try again.", reverse("identity"), "See why")
    if status == KycCase.Status.SUBMITTED:
        return Turn("us", "We are checking your identity. We write to you when it is done; you need not wait here.")
    if held.quotes:
        return Turn("you", "Your price is ready: you can buy now.", _price(held.quotes[0]), "Look at your price")
    if not held.policies:
        return Turn("you", "We know who you are. Now get a price: it takes two minutes.", price, "Get a price")
    if any(claim.status not in _CLOSED for claim in held.claims):
        return Turn("us", "We are working on your claim. We write to you as soon as there is news.")
    return Turn("nobody", "All is well. If something happens, report it here, and see to your safety first.")


_CLOSED = (Claim.Status.PAID, Claim.Status.WITHDRAWN)


def _price(quote: Quote) -> str:
    return reverse("quote", args=[quote.pk])


def _held(user: User, now: datetime) -> Cover:
    """Five queries. What is listed is one's own, also for staff who may see more."""
    party = Party.objects.of(user)
    offered = Quote.objects.filter(party=party, status=Quote.Status.QUOTED, valid_until__gt=now)
    return Cover(
        case=KycCase.objects.newest_of(party),
        policies=list(Policy.objects.filter(party=party).order_by("-starts_at", "-pk")),
        claims=list(Claim.objects.filter(party=party).select_related("policy").order_by("-reported_at", "-pk")),
        drafts=list(ClaimDraft.objects.visible_to(user).select_related("policy").order_by("-saved_at", "-pk")),
        quotes=list(offered.order_by("-quoted_at", "-pk")),
    )
