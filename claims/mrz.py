"""The machine-readable zone of passports and identity cards (ICAO Doc 9303, parts 3 to 6).

    P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
    L898902C36UTO7408122F1204159ZE184226B<<<<<10

A zone of the wrong shape is refused with a sentence that says what to copy. A zone of the right shape always parses:
a check digit that does not fit, a date that is none, a name that differs are findings for a person to look at,
because a misread letter is far more common than a forgery. No finding refuses anybody.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import cycle
from typing import Final

_VALUES: Final = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_LONGEST_TEXT: Final = 200
_NAME_LENGTH_TD3: Final = 39

# Part 3, section 6, table A: letters that do not decompose, or whose recommended spelling is not the bare letter.
# The first spelling is the recommended one; states print the others too, so all are tried when names are compared.
_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "Ä": ("AE", "A", "AXX"), "Å": ("AA", "A"), "Æ": ("AE",), "Ð": ("D",), "Đ": ("D",), "Ħ": ("H",), "ĸ": ("Q",),
    "Ł": ("L",), "Ŀ": ("L",), "Ñ": ("N", "NXX"), "Ŋ": ("N",), "Ö": ("OE", "O", "OXX"), "Ø": ("OE", "O"), "Œ": ("OE",),
    "ẞ": ("SS",), "Þ": ("TH",), "Ŧ": ("T",), "Ü": ("UE", "U", "UXX"), "Ə": ("E",), "Ɖ": ("D",),
}  # fmt: skip
_DROPPED: Final = frozenset("'’‘ʼʻ`´.")  # O'Connor is OCONNOR
_SPLITTING: Final = frozenset(" -‐‑–,\u00a0")


class MrzError(ValueError):
    """Text that is no machine-readable zone; the message tells the person what to copy."""


class FindingCode(StrEnum):
    CHECK_NUMBER = "check_number"
    CHECK_BIRTH_DATE = "check_birth_date"
    CHECK_EXPIRY_DATE = "check_expiry_date"
    CHECK_OPTIONAL = "check_optional"
    CHECK_COMPOSITE = "check_composite"
    BIRTH_DATE_UNREADABLE = "birth_date_unreadable"
    EXPIRY_DATE_UNREADABLE = "expiry_date_unreadable"
    EXPIRED = "expired"
    NAME_DIFFERS = "name_differs"
    NAME_NOT_COMPARABLE = "name_not_comparable"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    NUMBER_DIFFERS = "number_differs"
    EXPIRY_DATE_DIFFERS = "expiry_date_differs"

    @property
    def sentence(self) -> str:
        """For the officer; names fields, never their values."""
        return _SENTENCES[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something for the reviewing officer to look at."""

    code: FindingCode

    @property
    def sentence(self) -> str:
        return self.code.sentence


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields lie: (line, start, end), counted from 0, end exclusive."""

    name: str
    lines: int
    width: int
    letters: str  # the first character of a zone of this kind
    number: tuple[int, int, int]
    number_check: tuple[int, int]
    nationality: tuple[int, int, int]
    birth: tuple[int, int, int]
    sex: tuple[int, int]
    expiry: tuple[int, int, int]
    optional: tuple[int, int, int]
    composite: tuple[tuple[int, int, int], ...]
    composite_check: tuple[int, int]
    names: tuple[int, int, int]


_TD3: Final = _Layout(
    "TD3", 2, 44, "P", number=(1, 0, 9), number_check=(1, 9), nationality=(1, 10, 13), birth=(1, 13, 19), sex=(1, 20),
    expiry=(1, 21, 27), optional=(1, 28, 42), composite=((1, 0, 10), (1, 13, 20), (1, 21, 43)), composite_check=(1, 43),
    names=(0, 5, 44),
)  # fmt: skip
_TD2: Final = _Layout(
    "TD2", 2, 36, "ACIP", number=(1, 0, 9), number_check=(1, 9), nationality=(1, 10, 13), birth=(1, 13, 19),
    sex=(1, 20), expiry=(1, 21, 27), optional=(1, 28, 35), composite=((1, 0, 10), (1, 13, 20), (1, 21, 35)),
    composite_check=(1, 35), names=(0, 5, 36),
)  # fmt: skip
_TD1: Final = _Layout(
    "TD1", 3, 30, "ACI", number=(0, 5, 14), number_check=(0, 14), nationality=(1, 15, 18), birth=(1, 0, 6), sex=(1, 7),
    expiry=(1, 8, 14), optional=(0, 15, 30), composite=((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)),
    composite_check=(1, 29), names=(2, 0, 30),
)  # fmt: skip
_LAYOUTS: Final = {(layout.lines, layout.width): layout for layout in (_TD1, _TD2, _TD3)}


@dataclass(frozen=True, slots=True)
class Mrz:
    """A zone as read. Dates are None when the zone has none that exist; `findings` are those of the zone alone."""

    layout: str
    lines: tuple[str, ...]
    document_code: str
    issuer: str
    surname: str
    given_names: str
    name_may_be_cut: bool
    number: str
    nationality: str
    birth_date: date | None
    sex: str
    expires_on: date | None
    optional: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def check_digit(field: str) -> str:
    """Part 3, section 4.9: weights 7, 3, 1, modulo 10; A = 10 … Z = 35, filler = 0."""
    weighted = (_VALUES[character] * weight for character, weight in zip(field, cycle((7, 3, 1)), strict=False))
    return str(sum(weighted) % 10)


def parse_mrz(text: str, *, today: date) -> Mrz:
    """Read a TD1, TD2 or TD3 zone as typed: any case, spaces ignored, lines broken or run together.

    `today` decides the century of the birth date (never in the future) and whether the document has expired.
    MrzError: number of lines, their length, a foreign character, a visa.
    """
    lines, layout = _shape(text)
    surname, given_names, may_be_cut = _names(_cut(lines, layout.names))
    number, number_checks, optional = _document_number(lines, layout)
    birth_field, expiry_field = _cut(lines, layout.birth), _cut(lines, layout.expiry)
    expires_on = _date(expiry_field, century=2000)
    return Mrz(
        layout=layout.name,
        lines=lines,
        document_code=lines[0][:2].rstrip("<"),
        issuer=lines[0][2:5].rstrip("<"),
        surname=surname,
        given_names=given_names,
        name_may_be_cut=may_be_cut,
        number=number,
        nationality=_cut(lines, layout.nationality).rstrip("<"),
        birth_date=_birth_date(birth_field, today=today),
        sex=lines[layout.sex[0]][layout.sex[1]],
        expires_on=expires_on,
        optional=optional,
        findings=(
            *_check_findings(lines, layout, number_checks=number_checks),
            *_date_findings(birth_field, expires_on, today=today),
        ),
    )


def compare(mrz: Mrz, *, name: str, birth_date: date, number: str, expires_on: date) -> tuple[Finding, ...]:
    """The zone's own findings, then what differs between the zone and what the person typed."""
    found = list(mrz.findings)
    found += _name_finding(mrz, name)
    if mrz.birth_date is not None and f"{mrz.birth_date:%y%m%d}" != f"{birth_date:%y%m%d}":  # the zone has no century
        found.append(Finding(FindingCode.BIRTH_DATE_DIFFERS))
    if re.sub("[^0-9A-Z]", "", number.upper()) != re.sub("<", "", mrz.number):
        found.append(Finding(FindingCode.NUMBER_DIFFERS))
    if mrz.expires_on is not None and mrz.expires_on != expires_on:
        found.append(Finding(FindingCode.EXPIRY_DATE_DIFFERS))
    return tuple(found)


