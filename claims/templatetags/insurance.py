"""Template filters of the business: amounts and events, in the words that people read. ``{% load insurance %}``."""

from django import template

from claims import wording
from claims.money import Money, format_money

register = template.Library()


@register.filter
def money(amount: Money | int | None, currency: str = "") -> str:
    """``{{ claim.claimed_minor|money:claim.currency }}`` or ``{{ price.total|money }}``: "€1,234.50"; "" for None."""
    if amount is None:
        return ""
    return format_money(amount if isinstance(amount, Money) else Money(int(amount), currency))


@register.filter
def kind_words(kind: str, to: str = "holder") -> str:
    """``{{ event.kind|kind_words }}``: "You sent this claim"; with ``:"staff"`` as staff read it."""
    return wording.sentence(kind, to=to)
