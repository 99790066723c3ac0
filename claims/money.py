"""Money: integer minor units and an ISO 4217 currency, never a float.

    >>> format_money(parse_money("1,234.5", currency="EUR"))
    '€1,234.50'

What people may type is narrow on purpose, because a wrongly read amount is worse than a question:
digits, a point before the decimals, and commas or spaces between full groups of three ("1,234.50", "1 234.50").
A comma before the decimals ("1234,50") is refused with a sentence that shows how to write it.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final, Self

LARGEST_MINOR: Final = 10**12
"""The largest amount a person may type, in minor units: beyond it lies a slip of the keyboard."""

_LONGEST_TEXT: Final = 40
_SPACES: Final = re.compile("[ \u00a0\u2009\u202f]")  # plain, no-break, thin, narrow no-break
_MINUS: Final = re.compile(r"^\(.*\)$|[-\u2010-\u2015\u2212]")
_AMOUNT: Final = re.compile(
    r"(?P<whole>[0-9]+|[0-9]{1,3}(?P<mark>[, ])[0-9]{3}(?:(?P=mark)[0-9]{3})*)(?:\.(?P<part>[0-9]+))?"
)
_COMMA_DECIMALS: Final = re.compile(r"[0-9 .]+,[0-9]{1,2}")
_WORD: Final = re.compile(r"[^0-9.,' ]+")


class MoneyError(ValueError):
    """An amount or a currency that cannot stand; its text is a sentence for the person who typed it."""


def _read_table() -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    table = tomllib.loads((Path(__file__).parent / "catalogue" / "currencies.toml").read_text(encoding="utf-8"))
    decimals = {code: int(count) for count, codes in table["decimals"].items() for code in codes}
    return decimals, {code: tuple(signs) for code, signs in table["signs"].items()}


_DECIMALS, _SIGNS = _read_table()
CURRENCIES: Final[frozenset[str]] = frozenset(_DECIMALS)


def decimals_of(currency: str) -> int:
    """How many decimals the currency has: EUR 2, JPY 0, KWD 3."""
    try:
        return _DECIMALS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not the code of a currency in use, such as EUR or USD.") from None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents for EUR, whole yen for JPY). Only amounts of one currency meet."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:  # a bool or a Decimal here is a mistake of ours, and -O must not hide it
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        decimals_of(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def rounded(cls, amount: Decimal, currency: str) -> Self:
        """Major units to minor units, halves away from zero. Called once per invoice line."""
        minor = amount.scaleb(decimals_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return cls(int(minor), currency)

    @classmethod
    def exact(cls, amount: Decimal, currency: str) -> Self:
        """Major units to minor units; an amount with more decimals than the currency has is refused."""
        money = cls.rounded(amount, currency)
        if money.decimal != amount:
            raise MoneyError(f"{amount} has more decimals than {currency} knows.")
        return money

    @property
    def decimal(self) -> Decimal:
        """The amount in major units."""
        return Decimal(self.minor).scaleb(-decimals_of(self.currency))

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def __gt__(self, other: "Money") -> bool:
        return other < self

    def __ge__(self, other: "Money") -> bool:
        return other <= self

    def __str__(self) -> str:
        return format_money(self)

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be put together without an exchange rate.")


def total(amounts: Iterable[Money], *, currency: str) -> Money:
    """The sum, zero of `currency` when there is nothing to add."""
    return sum(amounts, start=Money.zero(currency))


def allocate(amount: Money, *, weights: Sequence[int]) -> tuple[Money, ...]:
    """Split `amount` (≥ 0) in proportion to `weights`; the shares add up to it exactly.

    Largest remainder: every share is rounded down, then the missing units go one each to the largest remainders,
    the earlier share first when two are equal.
    """
    whole = sum(weights)
    assert amount.minor >= 0 and whole > 0 and min(weights) >= 0, "an amount and its weights are not negative"
    shares = [divmod(amount.minor * weight, whole) for weight in weights]
    missing = amount.minor - sum(floor for floor, _ in shares)
    first = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))[:missing]
    return tuple(Money(floor + (index in first), amount.currency) for index, (floor, _) in enumerate(shares))


def format_money(amount: Money) -> str:
    """For people: "€80.64", "US$25.00", "¥1,200", "CHF 12.50" (no-break space), "−€5.00" (U+2212)."""
    figure = f"{abs(amount.decimal):,.{decimals_of(amount.currency)}f}"
    minus = "\u2212" if amount.minor < 0 else ""
    signs = _SIGNS.get(amount.currency)
    return minus + (signs[0] if signs else amount.currency + "\u00a0") + figure


def parse_money(text: str, *, currency: str, minimum: int = 1) -> Money:
    """Read what a person typed as an amount of `currency`.

    `minimum` is the least accepted amount in minor units (0 lets zero pass).
    MoneyError: empty, not an amount, negative, another currency, too many decimals, too small, above LARGEST_MINOR.
    """
    decimals = decimals_of(currency)
    figure = _figure(text, currency=currency)
    found = _AMOUNT.fullmatch(figure)
    if found is None:
        raise MoneyError(_what_is_wrong(figure, currency=currency))
    part = found["part"] or ""
    if len(part) > decimals:
        raise MoneyError(_too_many_decimals(currency))
    minor = int(re.sub("[, ]", "", found["whole"]) + part.ljust(decimals, "0"))
    return _within_bounds(Money(minor, currency), minimum=minimum)


def _figure(text: str, *, currency: str) -> str:
    """The text without the currency's own sign or code, spaces made plain."""
    figure = _SPACES.sub(" ", text).strip()
    if not figure:
        raise MoneyError(f"Enter an amount, for example {_example(currency)}.")
    if len(figure) > _LONGEST_TEXT:
        raise MoneyError(f"This is too long for an amount. Write it like {_example(currency)}.")
    for sign in (currency, *_SIGNS.get(currency, ())):
        if figure.upper().startswith(sign.upper()):
            return figure[len(sign) :].strip()
        if figure.upper().endswith(sign.upper()):
            return figure[: -len(sign)].strip()
    return figure