def transliterate(name: str) -> str:
    """A name in the letters of the zone, words divided by "<": "Jürgen O'Connor-Weiß" → JUERGEN<OCONNOR<WEISS.

    MrzError: a letter outside the Latin script, which the zone's issuer alone can spell.
    """
    return _spell(name, choice=0)


def make_td3(
    *,
    issuer: str,
    surname: str,
    given_names: str,
    number: str,
    nationality: str,
    birth_date: date,
    sex: str,
    expires_on: date,
) -> str:
    """A passport's zone with valid check digits, two lines of 44, for made-up people only."""
    assert len(number) <= 9 and sex in "MF<", "a passport number has 9 characters at most"
    names = f"{transliterate(surname)}<<{transliterate(given_names)}"[:_NAME_LENGTH_TD3].ljust(_NAME_LENGTH_TD3, "<")
    numbered = _with_digit(number.upper().ljust(9, "<"))
    born, expires = _with_digit(f"{birth_date:%y%m%d}"), _with_digit(f"{expires_on:%y%m%d}")
    optional = "<" * 14 + "0"
    composite = check_digit(numbered + born + expires + optional)
    first = f"P<{issuer.ljust(3, '<')}{names}"
    return f"{first}\n{numbered}{nationality.ljust(3, '<')}{born}{sex}{expires}{optional}{composite}"


