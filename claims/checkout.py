"""Buying a policy, from the intent to the issued document: three steps, each of which may be the last one done.

1. the payment's intent is written and committed (``billing.initiate_payment``);
2. the gateway is asked, with the payment's id as key, so that asking again takes nothing more;
3. number and document are made, and the policy is issued (``policy.issue_policy``) in one transaction.

Who comes again after a crash between any two goes through the same steps: it ends with one charge and one policy.
"""

from django.utils import timezone

from anchoring.log import trust_fingerprint
from claims.actions import billing, policy
from claims.gateway import Charge, Gateway, PaymentDeclined
from claims.models import Policy, PremiumPayment, Quote, User, next_serial
from claims.money import Money
from claims.numbers import format_number
from claims.papers import policy_document


def buy(*, by: User, quote: Quote, card: str, gateway: Gateway) -> Policy:
    """Charge the quote's premium to ``card`` and issue the policy; what is bought already is given again.

    Raises billing.CannotPay, StepRefused, PaymentDeclined (noted: another payment may be tried), or OSError when nobody
    knows how the charge ended: the payment stays open, and the same call later goes on with it.
    """
    issued = Policy.objects.filter(quote=quote, party__user=by).order_by("pk").first()
    if issued is not None:
        return issued
    payment = billing.initiate_payment(by=by, quote=quote)
    amount = Money(payment.amount_minor, payment.currency)
    try:
        charge = gateway.charge(key=payment.id, amount=amount, card=card)
    except PaymentDeclined:
        billing.note_failed_payment(by=by, payment=payment)
        raise
    return _issue(payment, charge, by=by)


def _issue(payment: PremiumPayment, charge: Charge, *, by: User) -> Policy:
    """The document is made before the transaction; a number that ends up unused is a gap, which numbers may have."""
    at = timezone.now()
    number = format_number(series="POL", year=at.year, serial=next_serial())
    fingerprint = trust_fingerprint()
    document = policy_document(
        number=number, holder=payment.party.name, quote=payment.quote, issued_at=at, trust_fingerprint=fingerprint
    )
    return policy.issue_policy(
        by=by, payment=payment, charge=charge, number=number, document=document, trust_fingerprint=fingerprint
    )
