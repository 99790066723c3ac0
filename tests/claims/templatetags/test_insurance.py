"""Filters for templates."""

from django.template import Context, Template

from claims.money import Money


def shown(text: str, **context) -> str:
    return Template("{% load insurance %}" + text).render(Context(context))


def test_amounts_are_written_with_their_currency() -> None:
    assert shown("{{ minor|money:'EUR' }} {{ minor|money:currency }}", minor=123_450, currency="JPY") == (
        "€1,234.50 ¥123,450"
    )
    assert shown("{{ total|money }}", total=Money(8064, "EUR")) == "€80.64"
    assert shown("{{ none|money:'EUR' }}", none=None) == ""


def test_events_are_named_for_the_holder_and_for_staff() -> None:
    assert shown("{{ 'claim.paid'|kind_words }} / {{ 'claim.paid'|kind_words:'staff' }}") == "We paid you / Paid"
