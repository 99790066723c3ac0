"""The database itself refuses to change what was recorded, whoever asks and however."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Cosignature,
    Entry,
    Handover,
    Leaf,
    Opening,
    ReceiptProof,
    Registration,
    Retraction,
    Sighting,
    State,
    Tile,
    TrustVersion,
)
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from tests.anchoring.log_world import a_chain, anchor_all, note, notes, register, sql

pytestmark = pytest.mark.django_db
INSERT_ONLY = (
    Entry, Opening, Leaf, State, Checkpoint, TrustVersion, Registration, Anchor, Attempt, Sighting, Confirmation,
    ReceiptProof, Retraction, Handover, Cosignature,
)  # fmt: skip
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="a way of SQLite's alone")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="a way of PostgreSQL's alone")


@pytest.fixture(autouse=True)
def _a_row_of_everything(db) -> None:
    """Sealed, registered, anchored, confirmed, published."""
    chain = a_chain()
    notes(4)
    sequencer.sequence()
    registration = register(chain)
    trust_file()
    anchor_all(chain)
    now = timezone.now()
    Retraction.objects.create(confirmation=Confirmation.objects.get(), block_hash=bytes(32), at=now)
    Handover.objects.create(
        registration=registration, sender=bytes(20), controller=bytes(20), nonce=1, tip=1, cap=1, raw=b"\2",
        transaction=bytes(32), at=now,
    )  # fmt: skip
    newest = Checkpoint.objects.order_by("-size").first()
    Cosignature.objects.create(checkpoint=newest, auditor="auditor.example", line="— auditor.example AA==\n", at=now)


def refused(*statements_or_calls) -> None:
    """Each one fails with the guards' own words and leaves everything as it was."""
    for act in statements_or_calls:
        with pytest.raises(DatabaseError, match="the log is insert-only"), transaction.atomic():
            sql(act) if isinstance(act, str) else act()


@pytest.mark.parametrize("model", INSERT_ONLY)
def test_no_row_can_be_changed(model) -> None:
    row = model.objects.order_by("pk").first()
    assert row is not None
    refused(*(f'UPDATE {model._meta.db_table} SET "{f.column}" = "{f.column}"' for f in model._meta.concrete_fields))
    refused(row.save, lambda: model.objects.bulk_update([row], [model._meta.concrete_fields[-1].name]))


@pytest.mark.parametrize("model", INSERT_ONLY)
def test_no_row_can_be_removed(model) -> None:
    count = model.objects.count()
    row = model.objects.order_by("pk").first()
    refused(f"DELETE FROM {model._meta.db_table}", lambda: model.objects.filter(pk=row.pk)._raw_delete("default"))
    assert model.objects.count() == count


def test_nobody_can_remove_through_the_orm_either() -> None:
    refused(Handover.objects.get().delete, Retraction.objects.all().delete, Opening.objects.all().delete)


@on_postgresql
@pytest.mark.parametrize("model", [*INSERT_ONLY, Tile])
def test_no_table_can_be_emptied_at_once(model) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")  # PostgreSQL empties no table with checks still to be made
    refused(f"TRUNCATE {model._meta.db_table} CASCADE")


@on_sqlite
@pytest.mark.parametrize("model", [*INSERT_ONLY, Tile])
def test_no_row_can_be_replaced(model) -> None:
    """REPLACE removes the row that stands in the way, which SQLite shows to triggers only when told to."""
    table = model._meta.db_table
    refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_a_full_tile_can_neither_change_nor_go() -> None:
    notes(256)
    sequencer.sequence()
    full = Tile.objects.get(level=0, n=0)
    assert len(bytes(full.hashes)) == 8192
    refused(
        f"UPDATE anchoring_tile SET hashes = hashes WHERE id = {full.pk}",
        f"DELETE FROM anchoring_tile WHERE id = {full.pk}",
    )


def test_a_partial_tile_can_only_grow_at_its_end() -> None:
    tile = Tile.objects.get(level=0, n=0)
    begun = bytes(tile.hashes)
    first, last = bytes([begun[0] ^ 1]), bytes([begun[-1] ^ 1])
    for wrong in (b"", begun[:-1], begun[:32], begun[:-1] + last, first + begun[1:], first + b"x" * 255):
        refused(lambda wrong=wrong: Tile.objects.filter(pk=tile.pk).update(hashes=wrong))
    refused(lambda: Tile.objects.filter(pk=tile.pk).update(n=7), tile.delete)
    assert Tile.objects.filter(pk=tile.pk).update(hashes=begun + b"y" * 32) == 1


def test_one_place_is_given_once_and_one_size_is_signed_once() -> None:
    leaf, checkpoint = Leaf.objects.get(index=3), Checkpoint.objects.order_by("size").first()
    fresh = note()
    for twin in (
        Leaf(index=leaf.index, entry=fresh, hash=b"h" * 32),
        Leaf(index=10_000, entry=leaf.entry, hash=b"h" * 32),
        Checkpoint(size=checkpoint.size, root=b"r" * 32, note="another", at=timezone.now()),
    ):
        with pytest.raises(DatabaseError, match=r"(?i)unique"), transaction.atomic():
            twin.save(force_insert=True)
