"""Numbers that people read out on the telephone: `CLM-2026-000123-K`.

Three letters for the series, the year, a serial of six digits (more when a year needs them) and a check character
by ISO 7064 MOD 37,36 over all letters and digits before it. It finds every single wrong character and 99 in 100
swaps of neighbours. The serial comes from the database; gaps are allowed, so a number promises no count.
"""

import re
from dataclasses import dataclass
from typing import Final

SERIES: Final[dict[str, str]] = {
    "CLM": "claim",
    "POL": "policy",
    "QUO": "quote",
    "PAY": "payment",
    "KYC": "customer check",
}
"""Each series and what a person calls the thing."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SEPARATORS: Final = re.compile(r"[\s\u2010-\u2015\u2212_./-]+")
_SHAPE: Final = re.compile(r"([A-Z]{3})(2[0-9]{3})([0-9]{6,12})([0-9A-Z])")
_LONGEST_TEXT: Final = 60


class NumberError(ValueError):
    """A number nobody gave out; its text is a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class HumanNumber:
    series: str
    year: int
    serial: int

    def __str__(self) -> str:
        return format_number(series=self.series, year=self.year, serial=self.serial)


def check_character(body: str) -> str:
    """ISO/IEC 7064 MOD 37,36 over `body` (0–9, A–Z)."""
    product = 36
    for character in body:
        total = (product + _ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return _ALPHABET[(1 - product) % 36]


def format_number(*, series: str, year: int, serial: int) -> str:
    assert series in SERIES and 2000 <= year <= 2999 and 0 < serial < 10**12, "no such series, year or serial"
    digits = f"{serial:06d}"
    return f"{series}-{year}-{digits}-{check_character(f'{series}{year}{digits}')}"


def parse_number(text: str, *, series: str) -> HumanNumber:
    """Read a number of `series` as people write it: any case, any or no spaces and dashes.

    NumberError: another shape, another series, a check character that does not fit.
    """
    noun, example = SERIES[series], format_number(series=series, year=2026, serial=123)
    found = _SHAPE.fullmatch(_SEPARATORS.sub("", text[:_LONGEST_TEXT]).upper())
    if found is None or len(text) > _LONGEST_TEXT:
        raise NumberError(f"This is not a {noun} number. It looks like {example}.")
    letters, year, digits, check = found.groups()
    if letters != series:
        raise NumberError(_wrong_series(letters, noun=noun, example=example))
    number = HumanNumber(series, int(year), int(digits))
    if check != check_character(letters + year + digits) or digits != f"{number.serial:06d}" or not number.serial:
        raise NumberError(f"No {noun} has this number. Compare each letter and digit with the one you were sent.")
    return number


def _wrong_series(letters: str, *, noun: str, example: str) -> str:
    if letters in SERIES:
        return f"This is the number of a {SERIES[letters]}. A {noun} number starts with {example[:3]}."
    return f"A {noun} number starts with {example[:3]}, for example {example}."
