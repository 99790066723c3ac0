import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.numbers import SERIES, HumanNumber, NumberError, check_character, format_number, parse_number

numbers = st.builds(
    HumanNumber, series=st.sampled_from(sorted(SERIES)), year=st.integers(2000, 2999), serial=st.integers(1, 10**12 - 1)
)


def refusal(text, *, series="CLM"):
    with pytest.raises(NumberError) as caught:
        parse_number(text, series=series)
    return str(caught.value)


def test_the_check_character_is_that_of_the_standards_published_example():
    assert check_character("A12425GABC1234002") == "M"


def test_a_claim_number_carries_series_year_serial_and_check_character():
    assert format_number(series="CLM", year=2026, serial=123) == "CLM-2026-000123-2"
    assert str(HumanNumber("POL", 2026, 1234567)).startswith("POL-2026-1234567-")


@given(numbers)
def test_every_number_reads_back_as_itself(number):
    assert parse_number(str(number), series=number.series) == number


@pytest.mark.parametrize(
    "text", ["clm-2026-000123-2", " CLM 2026 000123 2 ", "CLM20260001232", "clm–2026—000123_2", "CLM/2026/000123/2\n"]
)
def test_alice_may_write_her_number_as_she_hears_it(text):
    assert parse_number(text, series="CLM") == HumanNumber("CLM", 2026, 123)


@pytest.mark.parametrize(
    "text",
    ["", "CLM", "123", "CLM-2026-123-N", "CLM-26-000123-2",
     "CLM-2026-000123", "CLM-2026-000123-2-XY", "CLM-1999-000123-2",
     "CLM-2026-000123-Ñ", "CLM-２０２６-000123-2", "CLM-2026-000123-2" + " " * 60, "<script>"],
)  # fmt: skip
def test_what_has_not_the_shape_of_a_number_is_shown_one_that_has(text):
    assert refusal(text) == "This is not a claim number. It looks like CLM-2026-000123-2."


def test_a_policy_number_where_a_claim_number_is_asked_is_named_as_such():
    policy = format_number(series="POL", year=2026, serial=123)
    assert refusal(policy) == "This is the number of a policy. A claim number starts with CLM."


def test_letters_of_no_series_are_refused_with_an_example():
    assert refusal("ABC-2026-000123-2") == "A claim number starts with CLM, for example CLM-2026-000123-2."


NOBODYS = "No claim has this number. Compare each letter and digit with the one you were sent."


def test_every_single_wrong_digit_or_check_character_is_found():
    number = format_number(series="CLM", year=2026, serial=123)
    for place in (5, 6, 7, 9, 10, 11, 12, 13, 14, 16):
        alphabet = string.digits if place < 16 else string.digits + string.ascii_uppercase
        for character in set(alphabet) - {number[place]}:
            assert refusal(number[:place] + character + number[place + 1 :]) == NOBODYS


def test_ninety_nine_of_a_hundred_swaps_of_neighbouring_digits_are_found():
    swaps = missed = 0
    for serial in range(1, 3000):
        body = f"CLM2026{serial:06d}"
        for place in range(3, len(body) - 1):
            swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
            swaps += swapped != body
            missed += swapped != body and check_character(swapped) == check_character(body)
    assert (swaps, missed) == (22096, 226)


def test_a_serial_of_zero_or_with_needless_zeros_is_nobodys_number():
    for digits in ("000000", "0000123"):
        assert refusal(f"CLM-2026-{digits}-{check_character(f'CLM2026{digits}')}") == NOBODYS


@pytest.mark.parametrize(
    "wrong", [{"series": "XYZ"}, {"year": 1999}, {"year": 3000}, {"serial": 0}, {"serial": -1}, {"serial": 10**12}]
)
def test_a_number_we_could_not_read_back_is_never_given_out(wrong):
    with pytest.raises(AssertionError):
        format_number(**({"series": "CLM", "year": 2026, "serial": 1} | wrong))


@given(st.text())
def test_any_text_is_a_number_or_one_refusal(text):
    try:
        number = parse_number(text, series="CLM")
    except NumberError as refused:
        assert str(refused).endswith(".")
    else:
        assert number.series == "CLM"
