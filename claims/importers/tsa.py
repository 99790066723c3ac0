"""The claims layout of the US Transportation Security Administration, as republished with R's column names.

Nine columns, UTF-8, one record a line, amounts in US dollars. The layout has no claim id, no person and no date: a row
is known by the SHA-256 of its file and its number, and what is missing is made up and said to be so. A row that
contradicts itself is refused, never repaired.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import BinaryIO, Final

from claims.actions.adjusting import Verdict
from claims.catalogue import Product, authority_limit, product
from claims.fnol import MAX_MINOR, Item
from claims.importers.desk import Case
from claims.models import ClaimDecision, ClaimLine, Role
from claims.money import MoneyError, parse_money

COLUMNS: Final = (
    "Airport.Code", "Airport.Name", "Airline.Name", "Claim.Type", "Claim.Site", "Item", "Claim.Amount", "Status",
    "Close.Amount",
)  # fmt: skip
CURRENCY: Final = "USD"
PRODUCT: Final = "airport-baggage-us-1"
FOUNDED: Final = date(2001, 11, 19)
"""The day on which the agency was made by law: nobody has a claim against it from before."""

_MAX_LINE_BYTES: Final = 65_536
_CHUNK_BYTES: Final = 1 << 20
_PRIOR: Final = "PRIOR_DECISION"
_DENIED, _PAID_STATUSES = "Denied", ("Approved", "Settled")
_CAUSES: Final = {
    "Passenger Property Loss": "airport_property_loss",
    "Property Damage": "airport_property_damage",
    "Passenger Theft": "airport_theft",
    "Employee Loss (MPCECA)": "airport_employee_loss",
    "Personal Injury": "airport_injury",
    "Motor Vehicle": "airport_vehicle_damage",
}
_ITEM_LENGTH: Final[int] = ClaimLine._meta.get_field("item").max_length or 0


class MalformedFile(ValueError):
    """The file is not of the layout at all; the sentence says where it differs."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the layout, its header read; ``lines`` counts the header and blank lines too."""

    file: BinaryIO
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class Row:
    """One record. ``number`` counts records from 1, ``line`` the file's lines from 1. ``cells`` is empty when the line
    cannot be cut into the nine columns; an amount is None when it cannot be read, and below zero when the file says so.
    ``fault`` is the code of a rule that reading broke, or "".
    """

    number: int
    line: int
    cells: Mapping[str, str]
    claimed_minor: int | None = None
    paid_minor: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a row is refused: a code for machines, a sentence for people, and the test that finds it."""

    code: str
    sentence: str
    broken_by: Callable[[Row], bool]


def open_source(file: BinaryIO) -> Source:
    """Read the file once for its key, and its header. Raises MalformedFile; the file must be seekable."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    file.seek(0)
    _require_header(file.readline(_MAX_LINE_BYTES))
    return Source(file, digest.hexdigest(), lines + (last != b"\n"))


def read_rows(source: Source) -> Iterator[Row]:
    """Every record after the header, however broken; blank lines are passed over. Holds one line at a time."""
    number = 0
    for line, data in enumerate(_lines(source.file), start=2):
        if data.strip():
            number += 1
            yield _read_row(data, number=number, line=line)


def broken_rule(row: Row) -> Rule | None:
    """The first rule that the row breaks, None for a row that can be imported."""
    return next((rule for rule in RULES if rule.broken_by(row)), None)


def case_of(row: Row, *, source: Source, loss_on: date) -> Case:
    """What the import desk takes over for a row that breaks no rule; ``loss_on`` stands in for the unknown day."""
    ref = f"tsa:{source.sha256}:{row.number}"
    assert row.claimed_minor is not None and row.paid_minor is not None, "a row without amounts breaks a rule"
    return Case(
        ref=ref,
        holder_name=f"Imported holder {row.number}",
        product=cover(),
        loss_on=loss_on,
        cause_code=_CAUSES[row.cells["Claim.Type"]],
        place=f"{row.cells['Airport.Name']} ({row.cells['Airport.Code']})",
        description=_description(row, source),
        item=Item(_item_name(row.cells["Item"]), row.claimed_minor),
        verdict=_verdict(row),
        payment_reference=f"TSA-{source.sha256[:32]}-{row.number}",
    )


@cache
def cover() -> Product:
    """The product under which the book is run off."""
    return product(PRODUCT)


