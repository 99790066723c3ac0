"""Claims at the desk: the queue, the case, its steps."""

import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from anchoring import vault
from claims import deadlines
from claims.actions import adjusting
from claims.admin.desk import aligned_money, not_readable, rows_of, signed_in, tag
from claims.admin.steps import DeskStep, WorkAdmin
from claims.admin.verdicts import advice_of, explained, preview_of, verdict_of
from claims.advice import advice_on
from claims.catalogue import causes
from claims.forms.staff import REFERENCE_USED, DecideForm, PayForm, SendBackForm, StepForm
from claims.iban import format_iban, masked
from claims.models import Claim, ClaimDecision, ClaimPayment, Role, User
from claims.models.claim import CLAIM_STAFF, ClaimQuerySet
from claims.money import Money, format_money
from claims.permissions import is_not_own_case

TONES = {
    Claim.Status.DECIDED: "good", Claim.Status.PAID: "good", Claim.Status.WITHDRAWN: "", Claim.Status.SUBMITTED: "you",
}  # fmt: skip
MAY_OPEN_POLICIES = (*CLAIM_STAFF, Role.UNDERWRITER)


class StatusFilter(admin.SimpleListFilter):
    """What is open comes first: for finance what is to be paid, for everyone else what is to be decided."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.open_word = "To pay" if signed_in(request).role == Role.FINANCE else "Open"
        return [*Claim.Status.choices, ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Claim]) -> QuerySet[Claim]:
        wanted = self.value()
        if wanted in Claim.Status:
            return queryset.filter(status=wanted)
        if wanted == "all":
            return queryset
        assert isinstance(queryset, ClaimQuerySet)
        is_finance = signed_in(request).role == Role.FINANCE
        return queryset.awaiting_payment() if is_finance else queryset.awaiting_decision()

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": self.open_word}
        yield from others


class HandlerFilter(admin.SimpleListFilter):
    """Mine, nobody's, everybody's."""

    title = "handler"
    parameter_name = "handler"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Me"), ("nobody", "Nobody yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Claim]) -> QuerySet[Claim]:
        if self.value() == "me":
            return queryset.filter(handler=signed_in(request))
        return queryset.filter(handler=None) if self.value() == "nobody" else queryset


class CauseFilter(admin.SimpleListFilter):
    """By what happened, in the catalogue's words."""

    title = "cause"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(cause.code, cause.label) for cause in causes().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Claim]) -> QuerySet[Claim]:
        return queryset.filter(cause_code=self.value()) if self.value() else queryset


def _take(by: User, claim: Claim, given: dict[str, Any]) -> str:
    adjusting.take_claim(by=by, claim=claim)
    return f"You are handling {claim.number} now."


def _decide(by: User, claim: Claim, given: dict[str, Any]) -> str:
    after = adjusting.decide_claim(by=by, claim=claim, verdict=verdict_of(claim, given))
    if after.status == Claim.Status.DECIDED:
        return f"{claim.number} is decided. The claimant is told by e-mail."
    return f"Your decision on {claim.number} is proposed. It stands once a second person has approved it."


def _approve(by: User, claim: Claim, given: dict[str, Any]) -> str:
    adjusting.approve_decision(by=by, claim=claim)
    return f"You approved the decision on {claim.number}. The claimant is told by e-mail."


def _send_back(by: User, claim: Claim, given: dict[str, Any]) -> str:
    adjusting.send_back_decision(by=by, claim=claim, reason=given["reason"])
    return f"{claim.number} is back with its handler, with your words."


def _pay(by: User, claim: Claim, given: dict[str, Any]) -> str:
    reference = given["reference"]
    try:
        adjusting.pay_claim(by=by, claim=claim, reference=reference)
    except IntegrityError as error:  # somebody used the reference after the form had looked
        if ClaimPayment.objects.filter(reference=reference).exists():
            raise adjusting.CannotDecide(REFERENCE_USED) from error
        raise
    return f"The payment for {claim.number} is recorded. The claimant is told by e-mail."


