from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.money import (
    CURRENCIES,
    LARGEST_MINOR,
    Money,
    MoneyError,
    allocate,
    decimals_of,
    format_money,
    parse_money,
    total,
)

currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.builds(Money, st.integers(1, LARGEST_MINOR), currencies)


def refusal(text, *, currency="EUR", minimum=1):
    with pytest.raises(MoneyError) as caught:
        parse_money(text, currency=currency, minimum=minimum)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1,234.50", "EUR", 123450),
        ("1234.5", "EUR", 123450),
        ("1 234.50", "EUR", 123450),
        ("1\u202f234.50", "EUR", 123450),
        ("1\u00a0234\u00a0567", "EUR", 123456700),
        ("  80.64 ", "EUR", 8064),
        ("€80.64", "EUR", 8064),
        ("80.64 €", "EUR", 8064),
        ("EUR 80.64", "EUR", 8064),
        ("80.64 eur", "EUR", 8064),
        ("US$25", "USD", 2500),
        ("$25", "USD", 2500),
        ("0.01", "EUR", 1),
        ("007", "EUR", 700),
        ("1,200", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("10,000,000,000", "EUR", LARGEST_MINOR),
    ],
)
def test_alice_may_write_an_amount_in_these_ways(text, currency, minor):
    assert parse_money(text, currency=currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter an amount, for example 1234.50."),
        (" \u00a0 ", "Enter an amount, for example 1234.50."),
        ("a lot", "Enter an amount in figures, for example 1234.50."),
        ("€", "Enter an amount in figures, for example 1234.50."),
        ("1,23,456", "Enter an amount in figures, for example 1234.50."),
        ("1 234,567", "Enter an amount in figures, for example 1234.50."),
        ("1'234", "Enter an amount in figures, for example 1234.50."),
        ("12.", "Enter an amount in figures, for example 1234.50."),
        (".5", "Enter an amount in figures, for example 1234.50."),
        ("1e5", "Enter an amount in figures, for example 1234.50."),
        ("١٢٣", "Enter an amount in figures, for example 1234.50."),
        ("１２", "Enter an amount in figures, for example 1234.50."),
        ("NaN", "Enter an amount in figures, for example 1234.50."),
        ("12,50", "Write a point before the decimals, for example 1234.50."),
        ("1.234,50", "Write a point before the decimals, for example 1234.50."),
        ("1 234,5", "Write a point before the decimals, for example 1234.50."),
        ("-5", "Enter the amount without a minus sign."),
        ("€\u22125", "Enter the amount without a minus sign."),
        ("(5.00)", "Enter the amount without a minus sign."),
        ("0", "Enter an amount greater than zero."),
        ("0.00", "Enter an amount greater than zero."),
        ("1.005", "EUR has 2 decimals at most. Write it like 1234.50."),
        ("$25", "The amount must be in EUR, not in “$”. Convert it and enter only the figures."),
        ("25 chf", "The amount must be in EUR, not in “chf”. Convert it and enter only the figures."),
        ("10,000,000,000.01", "Enter at most €10,000,000,000.00; check the number of zeros."),
        ("9" * 40, "Enter at most €10,000,000,000.00; check the number of zeros."),
        ("9" * 41, "This is too long for an amount. Write it like 1234.50."),
    ],
)
def test_an_amount_that_cannot_be_read_with_certainty_is_refused_with_help(text, sentence):
    assert refusal(text) == sentence


def test_yen_have_no_decimals_and_the_example_has_none_either():
    assert refusal("12.5", currency="JPY") == "JPY has no decimals. Enter a whole amount, for example 1234."
    assert refusal("12,50", currency="JPY") == "Enter an amount in figures, for example 1234."


def test_zero_passes_where_the_form_asks_for_nothing_more():
    assert parse_money("0", currency="EUR", minimum=0) == Money(0, "EUR")


def test_an_amount_below_the_forms_minimum_is_refused():
    assert refusal("4.99", minimum=500) == "Enter at least €5.00."
    assert parse_money("5", currency="EUR", minimum=500) == Money(500, "EUR")


@given(amounts)
def test_what_we_print_for_people_reads_back_as_the_same_amount(amount):
    assert parse_money(format_money(amount), currency=amount.currency) == amount


@given(st.text(), currencies)
def test_any_text_is_an_amount_within_bounds_or_one_refusal(text, currency):
    try:
        amount = parse_money(text, currency=currency)
    except MoneyError as refused:
        assert str(refused).endswith(".")
    else:
        assert 1 <= amount.minor <= LARGEST_MINOR and amount.currency == currency