def _require_header(data: bytes) -> None:
    names = _split(data.decode("utf-8-sig", errors="replace").rstrip("\r\n")) if data else []
    if names != list(COLUMNS):
        found = f"“{names[0][:40]}” and {len(names) - 1} more" if names and names[0] else "nothing that can be read"
        raise MalformedFile(
            f"This is not a file of the TSA claims layout: the first line must name the {len(COLUMNS)} columns"
            f" {', '.join(COLUMNS)}, but it names {found}."
        )


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines as they stand; of one that is longer than any record only the beginning."""
    while data := file.readline(_MAX_LINE_BYTES):
        rest = data
        while len(rest) == _MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(_MAX_LINE_BYTES)
        yield data


def _read_row(data: bytes, *, number: int, line: int) -> Row:
    text = data.decode("utf-8", errors="replace").rstrip("\r\n")
    cut = _split(text)
    cells = dict(zip(COLUMNS, cut, strict=True)) if len(cut) == len(COLUMNS) else {}
    return Row(
        number=number, line=line, cells=cells, claimed_minor=_cents(cells.get("Claim.Amount", "")),
        paid_minor=_cents(cells.get("Close.Amount", "")), fault=_reading_fault(data, text, cut),
    )  # fmt: skip


def _split(text: str) -> list[str]:
    """The cells of one line, white space around them gone; none when its quotation marks do not match.

    Line by line, because the layout has no line breaks inside cells: a stray quotation mark then spoils its own row and
    not the rows that follow.
    """
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except csv.Error:
        return []


def _reading_fault(data: bytes, text: str, cut: list[str]) -> str:
    if len(data) == _MAX_LINE_BYTES and not data.endswith(b"\n"):
        return "LINE_TOO_LONG"
    if not _is_utf8(data) or any(character < " " or character == "\x7f" for character in text):
        return "ENCODING"
    if not cut:
        return "QUOTATION_MARKS"
    return "" if len(cut) == len(COLUMNS) else "COLUMN_COUNT"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cents(text: str) -> int | None:
    """The amount in US cents, negative ones included; None when it cannot be read without guessing."""
    figure = text.removeprefix("-")
    try:
        minor = parse_money(figure, currency=CURRENCY, minimum=0).minor
    except MoneyError:
        return None
    return minor if figure == text else -minor


def _fault(code: str) -> Callable[[Row], bool]:
    return lambda row: row.fault == code


def _amounts(row: Row) -> tuple[int, int]:
    assert row.claimed_minor is not None and row.paid_minor is not None, "judged after AMOUNT_UNREADABLE"
    return row.claimed_minor, row.paid_minor


def _is_denied(row: Row) -> bool:
    return row.cells["Status"] == _DENIED


def _is_above_all_authority(row: Row) -> bool:
    """A decline is measured by what was claimed, anything else by what was paid."""
    claimed, paid = _amounts(row)
    return (claimed if _is_denied(row) else paid) > authority_limit(role=Role.SUPERVISOR, currency=CURRENCY)


RULES: Final = (
    Rule("LINE_TOO_LONG", f"The line is longer than {_MAX_LINE_BYTES} bytes.", _fault("LINE_TOO_LONG")),
    Rule("ENCODING", "The row is not UTF-8 text, or it holds control characters.", _fault("ENCODING")),
    Rule("QUOTATION_MARKS", "The row's quotation marks do not match.", _fault("QUOTATION_MARKS")),
    Rule("COLUMN_COUNT", f"The row does not have {len(COLUMNS)} columns.", _fault("COLUMN_COUNT")),
    Rule("STATUS_UNKNOWN", "The status is none of Approved, Settled and Denied.",
         lambda row: row.cells["Status"] not in (_DENIED, *_PAID_STATUSES)),
    Rule("TYPE_UNKNOWN", "No coverage of the product names this type of claim.",
         lambda row: _CAUSES.get(row.cells["Claim.Type"]) not in cover().causes),
    Rule("ITEM_MISSING", "The row does not say what was lost or damaged.", lambda row: not row.cells["Item"]),
    Rule("AMOUNT_UNREADABLE", "An amount is not a figure of dollars with at most two decimals.",
         lambda row: row.claimed_minor is None or row.paid_minor is None),
    Rule("AMOUNT_NEGATIVE", "An amount is below zero.", lambda row: min(_amounts(row)) < 0),
    Rule("DENIED_BUT_PAID", "The claim is said to be denied, but money was paid.",
         lambda row: _is_denied(row) and _amounts(row)[1] > 0),
    Rule("PAID_ABOVE_CLAIMED", "More was paid than was claimed; the file does not say what the difference is.",
         lambda row: _amounts(row)[1] > _amounts(row)[0]),
    Rule("NOTHING_CLAIMED", "Nothing was claimed: there is no loss to decide about.",
         lambda row: _amounts(row)[0] == 0),
    Rule("ACCEPTED_BUT_UNPAID", "The claim is said to be approved or settled, but nothing was paid.",
         lambda row: not _is_denied(row) and _amounts(row)[1] == 0),
    Rule("AMOUNT_TOO_LARGE", "More was claimed than a claim here can hold.",
         lambda row: _amounts(row)[0] > MAX_MINOR),
    Rule("ABOVE_ALL_AUTHORITY", "Nobody here has the authority to decide about so much.", _is_above_all_authority),
)  # fmt: skip
"""In the order in which they are judged: each may rely on those before it."""


def _verdict(row: Row) -> Verdict:
    """The decision of the book's former handler, as a decision of ours."""
    claimed, paid = _amounts(row)
    rationale = (
        f"This records the decision of the handler before us, who closed the claim as “{row.cells['Status']}”. "
        + ("Nothing was paid." if not paid else "The amount is the one paid then.")
    )
    if paid == claimed:
        return Verdict(ClaimDecision.Outcome.ACCEPTED, paid, rationale)
    outcome = ClaimDecision.Outcome.PART_ACCEPTED if paid else ClaimDecision.Outcome.DECLINED
    return Verdict(outcome, paid, rationale, reason_code=_PRIOR, provision_ref=cover().provisions[_PRIOR])


def _item_name(text: str) -> str:
    """As long as a claim's line can hold; the description has it in full."""
    return text if len(text) <= _ITEM_LENGTH else text[: _ITEM_LENGTH - 1].rstrip() + "…"


def _description(row: Row, source: Source) -> str:
    cells = row.cells
    return (
        f"Taken over from row {row.number} of the TSA claims file with SHA-256 {source.sha256}.\n"
        f"Type: {cells['Claim.Type']}. Place: {cells['Claim.Site']}. Airline: {cells['Airline.Name']}. "
        f"Closed as: {cells['Status']}.\n"
        f"Item: {cells['Item']}.\n"
        "The file names no person and no date: both were made up by the import."
    )
