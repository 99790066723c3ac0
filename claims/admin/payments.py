"""Money at the desk: what came in and what went out, to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from claims.admin.desk import DeskAdmin, aligned_money, tag
from claims.models import ClaimPayment, PremiumPayment, Role

TONES = {
    PremiumPayment.Status.CAPTURED: "good", PremiumPayment.Status.FAILED: "bad",
}  # fmt: skip


class LedgerAdmin(DeskAdmin):
    """Rows that have no page of their own."""

    readers = frozenset({Role.FINANCE, Role.COMPLIANCE})
    list_display_links = None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is none: back to the list."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise Http404("not for you")
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The history of money stands with its case."""
        return self.change_view(request, object_id)


@admin.register(ClaimPayment)
class ClaimPaymentAdmin(LedgerAdmin):
    """What was paid for claims."""

    list_display = ("reference", "claim_link", "holder", "amount", "paid", "recorded_by")
    search_fields = ("reference", "claim__number", "claim__party__name")
    search_help_text = "Reference, claim or holder"
    ordering = ("-paid_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClaimPayment]:
        visible: QuerySet[ClaimPayment] = super().get_queryset(request)
        return visible.select_related("claim__party", "paid_by")

    @admin.display(description="Claim", ordering="claim__number")
    def claim_link(self, payment: ClaimPayment) -> SafeString:
        address = reverse("admin:claims_claim_change", args=[payment.claim_id])
        return format_html('<a href="{}">{}</a>', address, payment.claim.number)

    @admin.display(description="Holder", ordering="claim__party__name")
    def holder(self, payment: ClaimPayment) -> str:
        return payment.claim.party.name

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, payment: ClaimPayment) -> SafeString:
        return aligned_money(payment.amount_minor, payment.currency)

    @admin.display(description="Recorded", ordering="paid_at")
    def paid(self, payment: ClaimPayment) -> str:
        return f"{payment.paid_at:%-d %b %Y, %H:%M}"

    @admin.display(description="By", ordering="paid_by__name")
    def recorded_by(self, payment: ClaimPayment) -> str:
        return str(payment.paid_by)


@admin.register(PremiumPayment)
class PremiumPaymentAdmin(LedgerAdmin):
    """What was paid for policies."""

    list_display = ("number", "quote_number", "payer", "standing", "amount", "started", "provider_ref")
    list_filter = ("status",)
    search_fields = ("number", "quote__number", "quote__party__name", "provider_ref")
    search_help_text = "Number, quote, payer or the provider's reference"
    ordering = ("-initiated_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PremiumPayment]:
        visible: QuerySet[PremiumPayment] = super().get_queryset(request)
        return visible.select_related("quote__party")

    @admin.display(description="Quote", ordering="quote__number")
    def quote_number(self, payment: PremiumPayment) -> str:
        return payment.quote.number

    @admin.display(description="Payer", ordering="quote__party__name")
    def payer(self, payment: PremiumPayment) -> str:
        return payment.party.name

    @admin.display(description="Status", ordering="status")
    def standing(self, payment: PremiumPayment) -> SafeString:
        return tag(payment.get_status_display(), TONES.get(PremiumPayment.Status(payment.status), "wait"))

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, payment: PremiumPayment) -> SafeString:
        return aligned_money(payment.amount_minor, payment.currency)

    @admin.display(description="Started", ordering="initiated_at")
    def started(self, payment: PremiumPayment) -> str:
        return f"{payment.initiated_at:%-d %b %Y, %H:%M}"
