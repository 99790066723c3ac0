"""A product's questions as one form, and the card that pays."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.utils import timezone

from claims.catalogue import Product, Question
from claims.forms.dates import DatePartsField
from claims.gateway import TEST_CARDS
from claims.rating import AnswersInvalid, TravelAnswers, read_answers

NOUNS: Final[Mapping[str, str]] = {
    "departs_on": "day of departure",
    "returns_on": "day of return",
    "birth_date": "date of birth",
}
"""What a date is called in sentences."""


class _JudgedByRating:
    """A field whose emptiness and choice ``read_answers`` judges, in the words of its question."""

    def validate(self, value: object) -> None:
        """Nothing here."""


class _Choice(_JudgedByRating, forms.ChoiceField):
    pass


class _Amount(_JudgedByRating, forms.CharField):
    pass


class QuoteForm(forms.Form):
    """``product``'s questions in its words. A valid form has ``answers``."""

    use_required_attribute = False
    answers: TravelAnswers

    def __init__(self, data: Mapping[str, Any] | None = None, *, product: Product, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.product = product
        for question in product.questions:
            self.fields[question.key] = _FIELDS[question.kind](question, product)

    def clean(self) -> dict[str, Any]:
        """Judges the answers together; a date that is none keeps the sentence it has."""
        told = self.cleaned_data
        try:
            self.answers = read_answers(self.product, told, today=timezone.now().date())
        except AnswersInvalid as invalid:
            for key, sentence in invalid.sentences.items():
                if key not in self.errors:
                    self.add_error(key, sentence)
        return told


class BuyForm(forms.Form):
    """Which test card pays."""

    use_required_attribute = False
    card = forms.ChoiceField(
        label="Choose a test card",
        choices=list(TEST_CARDS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a card.", "invalid_choice": "Choose one of the cards."},
    )


def _choice(question: Question, product: Product) -> forms.Field:
    choices = [(option.value, option.label) for option in question.options]
    return _Choice(label=question.text, help_text=question.help, choices=choices, widget=forms.RadioSelect)


def _yes_no(question: Question, product: Product) -> forms.Field:
    choices = [("yes", "Yes"), ("no", "No")]
    return _Choice(label=question.text, help_text=question.help, choices=choices, widget=forms.RadioSelect)


def _date(question: Question, product: Product) -> forms.Field:
    return DatePartsField(
        label=question.text,
        help_text=question.help,
        what=NOUNS.get(question.key, "date"),
        autocomplete="bday" if question.key == "birth_date" else "",
    )


def _money(question: Question, product: Product) -> forms.Field:
    return _Amount(
        label=question.text,
        help_text=question.help,
        widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off", "class": "input--10"}),
    )


_FIELDS: Final[Mapping[str, Callable[[Question, Product], forms.Field]]] = {
    "choice": _choice,
    "date": _date,
    "money": _money,
    "yes_no": _yes_no,
}
