"""The identity form: what it refuses and in which words, and what it leaves to an officer."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from claims.forms.identity import EXAMPLE, IdentityForm
from claims.mrz import parse_mrz
from tests import people

TODAY = timezone.now().date()
GOOD = {
    "full_name": "Anna Maria Eriksson", "date_of_birth_0": "12", "date_of_birth_1": "8", "date_of_birth_2": "1974",
    "address": "1 Long Lane\r\n\r\n Dublin ", "country": "IE", "document_number": "L898902C3", "expires_on_0": "15",
    "expires_on_1": "4", "expires_on_2": str(TODAY.year + 3), "mrz": EXAMPLE,
}  # fmt: skip


def scan(name: str = "passport.png", content: bytes = people.PNG) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def form(*scans: SimpleUploadedFile, has_scans: bool = False, **changes: str) -> IdentityForm:
    files = MultiValueDict({"scans": list(scans or [scan()])})
    return IdentityForm(GOOD | changes, files, has_scans=has_scans)


def sentences(judged: IdentityForm) -> dict[str, list[str]]:
    return {name: [str(error) for error in errors] for name, errors in judged.errors.items()}


def test_a_whole_identity_is_understood() -> None:
    told = form()
    assert sentences(told) == {}
    assert told.told() == {
        "full_name": "Anna Maria Eriksson", "date_of_birth": date(1974, 8, 12), "address": "1 Long Lane\nDublin",
        "country": "IE", "document_number": "L898902C3", "expires_on": date(TODAY.year + 3, 4, 15), "mrz": EXAMPLE,
    }  # fmt: skip
    assert [file.name for file in told.cleaned_data["scans"]] == ["passport.png"]


def test_each_empty_field_says_what_to_enter() -> None:
    assert sentences(IdentityForm({})) == {
        "full_name": ["Enter your full name."],
        "date_of_birth": ["Enter the date of birth."],
        "address": ["Enter your address."],
        "country": ["Choose the country you live in."],
        "document_number": ["Enter the number of your document."],
        "expires_on": ["Enter the expiry date."],
        "mrz": ["Copy the lines with “<” signs from your document."],
        "scans": ["Choose a photo or scan of your document."],
    }


@pytest.mark.parametrize("name", ["Łucja Ångström", "山田太郎", "محمد العربي", "O’Connor-Smith Jr.", "X", "a" * 200])
def test_any_name_in_letters_is_a_name(name) -> None:
    told = form(full_name=name)
    assert (sentences(told), told.told()["full_name"]) == ({}, name)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"full_name": "a" * 201}, "full_name", "Shorten the name to 200 characters."),
        ({"full_name": "12345"}, "full_name", "Enter your full name in letters."),
        (
            {"full_name": "Anna \u202enoskirE"}, "full_name",
            "The name holds characters that cannot be seen. Type it instead of pasting it.",
        ),
        ({"address": "a" * 501}, "address", "Shorten the address to 500 characters."),
        ({"country": "XX"}, "country", "Choose the country from the list."),
        ({"document_number": "1" * 41}, "document_number", "Shorten the number to 40 characters."),
        (
            {"document_number": "<b>;"}, "document_number",
            "Enter the number of your document in letters and figures, as printed on it.",
        ),
        ({"date_of_birth_2": "1899"}, "date_of_birth", "The date of birth must be 1900 or later."),
        (
            {"date_of_birth_2": str(TODAY.year + 1)}, "date_of_birth",
            "The date of birth cannot lie in the future.",
        ),
        (
            {"date_of_birth_0": "31", "date_of_birth_1": "2"}, "date_of_birth",
            "The date of birth must be a real date, for example 27 3 2026.",
        ),
        ({"expires_on_2": "9999"}, "expires_on", "Check the year of the expiry date."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(changes, field, sentence) -> None:
    assert sentences(form(**changes)) == {field: [sentence]}


@pytest.mark.parametrize(
    ("mrz", "begins"),
    [
        ("hello", "The lines have 5 characters. A passport has 2 lines of 44"),
        (EXAMPLE[:-1], "The lines have 44 and 43 characters."),
        (EXAMPLE.replace("<", "€", 1), "Line 1 has “€”."),
        ("V" + EXAMPLE[1:], "This is a visa."),
        ("<" * 300, "This is too long."),
    ],
)
def test_lines_of_another_shape_are_refused_with_what_to_copy(mrz, begins) -> None:
    (sentence,) = sentences(form(mrz=mrz))["mrz"]
    assert sentence.startswith(begins)


def test_a_wrong_check_digit_and_an_expired_document_are_for_an_officer_to_judge() -> None:
    misread = EXAMPLE[:-1] + "1"
    told = form(mrz=misread, expires_on_2="2012")
    assert sentences(told) == {}
    assert "check_composite" in {finding.code for finding in parse_mrz(told.told()["mrz"], today=TODAY).findings}


def test_every_file_that_cannot_be_kept_is_named() -> None:
    judged = form(scan("empty.png", b"\n"), scan(), scan("program.exe", b"MZ" + bytes(40)))
    (first, second) = sentences(judged)["scans"]
    assert first.startswith("“empty.png” is not a kind of file that we can read.")
    assert second.startswith("“program.exe” is not a kind of file that we can read.")


def test_one_file_chosen_twice_is_one_file_and_five_are_too_many() -> None:
    told = form(scan(), scan("copy.png"))
    assert (sentences(told), [file.name for file in told.cleaned_data["scans"]]) == ({}, ["passport.png"])
    assert sentences(form(*[scan()] * 5)) == {"scans": ["Choose at most 4 files."]}


def test_who_sent_scans_before_need_not_send_them_again() -> None:
    told = IdentityForm(GOOD, MultiValueDict(), has_scans=True)
    assert sentences(told) == {}
    assert told.cleaned_data["scans"] == []


def test_the_example_in_the_hint_is_the_specimen_that_all_digits_fit() -> None:
    assert [f.code for f in parse_mrz(EXAMPLE, today=date(2012, 1, 1)).findings] == []
