"""From a product's questions to a price, and from the price to a policy."""

import uuid
from datetime import date
from decimal import Decimal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from anchoring import vault
from claims import checkout, rating
from claims.actions import billing
from claims.actions.policy import price_quote
from claims.catalogue import Product, products_on_sale
from claims.forms.quote import BuyForm, QuoteForm
from claims.gateway import PaymentDeclined, TestGateway
from claims.models import KycCase, Policy, Quote
from claims.money import Money, format_money
from claims.papers import told
from claims.views.signed_in import SignedIn
from claims.workflow import StepRefused

GATEWAY = TestGateway()
UNKNOWN = (
    "The payment provider did not answer, so we do not know yet whether you have paid. Press the button again: it goes "
    "on with the same payment, and you never pay twice."
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def quote_new(request: SignedIn, code: str) -> HttpResponse:
    """The questions; then a price, or word that a person has to look at it first."""
    product = _on_sale(code)
    if request.method == "POST":
        form = QuoteForm(request.POST, product=product)
    else:
        form = QuoteForm(product=product, initial=_answered_before(request, product))
    if not form.is_valid():
        return render(request, "claims/quote/quote_new.html", {"form": form, "product": product})
    price = rating.rate(product, form.answers)
    if isinstance(price, rating.Refer):
        return render(request, "claims/quote/referred.html", {"product": product, "reasons": price.reasons})
    quoted = price_quote(by=request.user, product=product, answers=form.answers, price=price)
    return redirect("quote", pk=quoted.pk)


@login_required
@require_safe
def quote(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """The price, line by line, with all that it buys and does not; for whom it was made."""
    return _shown(request, _visible(request, pk), BuyForm())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def quote_buy(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """POST pays and issues; who comes here otherwise, after signing in again for one, sees the price."""
    quoted = _visible(request, pk)
    if request.method != "POST":
        return redirect("quote", pk=pk)
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _shown(request, quoted, form)
    try:
        policy = checkout.buy(by=request.user, quote=quoted, card=form.cleaned_data["card"], gateway=GATEWAY)
    except StepRefused as refused:
        raise PermissionDenied(str(refused)) from refused
    except (billing.CannotPay, PaymentDeclined) as refused:
        form.add_error(None, str(refused))
        return _shown(request, quoted, form)
    except OSError:
        form.add_error(None, UNKNOWN)
        return _shown(request, quoted, form, status=503)
    messages.success(request, f"You are insured. Your policy number is {policy.number}.")
    return redirect("policy", number=policy.number)


def _on_sale(code: str) -> Product:
    for product in products_on_sale():
        if product.code == code:
            return product
    raise Http404(f"{code} is not sold here")


def _answered_before(request: SignedIn, product: Product) -> dict[str, object]:
    """The answers of the quote named in ``?from``, if it is the person's own, so that nobody types them twice."""
    try:
        pk = uuid.UUID(request.GET.get("from", ""))
    except ValueError:
        return {}
    for quoted in Quote.objects.filter(pk=pk, party__user=request.user, product_code=product.code).order_by("pk"):
        answers = quoted.unseal()
        dates = [question.key for question in product.questions if question.kind == "date"]
        return answers | {key: date.fromisoformat(answers[key]) for key in dates}
    return {}


def _visible(request: SignedIn, pk: uuid.UUID) -> Quote:
    return get_object_or_404(Quote.objects.visible_to(request.user).select_related("party"), pk=pk)


def _shown(request: SignedIn, quoted: Quote, form: BuyForm, *, status: int = 200) -> HttpResponse:
    if quoted.party.user_id != request.user.pk:  # staff read it at their desk, where each look is recorded
        return redirect("admin:claims_quote_change", quoted.pk)
    case = KycCase.objects.newest_of(quoted.party)
    product = quoted.product
    context = {
        "quote": quoted, "product": product, "form": form, "steps": _steps(quoted), "told": _told(quoted),
        "policy": Policy.objects.filter(quote=quoted).order_by("pk").first(),
        "is_verified": case is not None and case.status == KycCase.Status.VERIFIED,
        "case": case, "is_over": timezone.now() > quoted.valid_until,
    }  # fmt: skip
    return render(request, "claims/quote/quote.html", context, status=status)


def _told(quoted: Quote) -> list[tuple[str, str]]:
    """What was asked and answered; nothing once it was erased or cannot be read."""
    try:
        return list(told(quoted.product, quoted.unseal()))
    except vault.VaultError:
        return []


def _steps(quoted: Quote) -> list[dict[str, str]]:
    """Why this price: each line of the tariff, what it does, and the price after it, shown in full cents."""

    def words(amount: str) -> str:
        return format_money(Money.rounded(Decimal(amount), quoted.currency))

    effects = {
        rating.Operation.PLUS: lambda value: f"+ {words(value)}",
        rating.Operation.TIMES: lambda value: f"× {Decimal(value).normalize():f}",
        rating.Operation.AT_LEAST: lambda value: f"at least {words(value)}",
    }
    return [
        {
            "label": line["label"],
            "effect": effects[rating.Operation(line["operation"])](line["value"]),
            "running": words(line["running"]),
        }
        for line in quoted.breakdown
    ]
