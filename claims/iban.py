"""International bank account numbers (ISO 13616), read strictly and printed in groups of four."""

import re
from typing import Final

_SHAPE: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_SPACES: Final = re.compile(r"[\s\u00a0\u2009\u202f-]+")
_EXAMPLE: Final = "IE29 AIBK 9311 5212 3456 78"
_LONGEST_TEXT: Final = 60


class IbanError(ValueError):
    """Not an IBAN that a bank could have given out; the text is a sentence for the person who typed it."""


def parse_iban(text: str) -> str:
    """The number in capitals without spaces. IbanError: another shape, or check digits that do not fit."""
    iban = _SPACES.sub("", text[:_LONGEST_TEXT]).upper()
    if len(text) > _LONGEST_TEXT or not _SHAPE.fullmatch(iban):
        raise IbanError(f"Enter an IBAN: two letters, two figures, then up to 30 more, for example {_EXAMPLE}.")
    if not _adds_up(iban):
        raise IbanError("The check digits of this IBAN do not fit. Compare it with your card or statement.")
    return iban


def format_iban(iban: str) -> str:
    """For people: "IE29 AIBK 9311 5212 3456 78"."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def masked(number: str) -> str:
    """An account number for those who do not pay: its last four characters."""
    return f"•••• {number[-4:]}" if number else ""


def _adds_up(iban: str) -> bool:
    """ISO/IEC 7064 MOD 97-10: the first four characters behind the rest, letters as 10 to 35, leaves 1."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
