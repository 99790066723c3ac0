"""Whatever changes in a row that can never change, the database refuses it or the scan names it: column by column."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from anchoring import config, fsck, guards, pipeline
from anchoring.models import Confirmation
from anchoring.trust import trust_file
from tests import people
from tests.anchoring.log_world import a_chain, guards_lifted, notes, register, sql

pytestmark = pytest.mark.django_db
NO_SECOND_WITNESS = {  # only their own column holds them, and nobody's proof rests on them
    "checkpoint.at", "trustversion.at", "registration.at", "anchor.at", "attempt.at", "attempt.nonce",
    "confirmation.at", "opening.id", "confirmation.id",
}  # fmt: skip
COLUMNS = [
    (model, field)
    for model in (apps.get_model("anchoring", name) for name in guards.INSERT_ONLY)
    for field in model._meta.concrete_fields
]


@pytest.fixture
def chain(alice):
    """A row of everything, confirmed on this chain; a second anchor is under way."""
    chain = a_chain()
    people.submit_identity(alice)
    notes(4)
    pipeline.sequence()
    register(chain)
    trust_file()
    pipeline.sequence()
    pipeline.send(chain=chain, key=config.chain_key())
    pipeline.confirm(chain=chain)
    notes(1)
    pipeline.sequence()
    return chain


def findings(chain) -> list[str]:
    found = [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]
    try:
        return found + [str(finding) for finding in fsck.check_chain(chain=chain)]
    except fsck.NotChecked as silence:
        return [*found, str(silence)]


def flipped(value: object) -> object:
    """The value with one of its bits turned, as its column stores it."""
    if isinstance(value, bytes | memoryview):
        data = bytearray(value)
        data[len(data) // 2] ^= 1
        return bytes(data)
    if isinstance(value, UUID):
        other = UUID(int=value.int ^ 1)
        return other if connection.vendor == "postgresql" else other.hex
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1)
    assert isinstance(value, int), value
    return value ^ 1


@pytest.mark.parametrize(
    ("model", "field"), COLUMNS, ids=[f"{model._meta.model_name}.{field.column}" for model, field in COLUMNS]
)
def test_a_flipped_bit_is_refused_or_named(model, field, chain) -> None:
    assert findings(chain) == []
    newest = {Confirmation: "-anchor"}.get(model, "pk")
    row = model.objects.order_by(newest).first()
    table, column = model._meta.db_table, connection.ops.quote_name(field.column)
    pk = model._meta.pk.column
    try:
        with transaction.atomic(), guards_lifted(table):
            changed = f'UPDATE {table} SET {column} = %s WHERE "{pk}" = %s'
            assert sql(changed, flipped(getattr(row, field.attname)), row.pk) == 1
            connection.check_constraints()
    except DatabaseError:
        return  # a constraint of the database noticed
    named = findings(chain)
    if f"{model._meta.model_name}.{field.column}" in NO_SECOND_WITNESS:
        assert named == []
    else:
        assert named != []