@pytest.mark.parametrize(
    ("amount", "printed"),
    [
        (Money(8064, "EUR"), "€80.64"),
        (Money(2500, "USD"), "US$25.00"),
        (Money(123456789, "GBP"), "£1,234,567.89"),
        (Money(1200, "JPY"), "¥1,200"),
        (Money(1, "KWD"), "KWD\u00a00.001"),
        (Money(1250, "CHF"), "CHF\u00a012.50"),
        (Money(-500, "EUR"), "\u2212€5.00"),
        (Money(0, "SEK"), "SEK\u00a00.00"),
    ],
)
def test_amounts_are_printed_for_people(amount, printed):
    assert str(amount) == printed


def test_the_iso_table_holds_each_currency_once_with_its_decimals():
    assert (len(CURRENCIES), {decimals_of(code) for code in CURRENCIES}) == (155, {0, 2, 3})
    assert [decimals_of(code) for code in ("EUR", "USD", "GBP", "CHF", "SEK", "JPY", "KWD")] == [2, 2, 2, 2, 2, 0, 3]


@pytest.mark.parametrize("code", ["", "eur", "XXX", "BGN", "EURO"])
def test_a_code_that_is_no_currency_in_use_is_refused(code):
    with pytest.raises(MoneyError, match="is not the code of a currency in use"):
        Money(1, code)


@pytest.mark.parametrize("minor", [1.0, True, Decimal(1), "1"])
def test_minor_units_are_an_integer_and_nothing_like_one(minor):
    with pytest.raises(TypeError):
        Money(minor, "EUR")


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_never_meet(operation):
    with pytest.raises(MoneyError, match="cannot be put together without an exchange rate"):
        getattr(Money(1, "EUR"), operation)(Money(1, "USD"))


def test_amounts_of_one_currency_add_subtract_and_compare():
    five, three = Money(5, "EUR"), Money(3, "EUR")
    assert (five + three, five - three, three - five) == (Money(8, "EUR"), Money(2, "EUR"), Money(-2, "EUR"))
    assert (five > three, five >= five, three < five, three <= three, five < three) == (True, True, True, True, False)
    assert (min(five, three), max(five, three), five == Money(5, "USD")) == (three, five, False)


def test_a_sum_of_nothing_is_zero_of_its_currency():
    assert total([], currency="EUR") == Money(0, "EUR")
    assert total([Money(1, "EUR"), Money(2, "EUR")], currency="EUR") == Money(3, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("45.4125", "EUR", 4541), ("0.005", "EUR", 1), ("-0.005", "EUR", -1), ("0.5", "JPY", 1), ("2.0005", "KWD", 2001)],
)
def test_halves_are_rounded_away_from_zero(amount, currency, minor):
    assert Money.rounded(Decimal(amount), currency) == Money(minor, currency)


def test_an_exact_amount_is_taken_and_one_that_would_need_rounding_is_refused():
    assert Money.exact(Decimal("300.00"), "EUR") == Money(30000, "EUR")
    assert Money.exact(Decimal("300"), "EUR") == Money(30000, "EUR")
    with pytest.raises(MoneyError, match="has more decimals than EUR knows"):
        Money.exact(Decimal("300.001"), "EUR")


@given(amounts)
def test_major_and_minor_units_agree(amount):
    assert Money.exact(amount.decimal, amount.currency) == amount


def test_the_remainder_goes_to_the_largest_fraction_and_then_to_the_first():
    shares = allocate(Money(100, "EUR"), weights=[1, 1, 1])
    assert [share.minor for share in shares] == [34, 33, 33]
    assert [share.minor for share in allocate(Money(7500, "EUR"), weights=[140000, 150000, 30000])] == [3281, 3516, 703]
    assert [share.minor for share in allocate(Money(5, "EUR"), weights=[0, 1])] == [0, 5]


@given(st.integers(0, LARGEST_MINOR), st.lists(st.integers(0, 10**9), min_size=1).filter(any))
def test_shares_add_up_and_none_is_a_whole_unit_off(minor, weights):
    shares = [share.minor for share in allocate(Money(minor, "EUR"), weights=weights)]
    assert sum(shares) == minor
    assert all(
        abs(share * sum(weights) - minor * weight) < sum(weights) for share, weight in zip(shares, weights, strict=True)
    )


@pytest.mark.parametrize(("minor", "weights"), [(-1, [1]), (1, [0, 0]), (1, []), (1, [2, -1])])
def test_an_allocation_without_sense_is_a_mistake_of_ours(minor, weights):
    with pytest.raises((AssertionError, ValueError)):
        allocate(Money(minor, "EUR"), weights=weights)
