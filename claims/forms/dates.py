"""A date as people give it: day, month and year in three small text fields."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sep sept", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_PARTS = ("day", "month", "year")


class DateParts(forms.MultiWidget):
    """Three text fields; templates/forms/widgets/date_parts.html labels them. ``autocomplete`` as in HTML ("bday")."""

    template_name = "forms/widgets/date_parts.html"
    use_fieldset = True

    def __init__(self, autocomplete: str = "") -> None:
        super().__init__(
            [
                forms.TextInput(
                    {
                        "inputmode": "text" if part == "month" else "numeric",
                        "class": "input--4" if part == "year" else "input--2",
                        "autocomplete": f"{autocomplete}-{part}" if autocomplete else "off",
                    }
                )
                for part in _PARTS
            ]
        )

    def decompress(self, value: date | None) -> list[str]:
        """The parts of a date given as initial value."""
        return [str(value.day), str(value.month), str(value.year)] if value else ["", "", ""]


class DatePartsField(forms.MultiValueField):
    """Cleans to a ``datetime.date``. ``what`` names it in sentences: "date of the loss"."""

    def __init__(self, *, what: str, autocomplete: str = "", **kwargs: Any) -> None:
        self.what = what
        super().__init__(
            fields=[forms.CharField(max_length=20, required=False) for _ in _PARTS],
            require_all_fields=False,
            widget=DateParts(autocomplete),
            error_messages={"required": f"Enter the {what}."},
            **kwargs,
        )

    def compress(self, data_list: Sequence[str]) -> date | None:
        """The date that the parts make. Raises ValidationError with the sentence that says what is missing or wrong."""
        if not data_list:
            return None
        missing = [part for part, text in zip(_PARTS, data_list, strict=True) if not text]
        if missing:
            raise ValidationError(f"The {self.what} must have a {' and a '.join(missing)}.", code="incomplete")
        day, month, year = data_list
        if len(year) != 4:
            raise ValidationError(f"The year of the {self.what} must have four figures.", code="year")
        try:
            return date(_whole(year), MONTHS.get(month.lower()) or _whole(month), _whole(day))
        except ValueError:
            sentence = f"The {self.what} must be a real date, for example 27 3 2026."
            raise ValidationError(sentence, code="unreal") from None


def _whole(text: str) -> int:
    """ASCII figures alone: int() also takes signs, underscores and other scripts."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
