"""Account numbers are read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.iban import IbanError, format_iban, parse_iban

SHAPE = "Enter an IBAN: two letters, two figures, then up to 30 more, for example IE29 AIBK 9311 5212 3456 78."
DIGITS = "The check digits of this IBAN do not fit. Compare it with your card or statement."


@pytest.mark.parametrize(
    "text",
    ["IE29AIBK93115212345678", "ie29 aibk 9311 5212 3456 78", " IE29-AIBK-9311-5212-3456-78 "],
)
def test_spaces_dashes_and_case_do_not_matter(text) -> None:
    assert parse_iban(text) == "IE29AIBK93115212345678"


@pytest.mark.parametrize(
    "text",
    # examples of the registry's own document
    ["GB29NWBK60161331926819", "DE89370400440532013000", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"],
)
def test_numbers_of_many_countries_pass(text) -> None:
    assert parse_iban(text) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("IE29AIBK93115212345679", DIGITS),
        ("IE92AIBK93115212345678", DIGITS),
        ("12345678", SHAPE),
        ("IE29", SHAPE),
        ("IE29AIBK9311521234567!", SHAPE),
        ("IE29" + "A" * 31, SHAPE),
        ("IE29AIBK93115212345678" + " " * 60, SHAPE),
        ("ΙE29AIBK93115212345678", SHAPE),
    ],
)
def test_what_no_bank_gave_out_is_refused_with_a_sentence(text, sentence) -> None:
    with pytest.raises(IbanError) as refused:
        parse_iban(text)
    assert str(refused.value) == sentence


@given(place=st.integers(4, 21), put=st.sampled_from("0123456789"))
def test_a_wrong_figure_is_always_found(place, put) -> None:
    right = "IE29AIBK93115212345678"
    wrong = right[:place] + put + right[place + 1 :]
    if right[place].isdigit() and wrong != right:
        with pytest.raises(IbanError):
            parse_iban(wrong)


def test_it_is_printed_in_groups_of_four() -> None:
    assert format_iban("IE29AIBK93115212345678") == "IE29 AIBK 9311 5212 3456 78"
