"""Giving an identity: what the person types, the machine-readable lines, the scans.

Only what nobody could check is refused here. What does not fit together goes to an officer as a finding.
"""

import unicodedata
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django_countries import countries

from claims import files, rating
from claims.forms.claim import FilesField
from claims.forms.dates import DatePartsField
from claims.mrz import MrzError, parse_mrz

MAX_NAME = 200
MAX_ADDRESS = 500
MAX_DOCUMENT_NUMBER = 40
MAX_SCANS = 4
LONGEST_VALID = timedelta(days=366 * 30)
EXAMPLE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
"""The specimen of ICAO Doc 9303, part 4."""

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class IdentityForm(forms.Form):
    """Cleans ``scans`` to files.Received. ``has_scans``: earlier ones are kept, so new ones are optional."""

    use_required_attribute = False

    full_name = forms.CharField(
        label="Full name",
        help_text="As it stands on your document, in any script.",
        widget=forms.TextInput({"autocomplete": "name", "spellcheck": "false"}),
        error_messages={"required": "Enter your full name."},
    )
    date_of_birth = DatePartsField(
        label="Date of birth", what="date of birth", autocomplete="bday", help_text="For example 27 3 1985."
    )
    address = forms.CharField(
        label="Address",
        help_text="Street, number, town and postcode; the country comes next.",
        widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}),
        error_messages={"required": "Enter your address."},
    )
    country = forms.ChoiceField(
        label="Country you live in",
        choices=lambda: [("", "Choose a country"), *countries],
        widget=forms.Select({"autocomplete": "country"}),
        error_messages={
            "required": "Choose the country you live in.",
            "invalid_choice": "Choose the country from the list.",
        },
    )
    document_number = forms.CharField(
        label="Number of your passport or identity card",
        help_text="Letters and figures, as printed on it.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "class": "input--20"}),
        error_messages={"required": "Enter the number of your document."},
    )
    expires_on = DatePartsField(
        label="Valid until", what="expiry date", help_text="Your document should be valid today. For example 1 3 2030."
    )
    mrz = forms.CharField(
        label="The lines with “<” signs",
        help_text=format_html(
            "<p>Passports have two of 44 characters below the photo; identity cards two or three on the back. Copy "
            "them character by character. For example:</p><pre>{}</pre>"
            "<p>Did you misread one? No harm: one of us compares them with your picture.</p>",
            EXAMPLE,
        ),
        widget=forms.Textarea(
            {"rows": 3, "autocomplete": "off", "spellcheck": "false", "class": "input--mono", "wrap": "off"}
        ),
        error_messages={"required": "Copy the lines with “<” signs from your document."},
    )
    scans = FilesField(
        label="Photo or scan of the document",
        help_text=f"The page with your photo, or both sides of a card; all four corners visible, no flash. "
        f"{files.WE_ACCEPT}, {MAX_SCANS} at most.",
        error_messages={"required": "Choose a photo or scan of your document."},
    )

    def __init__(self, *args: Any, has_scans: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_scans:
            self.fields["scans"].required = False
            self.fields["scans"].label = "Another photo or scan"

    def told(self) -> dict[str, Any]:
        """What was typed, once the form is valid: the fields of actions.kyc.Identity."""
        return {name: value for name, value in self.cleaned_data.items() if name != "scans"}

    def clean_full_name(self) -> str:
        """One line of characters that can be seen; direction overrides would let a name read as another one."""
        name = " ".join(str(self.cleaned_data["full_name"]).split())
        if any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") or c in _OVERRIDES for c in name):
            raise forms.ValidationError("The name holds characters that cannot be seen. Type it instead of pasting it.")
        if not any(c.isalpha() for c in name):
            raise forms.ValidationError("Enter your full name in letters.")
        return _limited(name, MAX_NAME, "name")

    def clean_address(self) -> str:
        lines = (line.strip() for line in str(self.cleaned_data["address"]).splitlines())
        return _limited("\n".join(line for line in lines if line), MAX_ADDRESS, "address")

    def clean_document_number(self) -> str:
        number = str(self.cleaned_data["document_number"])
        if not any(c.isalnum() for c in number) or not all(c.isalnum() or c in " -./<" for c in number):
            raise forms.ValidationError("Enter the number of your document in letters and figures, as printed on it.")
        return _limited(number, MAX_DOCUMENT_NUMBER, "number")

    def clean_date_of_birth(self) -> date:
        born, today = self.cleaned_data["date_of_birth"], timezone.now().date()
        if born > today:
            raise forms.ValidationError("The date of birth cannot lie in the future.")
        if born < rating.EARLIEST_BIRTH:
            raise forms.ValidationError(f"The date of birth must be {rating.EARLIEST_BIRTH.year} or later.")
        return _as_date(born)

    def clean_expires_on(self) -> date:
        """Any date a document may bear; one that has passed is for the officer to judge."""
        expires, today = self.cleaned_data["expires_on"], timezone.now().date()
        if not rating.EARLIEST_BIRTH < expires < today + LONGEST_VALID:
            raise forms.ValidationError("Check the year of the expiry date.")
        return _as_date(expires)

    def clean_mrz(self) -> str:
        """The lines as typed. A zone of another shape says what to copy; one of the right shape always passes."""
        text = str(self.cleaned_data["mrz"]).replace("\r\n", "\n").replace("\r", "\n")
        try:
            parse_mrz(text, today=timezone.now().date())
        except MrzError as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def clean_scans(self) -> list[files.Received]:
        """Each file looked at; every one that cannot be kept gives its sentence."""
        uploads = self.cleaned_data["scans"]
        if len(uploads) > MAX_SCANS:
            raise forms.ValidationError(f"Choose at most {MAX_SCANS} files.")
        received: dict[str, files.Received] = {}
        problems: list[str] = []
        for upload in uploads:
            try:
                scan = files.receive(upload)
                received.setdefault(scan.sha256, scan)
            except files.FileRefused as refused:
                problems.append(str(refused))
        if problems:
            raise forms.ValidationError(problems)
        return list(received.values())


def _limited(text: str, most: int, what: str) -> str:
    """Limited here and not in the browser, which would cut a pasted text without a word."""
    if len(text) > most:
        raise forms.ValidationError(f"Shorten the {what} to {most} characters.")
    return text


def _as_date(value: Any) -> date:
    assert isinstance(value, date), "DatePartsField cleans to dates"
    return value