def _shape(text: str) -> tuple[tuple[str, ...], _Layout]:
    if len(text) > _LONGEST_TEXT:
        raise MrzError("This is too long. Copy only the two or three lines with “<” signs at the foot of the document.")
    lines = _broken(["".join(line.upper().split()) for line in text.splitlines() if line.strip()])
    if not lines:
        raise MrzError("Copy the two or three lines with “<” signs from your passport's foot or your card's back.")
    for position, line in enumerate(lines, start=1):
        foreign = next((character for character in line if character not in _VALUES), None)
        if foreign is not None:
            raise MrzError(f"Line {position} has “{foreign}”. The lines have only the letters A to Z, figures and “<”.")
    layout = _LAYOUTS.get((len(lines), len(lines[0])))
    if layout is None or any(len(line) != layout.width for line in lines):
        raise MrzError(_wrong_lengths(lines))
    if lines[0][0] not in layout.letters:
        raise MrzError(_wrong_document(lines[0][0], layout))
    return lines, layout


def _broken(lines: list[str]) -> tuple[str, ...]:
    """Lines run together into one are broken again where only one layout fits."""
    if len(lines) == 1:
        for count, width in _LAYOUTS:
            if len(lines[0]) == count * width:
                return tuple(lines[0][start : start + width] for start in range(0, count * width, width))
    return tuple(lines)


def _wrong_lengths(lines: tuple[str, ...]) -> str:
    seen = " and ".join(str(len(line)) for line in lines)
    return (
        f"The lines have {seen} characters. A passport has 2 lines of 44, a card 3 lines of 30 or 2 lines of 36. "
        "Copy every “<” too."
    )


def _wrong_document(letter: str, layout: _Layout) -> str:
    if letter == "V":
        return "This is a visa. Use the lines of your passport, identity card or residence permit."
    wanted = " or ".join(layout.letters)
    return f"The first line begins with “{letter}”; on this kind of document it begins with {wanted}. Copy it again."


def _cut(lines: tuple[str, ...], place: tuple[int, int, int]) -> str:
    line, start, end = place
    return lines[line][start:end]


def _names(field: str) -> tuple[str, str, bool]:
    """Surname, given names, and whether the field is so full that the issuer may have cut them."""
    surname, _, given = field.partition("<<")
    return " ".join(surname.split("<")).strip(), " ".join(given.split("<")).strip(), not field.endswith("<")


def _document_number(lines: tuple[str, ...], layout: _Layout) -> tuple[str, tuple[str, str], str]:
    """The number, (what its digit covers, the digit) and the optional data.

    Part 5, 4.2.2, note j: on cards a number longer than 9 has "<" for its check digit and goes on in the optional data,
    where its check digit and one "<" follow it.
    """
    number, optional = _cut(lines, layout.number), _cut(lines, layout.optional)
    line, place = layout.number_check
    digit = lines[line][place]
    rest, filler, after = optional.partition("<")
    if layout is not _TD3 and digit == "<" and number[-1] != "<" and len(rest) >= 2 and filler:
        return number + rest[:-1], (number + rest[:-1], rest[-1]), after.strip("<")
    return number.rstrip("<"), (number, digit), optional.strip("<")


def _date(field: str, *, century: int) -> date | None:
    if not (field.isascii() and field.isdigit()):
        return None
    try:
        return date(century + int(field[:2]), int(field[2:4]), int(field[4:]))
    except ValueError:
        return None


def _birth_date(field: str, *, today: date) -> date | None:
    born = _date(field, century=2000)
    return born if born is not None and born <= today else _date(field, century=1900)


def _check_findings(lines: tuple[str, ...], layout: _Layout, *, number_checks: tuple[str, str]) -> Iterator[Finding]:
    if check_digit(number_checks[0]) != number_checks[1]:
        yield Finding(FindingCode.CHECK_NUMBER)
    dates = ((FindingCode.CHECK_BIRTH_DATE, layout.birth), (FindingCode.CHECK_EXPIRY_DATE, layout.expiry))
    for code, (line, start, end) in dates:
        if check_digit(lines[line][start:end]) != lines[line][end]:
            yield Finding(code)
    if layout is _TD3 and not _optional_digit_fits(lines[1][28:42], lines[1][42]):
        yield Finding(FindingCode.CHECK_OPTIONAL)
    line, place = layout.composite_check
    if check_digit("".join(_cut(lines, part) for part in layout.composite)) != lines[line][place]:
        yield Finding(FindingCode.CHECK_COMPOSITE)


