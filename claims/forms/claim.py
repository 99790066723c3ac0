"""Reporting a loss page by page, adding files, confirming.

A draft keeps of each page what was typed, right or wrong. The page's own form, bound to that, says whether the page is
complete: when time passes or the rules change, it is judged anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.safestring import SafeString

from claims import files
from claims.catalogue import causes
from claims.fnol import MAX_ITEMS, Fnol, Item, day_instant, items_problem, loss_time_problem
from claims.forms.dates import DatePartsField
from claims.iban import IbanError, format_iban, parse_iban
from claims.models import Claim, Policy
from claims.money import Money, MoneyError, format_money, parse_money

MAX_DESCRIPTION = 2000
MAX_PLACE = 200
MAX_ITEM = 200
MAX_TOGETHER = 100 * 1024 * 1024
TIME_FORMATS = ["%H:%M", "%H.%M", "%I:%M %p", "%I:%M%p"]
Typed = Mapping[str, str]
Told = list[tuple[str, str]]
"""A page's answers for reading: what was asked, what was said ("" for nothing)."""


class DraftForm(forms.Form):
    """One page of a draft under ``policy``; ``now`` is the clock that its times are judged by.

    With ``data`` it is judged; without, it shows what the draft ``kept`` and says nothing of it.
    """

    use_required_attribute = False

    def __init__(
        self,
        data: Typed | None = None,
        files: Any = None,
        *,
        policy: Policy,
        now: datetime,
        kept: Typed | None = None,
    ) -> None:
        self.policy, self.now = policy, now
        self.source: Typed = data if data is not None else (kept or {})
        super().__init__(data, files)
        self.prepare()
        if self.source is kept:
            self.initial = {name: self._typed_value(name, field) for name, field in self.fields.items()}

    def prepare(self) -> None:
        """Fields and choices that depend on the policy or on what was typed."""

    def typed(self) -> dict[str, str]:
        """What was typed, by input name, for the draft to keep."""
        return {name: self.source.get(name, "") for name in self._input_names()}

    def told(self) -> Told:
        """The valid page's answers."""
        return []

    def _input_names(self) -> Iterator[str]:
        for name, field in self.fields.items():
            if isinstance(field.widget, forms.MultiWidget):
                yield from _part_names(name, field.widget)
            elif not isinstance(field.widget, forms.FileInput):
                yield name

    def _typed_value(self, name: str, field: forms.Field) -> str | list[str]:
        if isinstance(field.widget, forms.MultiWidget):
            return [self.source.get(part, "") for part in _part_names(name, field.widget)]
        return self.source.get(name, "")


class WhatHappenedForm(DraftForm):
    """The cause, from those that the product knows, and the story."""

    cause_code = forms.ChoiceField(
        label="Which of these comes closest?",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what happened from the list.",
            "invalid_choice": "Choose what happened from the list.",
        },
    )
    description = forms.CharField(
        label="Tell us what happened",
        help_text=f"In your own words, and in the order it happened. Up to {MAX_DESCRIPTION:,} characters.",
        widget=forms.Textarea({"rows": 8}),
        error_messages={"required": "Tell us in a few words what happened."},
    )

    def prepare(self) -> None:
        field = self.fields["cause_code"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(code, _cause_label(code)) for code in self.policy.product.causes]

    def clean_description(self) -> str:
        """Lines end as the log keeps them; the limit counts what people see."""
        text = str(self.cleaned_data["description"]).replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > MAX_DESCRIPTION:
            raise forms.ValidationError(f"Shorten this to {MAX_DESCRIPTION:,} characters; it has {len(text):,}.")
        return text

    def told(self) -> Told:
        return [
            ("What happened", causes()[self.cleaned_data["cause_code"]].label),
            ("In your words", self.cleaned_data["description"]),
        ]


class WhenAndWhereForm(DraftForm):
    """The day, the time if it is known, and the place. Cleans to ``loss_at`` and ``loss_precision``."""

    loss_on = DatePartsField(
        label="On which day did it happen?", what="date of the loss", help_text="For example 27 3 2026."
    )
    loss_time = forms.TimeField(
        label="At what time?",
        required=False,
        input_formats=TIME_FORMATS,
        help_text="For example 14:30, in universal time (UTC). Leave it empty if you only know the day.",
        widget=forms.TextInput({"class": "input--4", "inputmode": "text", "autocomplete": "off"}),
        error_messages={"invalid": "Enter a time like 14:30, or leave it empty if you only know the day."},
    )
    place = forms.CharField(
        label="Where did it happen?",
        help_text="The place and the country, for example: Oriente station, Lisbon, Portugal.",
        error_messages={"required": "Enter the place where it happened."},
    )

    def clean_place(self) -> str:
        """Limited here and not in the browser, which would cut a pasted text without a word."""
        place = str(self.cleaned_data["place"])
        if len(place) > MAX_PLACE:
            raise forms.ValidationError(f"Shorten the place to {MAX_PLACE} characters.")
        return place

    def clean(self) -> dict[str, Any]:
        """Adds the instant, and refuses one that the policy did not cover."""
        cleaned = self.cleaned_data
        day, at_time = cleaned.get("loss_on"), cleaned.get("loss_time")
        if day is None or "loss_time" not in cleaned:
            return cleaned
        cleaned |= {"loss_at": self._instant(day, at_time), "loss_precision": _precision(at_time)}
        sentence = loss_time_problem(self.policy, cleaned["loss_at"], now=self.now)
        if sentence:
            self.add_error("loss_on", sentence)
        return cleaned

    def told(self) -> Told:
        day, at_time = self.cleaned_data["loss_on"], self.cleaned_data["loss_time"]
        when = f"{day:%-d %B %Y}" + (f", {at_time:%H:%M} UTC" if at_time else "")
        return [("When", when), ("Where", self.cleaned_data["place"])]

    def _instant(self, day: date, at_time: time | None) -> datetime:
        if at_time is None:
            return day_instant(self.policy, day, now=self.now)
        return datetime.combine(day, at_time, tzinfo=UTC)