@admin.register(Claim)
class ClaimAdmin(WorkAdmin):
    """The queue of claims and the case page."""

    readers = frozenset({*CLAIM_STAFF, Role.FINANCE})
    case_template = "admin/claims/claim/case.html"
    api_proof = "api-claim-proof"
    list_display = ("number", "holder", "standing", "cause", "claimed", "reported", "waiting", "handled_by", "record")
    list_filter = (StatusFilter, HandlerFilter, CauseFilter)
    search_fields = ("number", "party__name")
    search_help_text = "Number or holder"
    list_select_related = ("party", "handler")
    ordering = ("reported_at", "pk")
    desk_steps: ClassVar[dict[str, DeskStep]] = {
        "take": DeskStep("You become its handler. The claimant sees that someone is looking at it.", _take),
        "decide": DeskStep("Your decision is recorded for good: never edited, only followed by another.", _decide),
        "approve": DeskStep("You make this decision yours. It stands at once, and the claimant is told.", _approve),
        "send_back": DeskStep(
            "The handler looks at it again and proposes anew. This proposal stays in the record.", _send_back,
            SendBackForm, "secondary",
        ),
        "pay": DeskStep("Record it once the bank has confirmed it. The claimant is told.", _pay, PayForm),
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        visible = Claim.objects.visible_to(signed_in(request)).with_payable()
        return visible.select_related("party__user", "policy__quote__party", "handler")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("<uuid:pk>/step/decide/preview/", view, name="claims_claim_preview"), *super().get_urls()]

    @admin.display(description="Holder", ordering="party__name")
    def holder(self, claim: Claim) -> str:
        return claim.party.name

    @admin.display(description="Status", ordering="status")
    def standing(self, claim: Claim) -> SafeString:
        return tag(claim.get_status_display(), TONES.get(Claim.Status(claim.status), "wait"))

    @admin.display(description="Cause", ordering="cause_code")
    def cause(self, claim: Claim) -> str:
        return cause_words(claim)

    @admin.display(description="Claimed", ordering="claimed_minor")
    def claimed(self, claim: Claim) -> SafeString:
        return aligned_money(claim.claimed_minor, claim.currency)

    @admin.display(description="Reported", ordering="reported_at")
    def reported(self, claim: Claim) -> str:
        return f"{claim.reported_at:%-d %b %Y}"

    @admin.display(description="Waiting", ordering="reported_at")
    def waiting(self, claim: Any) -> SafeString | str:
        """How long the claimant has waited, and by when we owe the next word."""
        today = timezone.now().date()
        if claim.status == Claim.Status.DECIDED and claim.payable and claim.stage:
            due, act = deadlines.pay_by(claim.stage.recorded_at), "pay"
        elif claim.status in (Claim.Status.SUBMITTED, Claim.Status.UNDER_REVIEW, Claim.Status.AWAITING_APPROVAL):
            due, act = deadlines.decide_by(claim.reported_at), "decide"
        else:
            return ""
        if today > due:
            return format_html('<strong class="clock clock--late">Late since {}</strong>', f"{due:%-d %b}")
        days = (today - claim.reported_at.date()).days
        waited = "today" if not days else f"{days} day{'' if days == 1 else 's'}"
        return format_html('<span class="clock">{}<br>{} by {}</span>', waited.capitalize(), act, f"{due:%-d %b}")

    @admin.display(description="Handler", ordering="handler__name")
    def handled_by(self, claim: Claim) -> str:
        return str(claim.handler) if claim.handler else "Nobody yet"

    def facts(self, request: HttpRequest, thing: Claim) -> dict[str, Any]:
        by = signed_in(request)
        is_own = bool(is_not_own_case(by, thing))
        advice = None if is_own or by.role not in CLAIM_STAFF else advice_on(thing)
        decision = thing.decision
        return {
            "claim": thing, "tone": TONES.get(Claim.Status(thing.status), "wait"), "is_own": is_own,
            "offers": self.offers(request, thing), "outcomes": ClaimDecision.Outcome.choices,
            "reported": _reported(thing), "told": told(thing, by=by), "cover": _cover(thing),
            "lines_claimed": list(thing.lines.order_by("position")),
            "documents": list(thing.documents.order_by("received_at", "pk")),
            "may_open_files": by.role in CLAIM_STAFF, "may_open_policies": by.role in MAY_OPEN_POLICIES,
            "advice": advice and advice_of(advice),
            "decision": decision and explained(thing, decision), "is_proposal": thing.status == "awaiting_approval",
            "payments": [_paid(payment) for payment in thing.payments.select_related("paid_by").order_by("paid_at")],
        }  # fmt: skip

    def step_form(self, request: HttpRequest, thing: Claim, step: str) -> StepForm | None:
        return _decide_form(request, thing) if step == "decide" else super().step_form(request, thing, step)

    def step_facts(self, request: HttpRequest, thing: Claim, step: str, form: StepForm | None) -> dict[str, Any]:
        decision = thing.decision if step in ("approve", "send_back", "pay") else None
        facts: dict[str, Any] = {
            "advised": _advised(thing, by=signed_in(request)) if step in ("decide", "approve", "send_back") else None,
            "decision": decision and explained(thing, decision),
            "about": f"{format_money(Money(thing.claimed_minor, thing.currency))} claimed by {thing.party.name}",
        }
        if step == "pay":
            kept = told(thing, by=signed_in(request))
            facts |= {name: kept.get(name) for name in ("account", "erased", "damaged")}
        if step == "decide":
            facts |= {"outcomes": ClaimDecision.Outcome.choices, "outcome": ""}
        if isinstance(form, DecideForm):
            facts |= {
                "preview": preview_of(form, by=signed_in(request)), "outcome": form.chosen,
                "preview_url": self.address("preview", thing.pk),
            }  # fmt: skip
        return facts

    def preview_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        """What the decision would be recorded as, while it is being written. Changes and records nothing."""
        thing = self.case(request, str(pk))
        form = _decide_form(request, thing)
        if request.method != "POST" or form is None:
            return HttpResponseNotAllowed(["POST"])
        form.is_valid()
        context = {"preview": preview_of(form, by=signed_in(request))}
        return TemplateResponse(request, "admin/claims/claim/_preview.html", context)


