"""The business rows that the log keeps: which tables and columns are declared, and how a value stands in an entry."""

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import models

from anchoring.protocol.canonical import dumps
from anchoring.protocol.disclosure import Value
from anchoring.protocol.entry import format_time


@dataclass(frozen=True)
class AfterImage:
    """A business row after its change; ``columns`` names what changed, None means a new row: all declared columns."""

    row: models.Model
    columns: Collection[str] | None = None


@dataclass(frozen=True)
class RecordedTable:
    """A business table whose declared columns the log keeps and ``fsck`` compares: column → who the value concerns.

    ``draft`` is the column that is set as long as a row is still somebody's draft and needs no entry (None: there is
    no such column). Python and the database's guards read the same declaration.
    """

    model: type[models.Model]
    owners: Mapping[str, Callable[[models.Model], str]]
    draft: str | None = None

    def is_draft(self, row: models.Model) -> bool:
        """Whether the row needs no entry yet."""
        return self.draft is not None and getattr(row, self.draft) is not None


_recorded_tables: dict[str, RecordedTable] = {}


def register_rows(
    model: type[models.Model],
    owners: Mapping[str, Callable[[models.Model], str]],
    *,
    draft: str | None = None,
) -> None:
    """Declare that ``model``'s named columns (attribute names) are recorded; its primary key must be a UUID.

    ``draft`` names the column (attribute name) that is set while a row is still somebody's draft and needs no entry.
    """
    assert isinstance(model._meta.pk, models.UUIDField), model
    _recorded_tables[model._meta.db_table] = RecordedTable(model, owners, draft)


def recorded_tables() -> Mapping[str, RecordedTable]:
    """The declared tables by their database name."""
    return _recorded_tables


def column_value(row: models.Model, column: str) -> Value:
    """A business column as the log keeps it: text, integer, truth value or null; bytes as the hex of their SHA-256."""
    value = getattr(row, column)
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return dumps(json.loads(json.dumps(value))).decode()


def row_field(table: str, pk: object, column: str) -> str:
    """The field name that a business row's column has in an entry."""
    return f"row.{table}.{pk}.{column}"
