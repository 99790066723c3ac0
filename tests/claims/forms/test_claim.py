"""The pages of a draft: what is typed, what is refused with which sentence, what is kept."""

from datetime import UTC, datetime, timedelta

import pytest

from claims.fnol import MAX_ITEMS
from claims.forms.claim import (
    MAX_DESCRIPTION,
    CheckForm,
    ItemsForm,
    PaymentForm,
    WhatHappenedForm,
    WhenAndWhereForm,
    bound_pages,
    first_incomplete,
    fnol_of,
)
from claims.models import Policy

STARTS = datetime(2026, 11, 10, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
COVER = Policy(
    product_code="travel-1", starts_at=STARTS, ends_at=datetime(2026, 11, 24, tzinfo=UTC), currency="EUR"
)  # fmt: skip
WHAT = {"cause_code": "baggage_stolen", "description": "Taken from the train.\r\nI noticed later."}
WHEN = {"loss_on_0": "15", "loss_on_1": "11", "loss_on_2": "2026", "loss_time": "", "place": "Lisbon"}
ITEMS = {"rows": "2", "item_1": "Camera", "amount_1": "1,450.00", "item_2": "Bag", "amount_2": "€80.50"}
PAYMENT = {"account_name": "Alice Adams", "account_number": "ie29 aibk 9311 5212 3456 78"}
WHOLE = {
    "what-happened": WHAT, "when-and-where": WHEN, "items": ITEMS, "evidence": {"seen": "yes"}, "payment": PAYMENT,
}  # fmt: skip


def judged(form, typed, *, now: datetime = NOW):
    """The form bound to what was typed."""
    return form(typed, policy=COVER, now=now)


def errors(form, typed, *, now: datetime = NOW) -> dict[str, list[str]]:
    return dict(judged(form, typed, now=now).errors)


# --- What happened ---


def test_only_causes_of_the_product_are_offered_each_with_its_help() -> None:
    shown = str(judged(WhatHappenedForm, {})["cause_code"])
    assert ("We will ask for the police report." in shown, "airport" in shown) == (True, False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cause_code": ""}, {"cause_code": ["Choose what happened from the list."]}),
        ({"cause_code": "airport_theft"}, {"cause_code": ["Choose what happened from the list."]}),
        ({"description": "  \n "}, {"description": ["Tell us in a few words what happened."]}),
        (
            {"description": "x" * (MAX_DESCRIPTION + 1)},
            {"description": ["Shorten this to 2,000 characters; it has 2,001."]},
        ),
        ({"description": "a\x00b"}, {"description": ["Null characters are not allowed."]}),
    ],
)
def test_what_happened_needs_a_cause_and_a_story_of_some_length(changes, expected) -> None:
    assert errors(WhatHappenedForm, WHAT | changes) == expected


def test_the_limit_counts_a_line_s_end_once() -> None:
    assert errors(WhatHappenedForm, WHAT | {"description": "x\r\n" * 999 + "xx"}) == {}


# --- When and where ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"loss_on_0": "21"}, {"loss_on": ["The loss must lie in the past. Check the date and time."]}),
        ({"loss_on_0": "20", "loss_time": "09:01"},
         {"loss_on": ["The loss must lie in the past. Check the date and time."]}),
        ({"loss_on_0": "9"}, {"loss_on": [
            "The loss was before this cover began on 10 November 2026. Choose the policy that covered you then."
        ]}),
        ({"loss_on_0": "10", "loss_time": "14:59"}, {"loss_on": [
            "The loss was before this cover began on 10 November 2026, 15:00 UTC."
            " Choose the policy that covered you then."
        ]}),
        ({"loss_on_0": "32"}, {"loss_on": ["The date of the loss must be a real date, for example 27 3 2026."]}),
        ({"loss_time": "25:00"},
         {"loss_time": ["Enter a time like 14:30, or leave it empty if you only know the day."]}),
        ({"place": ""}, {"place": ["Enter the place where it happened."]}),
        ({"place": "x" * 201}, {"place": ["Shorten the place to 200 characters."]}),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_loss_in_the_future_before_cover_or_without_a_place_is_refused(changes, expected) -> None:
    assert errors(WhenAndWhereForm, WHEN | changes) == expected


def test_a_loss_after_the_cover_ended_is_refused() -> None:
    late = NOW + timedelta(days=10)
    assert errors(WhenAndWhereForm, WHEN | {"loss_on_0": "24"}, now=late) == {
        "loss_on": ["The loss was after this cover ended on 24 November 2026. Choose the policy that covered you then."]
    }


@pytest.mark.parametrize(
    ("typed", "instant", "precision"),
    [
        ("", datetime(2026, 11, 15, 12, tzinfo=UTC), "day"),
        ("14:30", datetime(2026, 11, 15, 14, 30, tzinfo=UTC), "exact"),
        ("2.05 pm".replace(".", ":"), datetime(2026, 11, 15, 14, 5, tzinfo=UTC), "exact"),
        ("9.15", datetime(2026, 11, 15, 9, 15, tzinfo=UTC), "exact"),
    ],
)
def test_the_time_may_be_left_open(typed, instant, precision) -> None:
    form = judged(WhenAndWhereForm, WHEN | {"loss_time": typed})
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["loss_at"], form.cleaned_data["loss_precision"]) == (instant, precision)


