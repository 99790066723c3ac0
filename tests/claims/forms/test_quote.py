"""The questions' form: the catalogue's words, and each refusal on its own field."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from claims.catalogue import product
from claims.forms.quote import BuyForm, QuoteForm
from claims.money import Money
from tests import people

TRAVEL = product("travel-1")
TODAY = timezone.now().date()


def parts(key: str, day) -> dict[str, str]:
    return {f"{key}_0": str(day.day), f"{key}_1": str(day.month), f"{key}_2": str(day.year)}


GOOD = (
    {"region": "europe", "trip_cost": "1,800.00", "winter_sports": "no"}
    | parts("departs_on", TODAY)
    | parts("returns_on", TODAY + timedelta(days=13))
    | parts("birth_date", people.BORN)
)


def sentences(**changes: str) -> dict[str, list[str]]:
    form = QuoteForm(GOOD | changes, product=TRAVEL)
    return {name: [str(error) for error in errors] for name, errors in form.errors.items()}


def test_the_questions_are_the_catalogues_in_its_order_and_words() -> None:
    form = QuoteForm(product=TRAVEL)
    assert [(field.name, field.label, field.help_text) for field in form] == [
        (question.key, question.text, question.help) for question in TRAVEL.questions
    ]


def test_good_answers_become_the_tariffs_answers() -> None:
    form = QuoteForm(GOOD, product=TRAVEL)
    assert form.is_valid()
    assert (form.answers.region, form.answers.days, form.answers.winter_sports) == ("europe", 14, False)
    assert form.answers.trip_cost == Money.exact(Decimal(1800), "EUR")


def test_each_empty_answer_says_what_to_enter() -> None:
    form = QuoteForm({}, product=TRAVEL)
    assert {name: list(errors) for name, errors in form.errors.items()} == {
        "region": ["Choose where you are going."],
        "departs_on": ["Enter the day of departure."],
        "returns_on": ["Enter the day of return."],
        "birth_date": ["Enter the date of birth."],
        "trip_cost": ["Enter an amount, for example 1234.50."],
        "winter_sports": ["Choose yes or no."],
    }


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"region": "moon"}, "region", "Choose where you are going."),
        ({"winter_sports": "perhaps"}, "winter_sports", "Choose yes or no."),
        ({"trip_cost": "-5"}, "trip_cost", "Enter the amount without a minus sign."),
        (
            {"trip_cost": "1800 USD"}, "trip_cost",
            "The amount must be in EUR, not in “USD”. Convert it and enter only the figures.",
        ),
        ({"trip_cost": "1800,00"}, "trip_cost", "Write a point before the decimals, for example 1234.50."),
        ({"departs_on_1": "13"}, "departs_on", "The day of departure must be a real date, for example 27 3 2026."),
        (
            parts("returns_on", TODAY - timedelta(days=1)), "returns_on",
            "This trip is over. Cover can only be bought for a trip that has not ended.",
        ),
        (
            parts("departs_on", TODAY + timedelta(days=400)) | parts("returns_on", TODAY + timedelta(days=401)),
            "departs_on", "You can buy cover at most 365 days before you leave.",
        ),
        (parts("birth_date", TODAY + timedelta(days=1)), "birth_date", "The date of birth cannot lie in the future."),
    ],
)  # fmt: skip
def test_what_no_price_can_rest_on_is_refused_at_its_question(changes, field, sentence) -> None:
    assert sentences(**changes) == {field: [sentence]}


def test_a_trip_that_costs_nothing_has_a_price() -> None:
    assert sentences(trip_cost="0") == {}


def test_only_the_test_cards_pay() -> None:
    assert BuyForm({"card": "test-declines"}).is_valid()
    assert {name: list(errors) for name, errors in BuyForm({"card": "visa"}).errors.items()} == {
        "card": ["Choose one of the cards."]
    }