def _what_is_wrong(figure: str, *, currency: str) -> str:
    if _MINUS.search(figure):
        return "Enter the amount without a minus sign."
    foreign = next(filter(_means_a_currency, _WORD.findall(figure)), None)
    if foreign is not None:
        return f"The amount must be in {currency}, not in “{foreign}”. Convert it and enter only the figures."
    if _COMMA_DECIMALS.fullmatch(figure) and decimals_of(currency):
        return f"Write a point before the decimals, for example {_example(currency)}."
    return f"Enter an amount in figures, for example {_example(currency)}."


def _means_a_currency(word: str) -> bool:
    return word.upper() in CURRENCIES or any(unicodedata.category(character) == "Sc" for character in word)


def _too_many_decimals(currency: str) -> str:
    decimals = decimals_of(currency)
    if decimals == 0:
        return f"{currency} has no decimals. Enter a whole amount, for example {_example(currency)}."
    return f"{currency} has {decimals} decimals at most. Write it like {_example(currency)}."


def _within_bounds(amount: Money, *, minimum: int) -> Money:
    if amount.minor < minimum:
        if amount.minor == 0:
            raise MoneyError("Enter an amount greater than zero.")
        raise MoneyError(f"Enter at least {format_money(Money(minimum, amount.currency))}.")
    if amount.minor > LARGEST_MINOR:
        largest = format_money(Money(LARGEST_MINOR, amount.currency))
        raise MoneyError(f"Enter at most {largest}; check the number of zeros.")
    return amount


def _example(currency: str) -> str:
    return f"{Decimal(123450).scaleb(-2):.{decimals_of(currency)}f}"
