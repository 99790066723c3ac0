"""Reading the catalogue's TOML strictly: a wrong type, a missing or an unknown key names its file and place."""

import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from claims.money import Money, MoneyError


class CatalogueError(ValueError):
    """A data file that cannot stand: which file, which key, what is wrong."""


class Table:
    """One TOML table. Each reader takes a key; `close()` refuses what nobody read, which is most often a misspelling.

    Decimal fractions are read as Decimal: no float is ever made.
    """

    def __init__(self, values: dict[str, Any], *, file: str, path: str = "") -> None:
        self._values, self._file, self._path = values, file, path
        self._unread = set(values)

    @classmethod
    def parse(cls, content: bytes, *, file: str) -> Self:
        try:
            return cls(tomllib.loads(content.decode(), parse_float=Decimal), file=file)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise CatalogueError(f"{file}: is not TOML in UTF-8: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.parse(path.read_bytes(), file=path.name)

    def wrong(self, key: str, what: str) -> CatalogueError:
        return CatalogueError(f"{self._file}: {self._path}{key}: {what}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def text(self, key: str) -> str:
        value: str = self._take(key, str, "text in quotes")
        if not value or value != " ".join(value.split()):
            raise self.wrong(key, "must not be empty, nor have line breaks or spaces at its ends or doubled")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values: list[Any] = self._take(key, list, "a list of texts")
        if not values or not all(isinstance(value, str) and value.strip() for value in values):
            raise self.wrong(key, "must be a list of texts that are not empty")
        if len(set(values)) != len(values):
            raise self.wrong(key, "names something twice")
        return tuple(values)

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, f"is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def whole(self, key: str, *, least: int = 0) -> int:
        value = self._take(key, int, "a whole number")
        if isinstance(value, bool) or value < least:
            raise self.wrong(key, f"must be a whole number of at least {least}")
        return int(value)

    def number(self, key: str) -> Decimal:
        value = self._take(key, (int, Decimal), "a number")
        if isinstance(value, bool) or not Decimal(value).is_finite() or value < 0:
            raise self.wrong(key, "must be a number that is not negative")
        return Decimal(value)

    def money(self, key: str, currency: str) -> Money:
        try:
            return Money.exact(self.number(key), currency)
        except MoneyError as error:
            raise self.wrong(key, str(error)) from error

    def day(self, key: str) -> date:
        value = self._take(key, date, "a date such as 2026-11-01")
        if type(value) is not date:  # TOML's date-times are dates to isinstance
            raise self.wrong(key, "must be a date without a time")
        return value

    def flag(self, key: str) -> bool:
        return bool(self._take(key, bool, "true or false"))

    def table(self, key: str) -> "Table":
        return Table(self._take(key, dict, "a table"), file=self._file, path=f"{self._path}{key}.")

    def tables(self, key: str) -> list["Table"]:
        values = self._take(key, list, "a list of tables")
        if not values or not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, "must be a list of at least one table")
        return [Table(value, file=self._file, path=f"{self._path}{key}[{n}].") for n, value in enumerate(values)]

    def close(self) -> None:
        """Call when everything is read."""
        if self._unread:
            raise self.wrong(min(self._unread), "is not a key that is known here")

    def _take(self, key: str, kind: type | tuple[type, ...], what: str) -> Any:
        if key not in self._values:
            raise self.wrong(key, f"is missing; it must be {what}")
        self._unread.discard(key)
        if not isinstance(self._values[key], kind):
            raise self.wrong(key, f"must be {what}")
        return self._values[key]
