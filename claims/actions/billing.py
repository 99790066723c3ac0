"""Premiums: the intent is written before the provider is asked."""

from django.utils import timezone

from anchoring.log import Value
from claims.models import KycCase, Party, PremiumPayment, Quote, User, next_serial
from claims.numbers import format_number
from claims.workflow import advance, durable_action


class CannotPay(Exception):  # noqa: N818 - the sentence is for the person who pays
    """The quote cannot be bought now; the text says why and what to do."""


@durable_action
def initiate_payment(*, by: User, quote: Quote) -> PremiumPayment:
    """Write down that the quote's premium is about to be charged; asked again, gives the payment under way.

    Raises CannotPay when the offer has ended or the identity is not verified. Records ``premium.initiated``.
    """
    quote = Quote.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=quote.pk)
    at = timezone.now()
    under_way = quote.payments.exclude(status=PremiumPayment.Status.FAILED).order_by("-initiated_at", "-pk").first()
    if under_way is not None and quote.party.user_id == by.pk:
        return under_way
    if at > quote.valid_until:
        raise CannotPay("This offer has ended. Ask for a new price: it takes a minute.")
    _require_verified(quote.party)
    payment = PremiumPayment(
        number=format_number(series="PAY", year=at.year, serial=next_serial()),
        quote=quote, provider="test", amount_minor=quote.total_minor, currency=quote.currency, initiated_at=at,
    )  # fmt: skip
    amount: dict[str, Value] = {"amount_minor": quote.total_minor, "currency": quote.currency, "quote": quote.number}
    advance(payment, "initiate", by=by, at=at, facts={quote.owner: amount})
    return payment


@durable_action
def note_failed_payment(*, by: User, payment: PremiumPayment) -> PremiumPayment:
    """The provider declined: another payment may be started. Records ``premium.failed``."""
    payment = PremiumPayment.objects.select_for_update().get(pk=payment.pk)
    advance(payment, "fail", by=by, at=timezone.now())
    return payment


def _require_verified(party: Party) -> None:
    case = KycCase.objects.newest_of(party)
    if case is None:
        raise CannotPay("We need to know who you are first. Give your identity; we check it, then you can buy.")
    if case.status != KycCase.Status.VERIFIED:
        raise CannotPay("We are still checking your identity. We will write to you; then you can buy.")
