"""The catalogue's short lists: causes of loss, reasons for a decision, limits of authority, identity reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar, cast

from claims.catalogue.table import Table
from claims.money import Money

_FOLDER: Final = Path(__file__).parent
Use = Literal["decline", "part"]
KycStep = Literal["ask", "reject"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of loss in the words of the person who had it."""

    code: str
    label: str
    help: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why less than the claimed amount is paid: a word for staff, a sentence for the claimant."""

    code: str
    label: str
    sentence: str
    used_for: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class KycReason:
    """Why an identity needs something more ("ask") or is not accepted ("reject")."""

    code: str
    step: KycStep
    label: str
    sentence: str


Row = TypeVar("Row", Cause, Reason, KycReason)


@cache
def causes() -> Mapping[str, Cause]:
    """By code, in the order of the file."""
    return read_causes(Table.read(_FOLDER / "causes.toml"))


@cache
def reasons() -> Mapping[str, Reason]:
    """By code, in the order of the file."""
    return read_reasons(Table.read(_FOLDER / "reason_codes.toml"))


@cache
def kyc_reasons() -> Mapping[str, KycReason]:
    """By code, in the order of the file."""
    return read_kyc_reasons(Table.read(_FOLDER / "kyc_reasons.toml"))


def read_causes(table: Table) -> Mapping[str, Cause]:
    return _by_code([Cause(*_texts(row, "code", "label", "help")) for row in table.tables("cause")], table)


def read_reasons(table: Table) -> Mapping[str, Reason]:
    return _by_code([_read_reason(row) for row in table.tables("reason")], table)


def read_kyc_reasons(table: Table) -> Mapping[str, KycReason]:
    return _by_code([_read_kyc_reason(row) for row in table.tables("reason")], table)


def authority_limit(*, role: str | None, currency: str) -> int:
    """The most that someone in `role` may decide alone, in minor units; 0 where the file gives them nothing."""
    limit = _authority().get((role or "", currency))
    return limit.minor if limit is not None else 0


@cache
def _authority() -> Mapping[tuple[str, str], Money]:
    table = Table.read(_FOLDER / "authority.toml")
    limits: dict[tuple[str, str], Money] = {}
    for role in table:
        row = table.table(role)
        limits |= {(role, currency): row.money(currency, currency) for currency in row}
    return MappingProxyType(limits)


def _read_reason(row: Table) -> Reason:
    used_for = row.texts("used_for")
    if not set(used_for) <= {"decline", "part"}:
        raise row.wrong("used_for", "may only name decline and part")
    code, label, sentence = _texts(row, "code", "label", "sentence")
    return Reason(code, label, sentence, cast(tuple[Use, ...], used_for))


def _read_kyc_reason(row: Table) -> KycReason:
    step = cast(KycStep, row.one_of("step", ("ask", "reject")))
    code, label, sentence = _texts(row, "code", "label", "sentence")
    return KycReason(code, step, label, sentence)


def _texts(row: Table, *keys: str) -> tuple[str, ...]:
    values = tuple(row.text(key) for key in keys)
    row.close()
    return values


def _by_code(rows: list[Row], table: Table) -> Mapping[str, Row]:
    table.close()
    by_code = {row.code: row for row in rows}
    if len(by_code) != len(rows):
        raise table.wrong("code", "is given twice")
    return MappingProxyType(by_code)
