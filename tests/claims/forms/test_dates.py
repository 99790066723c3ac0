"""A date is typed in three fields."""

from datetime import date

import pytest
from django import forms

from claims.forms.dates import DatePartsField


class Form(forms.Form):
    on = DatePartsField(label="On", what="date of the loss")


def typed(day: str, month: str, year: str) -> Form:
    return Form({"on_0": day, "on_1": month, "on_2": year})


@pytest.mark.parametrize("month", ["3", "03", "Mar", "march", "MARCH"])
def test_a_month_is_a_number_or_a_name(month) -> None:
    form = typed("27", month, "2026")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["on"] == date(2026, 3, 27)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("", "", ""), "Enter the date of the loss."),
        (("27", "", "2026"), "The date of the loss must have a month."),
        (("", "3", ""), "The date of the loss must have a day and a year."),
        (("27", "3", "26"), "The year of the date of the loss must have four figures."),
        (("31", "2", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("0", "3", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("27", "13", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("+7", "3", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("1_1", "3", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("٢٧", "3", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
        (("27", "Marz", "2026"), "The date of the loss must be a real date, for example 27 3 2026."),
    ],
)
def test_what_is_no_date_gets_its_own_sentence(parts, sentence) -> None:
    assert typed(*parts).errors == {"on": [sentence]}


def test_a_part_of_absurd_length_is_refused() -> None:
    assert list(typed("9" * 21, "3", "2026").errors) == ["on"]


def test_a_date_that_is_known_fills_the_three_fields() -> None:
    shown = Form(initial={"on": date(2026, 3, 27)}).as_p()
    assert [f'value="{part}"' in shown for part in ("27", "3", "2026")] == [True, True, True]