def _optional_digit_fits(field: str, digit: str) -> bool:
    return digit == check_digit(field) or (digit == "<" and not field.strip("<"))


def _date_findings(birth_field: str, expires_on: date | None, *, today: date) -> Iterator[Finding]:
    if _birth_date(birth_field, today=today) is None:
        yield Finding(FindingCode.BIRTH_DATE_UNREADABLE)
    if expires_on is None:
        yield Finding(FindingCode.EXPIRY_DATE_UNREADABLE)
    elif expires_on < today:
        yield Finding(FindingCode.EXPIRED)


def _name_finding(mrz: Mrz, name: str) -> list[Finding]:
    try:
        spellings = [_spell(name, choice=choice).split("<") for choice in range(3)]
    except MrzError:
        return [Finding(FindingCode.NAME_NOT_COMPARABLE)]
    return [] if any(_name_agrees(mrz, typed) for typed in spellings) else [Finding(FindingCode.NAME_DIFFERS)]


def _name_agrees(mrz: Mrz, typed: list[str]) -> bool:
    """The same words in any order, or the same letters once the spaces are gone (VAN DER BERG, VANDERBERG)."""
    surname, given = mrz.surname.split(), mrz.given_names.split()
    if Counter(surname + given) == Counter(typed):
        return True
    if "".join(typed) in ("".join(surname + given), "".join(given + surname)):
        return True
    return mrz.name_may_be_cut and _begins(surname + given, typed)


def _begins(printed: list[str], typed: list[str]) -> bool:
    """Every printed word begins a typed word of its own: a full name field may be cut anywhere (part 3, 4.2)."""
    left = list(typed)
    for word in sorted(printed, key=len, reverse=True):
        match = min((candidate for candidate in left if candidate.startswith(word)), key=len, default=None)
        if match is None:
            return False
        left.remove(match)
    return bool(printed)


def _spell(name: str, *, choice: int) -> str:
    words = "".join(_letter(character, choice) for character in unicodedata.normalize("NFC", name).upper())
    return "<".join(words.split())


def _letter(character: str, choice: int) -> str:
    if character in _SPLITTING:
        return " "
    if character in _DROPPED:
        return ""
    if character in _SPELLINGS:
        spellings = _SPELLINGS[character]
        return spellings[min(choice, len(spellings) - 1)]
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    if not re.fullmatch("[A-Z]+", bare):
        raise MrzError(f"“{character}” is not a Latin letter; write the name as the lines of the document do.")
    return bare


def _with_digit(field: str) -> str:
    return field + check_digit(field)


_SENTENCES: Final[dict[FindingCode, str]] = {
    FindingCode.CHECK_NUMBER: "The check digit of the document number does not fit: compare the number with the scan.",
    FindingCode.CHECK_BIRTH_DATE: "The check digit of the date of birth does not fit: compare the date with the scan.",
    FindingCode.CHECK_EXPIRY_DATE: "The check digit of the expiry date does not fit: compare the date with the scan.",
    FindingCode.CHECK_OPTIONAL: "The check digit of the optional field does not fit: compare the field with the scan.",
    FindingCode.CHECK_COMPOSITE: "The last check digit, over all fields, does not fit: compare the zone with the scan.",
    FindingCode.BIRTH_DATE_UNREADABLE: "The zone has no complete date of birth: read it from the scan.",
    FindingCode.EXPIRY_DATE_UNREADABLE: "The zone has no expiry date that exists: read it from the scan.",
    FindingCode.EXPIRED: "The document has expired.",
    FindingCode.NAME_DIFFERS: "The typed name and the name in the zone differ.",
    FindingCode.NAME_NOT_COMPARABLE: "The typed name has letters that the zone cannot print: compare it with the scan.",
    FindingCode.BIRTH_DATE_DIFFERS: "The typed date of birth and the one in the zone differ.",
    FindingCode.NUMBER_DIFFERS: "The typed document number and the one in the zone differ.",
    FindingCode.EXPIRY_DATE_DIFFERS: "The typed expiry date and the one in the zone differ.",
}