def cause_words(claim: Claim) -> str:
    """What happened, as the list of causes says it."""
    return causes()[claim.cause_code].label if claim.cause_code in causes() else claim.cause_code


def told(claim: Claim, *, by: User) -> dict[str, Any]:
    """What only lies sealed: place, description, and where to pay (all of it for finance alone), or why not."""
    try:
        kept = claim.unseal()
    except vault.VaultError as error:
        return dict(not_readable(error))
    number = str(kept.get("account_number", ""))
    shown = format_iban(number) if by.role == Role.FINANCE else masked(number)
    return {
        "words": rows_of(("Where", kept.get("place")), ("What they say", kept.get("description"))),
        "account": rows_of(("Name on the account", kept.get("account_name")), ("Account", shown)),
    }  # fmt: skip


def _advised(claim: Claim, *, by: User) -> Money | None:
    """What the terms would pay; None for who may not read the advice, or when there is nothing to judge."""
    advice = None if is_not_own_case(by, claim) or by.role not in CLAIM_STAFF else advice_on(claim)
    return None if advice is None else advice.payable


def _decide_form(request: HttpRequest, claim: Claim) -> DecideForm | None:
    data = request.POST if request.method == "POST" else None
    outcome = (request.GET if data is None else data).get("outcome", "")
    if outcome not in ClaimDecision.Outcome:
        return None
    return DecideForm(data, claim=claim, outcome=outcome, advice=advice_on(claim))


def _reported(claim: Claim) -> Any:
    is_exact = claim.loss_precision == Claim.Precision.EXACT
    moment = f"{claim.loss_at:%-d %B %Y, %H:%M} UTC" if is_exact else f"{claim.loss_at:%-d %B %Y}"
    return rows_of(
        ("Holder", claim.party.name), ("What happened", cause_words(claim)),
        ("When", f"{moment}\n{claim.get_loss_precision_display()}"),
        ("Reported", f"{claim.reported_at:%-d %B %Y, %H:%M} UTC"),
        ("Handler", str(claim.handler) if claim.handler else "Nobody yet"),
    )  # fmt: skip


def _cover(claim: Claim) -> Any:
    policy = claim.policy
    term = f"{policy.starts_at:%-d %b %Y, %H:%M} to {policy.ends_at:%-d %b %Y, %H:%M} UTC"
    return rows_of(("Product", policy.product.name), ("Cover", term))


def _paid(payment: Any) -> Any:
    return rows_of(
        ("Reference", payment.reference), ("Recorded", f"{payment.paid_at:%-d %B %Y, %H:%M} UTC"),
        ("By", str(payment.paid_by)),
    )  # fmt: skip