class _RowField(forms.CharField):
    """A field of a row that may stay empty as a whole: the form judges it, so that "(optional)" is not said."""

    def validate(self, value: object) -> None:
        pass


class ItemsForm(DraftForm):
    """What was lost, row by row; ``rows`` says how many rows the page shows. Cleans to ``items``."""

    rows = forms.CharField(widget=forms.HiddenInput, required=False)

    def prepare(self) -> None:
        self.row_count = _row_count(self.source.get("rows", ""))
        self.fields["rows"].initial = str(self.row_count)
        for row in range(1, self.row_count + 1):
            self.fields[f"item_{row}"] = _RowField(label="What", widget=forms.TextInput({"autocomplete": "off"}))
            self.fields[f"amount_{row}"] = _RowField(
                label=f"Amount in {self.policy.currency}",
                widget=forms.TextInput({"class": "input--10", "inputmode": "decimal", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        """The rows that say something, as Items; empty rows are left out."""
        cleaned = self.cleaned_data
        told = [row for row in range(1, self.row_count + 1) if self._item(row) or self._amount(row)]
        items = [self._read(row) for row in told]
        if not told:
            self.add_error("item_1", "List at least one thing, with its amount.")
        elif not self.errors:
            sentence = items_problem([item for item in items if item is not None])
            if sentence:
                self.add_error("amount_1", sentence)
        cleaned["items"] = [item for item in items if item is not None]
        return cleaned

    def with_row(self) -> dict[str, str]:
        """What was typed, and one more row for the next thing."""
        return self.typed() | {"rows": str(min(self.row_count + 1, MAX_ITEMS))}

    def without_row(self, gone: int) -> dict[str, str]:
        """What was typed, without one row; those below move up."""
        rows = [(self._item(row), self._amount(row)) for row in range(1, self.row_count + 1) if row != gone]
        typed = {"rows": str(max(len(rows), 1))}
        for row, (item, amount) in enumerate(rows, start=1):
            typed |= {f"item_{row}": item, f"amount_{row}": amount}
        return typed

    def pairs(self) -> Iterator[tuple[int, forms.BoundField, forms.BoundField]]:
        """Row number and its two fields, for the page."""
        for row in range(1, self.row_count + 1):
            yield row, self[f"item_{row}"], self[f"amount_{row}"]

    @property
    def is_full(self) -> bool:
        """Whether no further row can be added."""
        return self.row_count >= MAX_ITEMS

    def told(self) -> Told:
        items: list[Item] = self.cleaned_data["items"]
        lines = [f"{item.item}: {self._written(item.claimed_minor)}" for item in items]
        total = self._written(sum(item.claimed_minor for item in items))
        return [("What was lost or damaged", "\n".join(lines)), ("What you claim in all", total)]

    def _written(self, minor: int) -> str:
        return format_money(Money(minor, self.policy.currency))

    def _item(self, row: int) -> str:
        return str(self.source.get(f"item_{row}", "")).strip()

    def _amount(self, row: int) -> str:
        return str(self.source.get(f"amount_{row}", "")).strip()

    def _read(self, row: int) -> Item | None:
        """One row's Item, or None after the row's errors were noted."""
        item = str(self.cleaned_data.get(f"item_{row}", ""))
        if not item and not self.has_error(f"item_{row}"):
            self.add_error(f"item_{row}", f"Say what the amount in row {row} is for.")
        elif len(item) > MAX_ITEM:
            self.add_error(f"item_{row}", f"Shorten the thing in row {row} to {MAX_ITEM} characters.")
        try:
            amount = parse_money(self._amount(row), currency=self.policy.currency)
        except MoneyError as error:
            self.add_error(f"amount_{row}", f"Row {row}: {error}")
            return None
        return Item(item, amount.minor)


class SeveralFiles(forms.FileInput):
    """A file input that takes several at once."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[UploadedFile]:
        """All that were chosen."""
        return list(files.getlist(name)) if hasattr(files, "getlist") else []


class FilesField(forms.Field):
    """Cleans to a list of uploads, not looked into yet: claims.files does that."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=SeveralFiles({"accept": files.ACCEPT}), **kwargs)

    def clean(self, value: list[UploadedFile]) -> list[UploadedFile]:
        """Refuses more at a time than this process should hold in memory."""
        uploads: list[UploadedFile] = super().clean(value) or []
        if sum(upload.size or 0 for upload in uploads) > MAX_TOGETHER:
            raise forms.ValidationError("These files are larger than 100 MB together. Send them in several goes.")
        return uploads


class EvidenceForm(DraftForm):
    """Files of a draft, kept as soon as they arrive; ``seen`` says that the page was passed, with or without any."""

    seen = forms.CharField(widget=forms.HiddenInput, initial="yes")
    uploads = FilesField(label="Choose files", required=False)


class PaymentForm(DraftForm):
    """Where a payment should go; both or neither. Cleans ``account_number`` to an IBAN without spaces."""

    account_name = forms.CharField(
        label="Name on the account",
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    account_number = forms.CharField(
        label="IBAN",
        required=False,
        help_text="For example IE29 AIBK 9311 5212 3456 78. It is on your bank card or statement.",
        widget=forms.TextInput({"class": "input--mono", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_account_name(self) -> str:
        name = str(self.cleaned_data["account_name"])
        if len(name) > MAX_PLACE:
            raise forms.ValidationError(f"Shorten the name to {MAX_PLACE} characters.")
        return name

    def clean_account_number(self) -> str:
        """Without spaces, with check digits that fit."""
        text = str(self.cleaned_data["account_number"])
        try:
            return parse_iban(text) if text else ""
        except IbanError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Half an account is a slip."""
        name, number = self.cleaned_data.get("account_name"), self.cleaned_data.get("account_number")
        if number and name == "":
            self.add_error("account_name", "Enter the name that the account is in.")
        if name and number == "":
            self.add_error("account_number", "Enter the IBAN of the account, or leave both fields empty.")
        return self.cleaned_data

    def told(self) -> Told:
        return [
            ("Name on the account", self.cleaned_data["account_name"]),
            ("IBAN", format_iban(self.cleaned_data["account_number"])),
        ]


class CheckForm(forms.Form):
    """The last page: the person stands by what they say."""

    use_required_attribute = False
    is_true = forms.BooleanField(
        label="What I say here is complete and true, as far as I know.",
        error_messages={"required": "Confirm that what you say is complete and true."},
    )


class AddEvidenceForm(forms.Form):
    """Files for a claim that was sent."""

    use_required_attribute = False
    uploads = FilesField(label="Choose files", error_messages={"required": "Choose at least one file."})


@dataclass(frozen=True)
class Page:
    """One page of a draft; ``slug`` is its address and the key under which the draft keeps what was typed."""

    slug: str
    title: str
    form: type[DraftForm]


PAGES = (
    Page("what-happened", "What happened", WhatHappenedForm),
    Page("when-and-where", "When and where", WhenAndWhereForm),
    Page("items", "What was lost or damaged", ItemsForm),
    Page("evidence", "Photos and papers", EvidenceForm),
    Page("payment", "Where we should pay", PaymentForm),
)
CHECK = "check"
BY_SLUG = {page.slug: page for page in PAGES}


def bound_pages(kept: Mapping[str, Typed], *, policy: Policy, now: datetime) -> dict[str, DraftForm]:
    """Each page's form, bound to what the draft keeps of it."""
    return {page.slug: page.form(kept.get(page.slug, {}), policy=policy, now=now) for page in PAGES}


def first_incomplete(pages: Mapping[str, DraftForm], *, before: str = CHECK) -> str | None:
    """The slug of the first page ahead of ``before`` that is not complete."""
    for page in PAGES:
        if page.slug == before:
            return None
        if not pages[page.slug].is_valid():
            return page.slug
    return None


def fnol_of(pages: Mapping[str, DraftForm]) -> Fnol:
    """The report that complete pages make."""
    cleaned = {name: value for form in pages.values() for name, value in form.cleaned_data.items()}
    return Fnol(
        cause_code=cleaned["cause_code"], loss_at=cleaned["loss_at"], loss_precision=cleaned["loss_precision"],
        place=cleaned["place"], description=cleaned["description"], items=cleaned["items"],
        account_name=cleaned["account_name"], account_number=cleaned["account_number"],
    )  # fmt: skip


def _part_names(name: str, widget: forms.MultiWidget) -> list[str]:
    return [f"{name}_{part}" for part in range(len(widget.widgets))]


def _cause_label(code: str) -> SafeString:
    cause = causes()[code]
    return format_html('{}<span class="choice__help">{}</span>', cause.label, cause.help)


def _precision(at_time: time | None) -> str:
    return Claim.Precision.DAY if at_time is None else Claim.Precision.EXACT


def _row_count(text: str) -> int:
    return min(max(int(text), 1), MAX_ITEMS) if text.isascii() and text.isdigit() and len(text) < 4 else 1