# --- Items ---


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "Row 1: Enter an amount, for example 1234.50."),
        ("0", "Row 1: Enter an amount greater than zero."),
        ("0.00", "Row 1: Enter an amount greater than zero."),
        ("-5", "Row 1: Enter the amount without a minus sign."),
        ("\u22125", "Row 1: Enter the amount without a minus sign."),
        ("$5", "Row 1: The amount must be in EUR, not in “$”. Convert it and enter only the figures."),
        ("5 USD", "Row 1: The amount must be in EUR, not in “USD”. Convert it and enter only the figures."),
        ("12,50", "Row 1: Write a point before the decimals, for example 1234.50."),
        ("1.005", "Row 1: EUR has 2 decimals at most. Write it like 1234.50."),
        ("9" * 30, "Row 1: Enter at most €10,000,000,000.00; check the number of zeros."),
        ("1" * 41, "Row 1: This is too long for an amount. Write it like 1234.50."),
        ("much", "Row 1: Enter an amount in figures, for example 1234.50."),
        ("10000001", "Each amount must be above zero, and the total below ten million."),
    ],
)
def test_an_amount_that_cannot_be_gets_a_sentence(amount, sentence) -> None:
    assert errors(ItemsForm, {"rows": "1", "item_1": "Camera", "amount_1": amount}) == {"amount_1": [sentence]}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"rows": "1"}, {"item_1": ["List at least one thing, with its amount."]}),
        ({"rows": "2", "amount_2": "5"}, {"item_2": ["Say what the amount in row 2 is for."]}),
        ({"rows": "1", "item_1": "x" * 201, "amount_1": "5"},
         {"item_1": ["Shorten the thing in row 1 to 200 characters."]}),
        ({"rows": "-1"}, {"item_1": ["List at least one thing, with its amount."]}),
        ({"rows": "9" * 400}, {"item_1": ["List at least one thing, with its amount."]}),
        ({"rows": "٣"}, {"item_1": ["List at least one thing, with its amount."]}),
    ],
)  # fmt: skip
def test_a_row_is_whole_or_empty(typed, expected) -> None:
    assert errors(ItemsForm, typed) == expected


def test_empty_rows_are_left_out_and_the_sum_is_exact() -> None:
    form = judged(ItemsForm, ITEMS | {"rows": "4", "item_4": " ", "amount_4": ""})
    assert form.is_valid(), form.errors
    assert [(item.item, item.claimed_minor) for item in form.cleaned_data["items"]] == [
        ("Camera", 145_000), ("Bag", 8_050),
    ]  # fmt: skip
    assert form.told()[1] == ("What you claim in all", "€1,530.50")


def test_the_number_of_rows_is_bounded_whatever_is_sent() -> None:
    assert judged(ItemsForm, {"rows": "999"}).row_count == MAX_ITEMS
    full = judged(ItemsForm, {"rows": str(MAX_ITEMS)})
    assert (full.is_full, full.with_row()["rows"]) == (True, str(MAX_ITEMS))


def test_a_row_comes_and_goes_with_all_that_was_typed_kept() -> None:
    form = judged(ItemsForm, ITEMS)
    assert form.with_row() == ITEMS | {"rows": "3"}
    assert form.without_row(1) == {"rows": "1", "item_1": "Bag", "amount_1": "€80.50"}
    assert judged(ItemsForm, {"rows": "1", "item_1": "x"}).without_row(1) == {"rows": "1"}


# --- Payment, truth ---


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"account_name": "", "account_number": ""}, {}),
        ({"account_name": "Alice", "account_number": ""},
         {"account_number": ["Enter the IBAN of the account, or leave both fields empty."]}),
        (PAYMENT | {"account_name": ""}, {"account_name": ["Enter the name that the account is in."]}),
        (PAYMENT | {"account_number": "IE29AIBK93115212345679"}, {"account_number": [
            "The check digits of this IBAN do not fit. Compare it with your card or statement."
        ]}),
        (PAYMENT | {"account_name": "x" * 201}, {"account_name": ["Shorten the name to 200 characters."]}),
    ],
)  # fmt: skip
def test_the_account_may_be_left_out_but_not_half_of_it(typed, expected) -> None:
    assert errors(PaymentForm, typed) == expected


def test_the_truth_must_be_confirmed() -> None:
    assert CheckForm({}).errors == {"is_true": ["Confirm that what you say is complete and true."]}
    assert CheckForm({"is_true": "on"}).is_valid()


# --- The draft as a whole ---


def test_a_draft_keeps_what_was_typed_right_or_wrong() -> None:
    typed = WHEN | {"loss_on_0": "31", "loss_on_1": "2", "csrfmiddlewaretoken": "x", "more": "y"}
    kept = judged(WhenAndWhereForm, typed).typed()
    assert kept == WHEN | {"loss_on_0": "31", "loss_on_1": "2"}
    shown = WhenAndWhereForm(kept=kept, policy=COVER, now=NOW)
    assert (shown.errors, 'value="31"' in str(shown), "Lisbon" in str(shown)) == ({}, True, True)


def test_pages_that_lack_something_come_first() -> None:
    def first(kept, **before) -> str | None:
        return first_incomplete(bound_pages(kept, policy=COVER, now=NOW), **before)

    assert first({}) == "what-happened"
    assert first({}, before="what-happened") is None
    assert first(WHOLE) is None
    assert first({slug: typed for slug, typed in WHOLE.items() if slug != "evidence"}) == "evidence"
    assert first({slug: typed for slug, typed in WHOLE.items() if slug != "payment"}) is None
    assert first(WHOLE | {"items": {"rows": "1"}}, before="items") is None
    assert first(WHOLE | {"items": {"rows": "1"}}, before="check") == "items"


def test_complete_pages_make_the_report() -> None:
    pages = bound_pages(WHOLE, policy=COVER, now=NOW)
    assert first_incomplete(pages) is None
    fnol = fnol_of(pages)
    assert (fnol.cause_code, fnol.place, fnol.description, fnol.claimed_minor, fnol.account_number) == (
        "baggage_stolen", "Lisbon", "Taken from the train.\nI noticed later.", 153_050, "IE29AIBK93115212345678",
    )  # fmt: skip
