"""Quotes and policies at the desk: to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from anchoring import vault
from claims.admin.claims import TONES as CLAIM_TONES
from claims.admin.desk import CaseAdmin, aligned_money, not_readable, rows_of, signed_in, tag
from claims.models import Claim, Policy, Quote, Role
from claims.papers import told


@admin.register(Policy)
class PolicyAdmin(CaseAdmin):
    """The list of policies and the policy's page."""

    readers = frozenset({Role.UNDERWRITER, Role.ADJUSTER, Role.SUPERVISOR, Role.COMPLIANCE})
    case_template = "admin/claims/policy/case.html"
    api_proof = "api-policy-proof"
    list_display = ("number", "holder", "standing", "product_name", "starts", "ends", "premium", "record")
    list_filter = ("product_code",)
    search_fields = ("number", "party__name", "external_ref")
    search_help_text = "Number or holder"
    list_select_related = ("party",)
    ordering = ("-starts_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        visible: QuerySet[Policy] = super().get_queryset(request)
        return visible.select_related("party__user", "quote__party")

    @admin.display(description="Holder", ordering="party__name")
    def holder(self, policy: Policy) -> str:
        return policy.party.name

    @admin.display(description="Today")
    def standing(self, policy: Policy) -> SafeString:
        now = timezone.now()
        if policy.starts_at <= now < policy.ends_at:
            return tag("Covers now", "good")
        return tag("Ended", "") if policy.ends_at <= now else tag("Starts soon", "wait")

    @admin.display(description="Product", ordering="product_code")
    def product_name(self, policy: Policy) -> str:
        return policy.product.name

    @admin.display(description="From", ordering="starts_at")
    def starts(self, policy: Policy) -> str:
        return f"{policy.starts_at:%-d %b %Y}"

    @admin.display(description="To", ordering="ends_at")
    def ends(self, policy: Policy) -> str:
        return f"{policy.last_day:%-d %b %Y}"

    @admin.display(description="Premium", ordering="premium_minor")
    def premium(self, policy: Policy) -> SafeString:
        return aligned_money(policy.premium_minor, policy.currency)

    def facts(self, request: HttpRequest, thing: Policy) -> dict[str, Any]:
        by = signed_in(request)
        claims = Claim.objects.visible_to(by).filter(policy=thing).order_by("-reported_at", "pk")
        return {
            "policy": thing, "cover": _cover(thing), "documents": list(thing.documents.order_by("received_at", "pk")),
            "claims": [(claim, CLAIM_TONES.get(Claim.Status(claim.status), "wait")) for claim in claims]
            if by.role != Role.UNDERWRITER else [],
            "shows_quote": thing.quote_id is not None and by.role in QuoteAdmin.readers,
            "dealings": list(thing.transactions.order_by("seq")),
        }  # fmt: skip


@admin.register(Quote)
class QuoteAdmin(CaseAdmin):
    """The list of prices given and the quote's page."""

    readers = frozenset({Role.UNDERWRITER, Role.COMPLIANCE})
    case_template = "admin/claims/quote/case.html"
    list_display = ("number", "person", "standing", "product_name", "total", "quoted", "valid", "record")
    list_filter = ("status", "product_code")
    search_fields = ("number", "party__name")
    search_help_text = "Number or person"
    list_select_related = ("party",)
    ordering = ("-quoted_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quote]:
        visible: QuerySet[Quote] = super().get_queryset(request)
        return visible.select_related("party__user")

    @admin.display(description="Person", ordering="party__name")
    def person(self, quote: Quote) -> str:
        return quote.party.name

    @admin.display(description="Status", ordering="status")
    def standing(self, quote: Quote) -> SafeString:
        if quote.status == Quote.Status.QUOTED and quote.valid_until < timezone.now():
            return tag("Ended", "")
        return tag(quote.get_status_display(), "good" if quote.status == Quote.Status.ACCEPTED else "wait")

    @admin.display(description="Product", ordering="product_code")
    def product_name(self, quote: Quote) -> str:
        return quote.product.name

    @admin.display(description="Price", ordering="total_minor")
    def total(self, quote: Quote) -> SafeString:
        return aligned_money(quote.total_minor, quote.currency)

    @admin.display(description="Given", ordering="quoted_at")
    def quoted(self, quote: Quote) -> str:
        return f"{quote.quoted_at:%-d %b %Y}"

    @admin.display(description="Valid until", ordering="valid_until")
    def valid(self, quote: Quote) -> str:
        return f"{quote.valid_until:%-d %b %Y}"

    def facts(self, request: HttpRequest, thing: Quote) -> dict[str, Any]:
        return {
            "quote": thing, **_answers(thing),
            "offer": rows_of(
                ("Person", thing.party.name), ("Product", thing.product.name),
                ("Cover", _term(thing)), ("Given", f"{thing.quoted_at:%-d %B %Y, %H:%M} UTC"),
                ("Valid until", f"{thing.valid_until:%-d %B %Y, %H:%M} UTC"),
            ),
        }  # fmt: skip


def _term(row: Policy | Quote) -> str:
    return f"{row.starts_at:%-d %b %Y, %H:%M} to {row.ends_at:%-d %b %Y, %H:%M} UTC"


def _cover(policy: Policy) -> Any:
    rows = [
        ("Holder", policy.party.name), ("Product", f"{policy.product.name}, version {policy.product_version}"),
        ("Cover", _term(policy)),
    ]  # fmt: skip
    if policy.external_ref:
        rows.append(("Taken over as", policy.external_ref))
    return rows_of(*rows)


def _answers(quote: Quote) -> dict[str, Any]:
    """Each question as it was asked, with the answer, or why they are not shown."""
    try:
        return {"answers": rows_of(*told(quote.product, quote.unseal()))}
    except vault.VaultError as error:
        return dict(not_readable(error))
