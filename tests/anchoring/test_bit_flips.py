"""Whatever changes in a row that can never change, the database refuses it or the scan names it: column by column."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from anchoring import audit, config, fsck, guards, registry
from anchoring.chain import Fees, Wallet
from anchoring.cosignatures import accept_cosignature
from anchoring.models import Confirmation, Handover
from anchoring.protocol.note import split_note
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from tests import people
from tests.anchoring.log_world import a_chain, anchor_all, guards_lifted, notes, register, sql

pytestmark = pytest.mark.django_db
NO_SECOND_WITNESS = {  # only their own column holds them, and nobody's proof rests on them
    "opening.id", "checkpoint.at", "trustversion.at", "registration.at", "anchor.at", "attempt.sender", "attempt.at",
    "sighting.id", "sighting.at", "confirmation.id", "confirmation.at", "receiptproof.id", "receiptproof.reason",
    "receiptproof.at", "cosignature.id", "cosignature.at", "handover.id", "handover.sender", "handover.at",
}  # fmt: skip
NOT_HERE = "retraction"  # the one table without a row here: what it says of a block that is gone nothing else can say
COLUMNS = [
    (model, field)
    for model in (apps.get_model("anchoring", name) for name in guards.INSERT_ONLY if name != NOT_HERE)
    for field in model._meta.concrete_fields
]


AUDITOR = audit.AuditorKey("auditor.example", b"A" * 32)


@pytest.fixture
def chain(alice, settings):
    """A row of everything, confirmed on this chain; more is sealed above it."""
    settings.AUDITOR_KEYS = [AUDITOR.verifier_key]
    chain = a_chain()
    people.submit_identity(alice)
    notes(4)
    sequencer.sequence()
    registration = register(chain)
    trust_file()
    anchor_all(chain)
    notes(1)
    sequencer.sequence()
    hand, place = bytes(registration.controller), {"contract": b"c" * 20, "log_id": b"l" * 32}
    call = registry.handover_call(sender=hand, size=1, root=b"r" * 32, new_controller=b"n" * 20, **place)
    signed = Wallet(config.chain_key()).sign(call, nonce=9, fees=Fees(2, 3), gas=90_000, chain_id=31337)
    Handover.objects.create(
        registration=registration, sender=hand, controller=b"n" * 20, nonce=9, tip=2, cap=3, raw=signed.raw,
        transaction=signed.hash, at=timezone.now(),
    )  # fmt: skip
    anchored = Confirmation.objects.get().anchor.checkpoint
    accept_cosignature(anchored.size, AUDITOR.cosign(split_note(anchored.note)[0], 1_800_000_000))
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
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    assert isinstance(value, int), value
    return value ^ 1


@pytest.mark.parametrize(
    ("model", "field"), COLUMNS, ids=[f"{model._meta.model_name}.{field.column}" for model, field in COLUMNS]
)
def test_a_flipped_bit_is_refused_or_named(model, field, chain) -> None:
    assert findings(chain) == []
    row = model.objects.order_by({Confirmation: "-anchor"}.get(model, "pk")).first()
    table, column, value = model._meta.db_table, field.column, getattr(row, field.attname)
    try:
        with transaction.atomic(), guards_lifted(table):
            changed = f'UPDATE {table} SET "{column}" = %s WHERE "{model._meta.pk.column}" = %s'
            assert sql(changed, row.pk if value is None else flipped(value), row.pk) == 1
            connection.check_constraints()
    except DatabaseError:
        return  # a constraint of the database noticed
    named = findings(chain)
    if f"{model._meta.model_name}.{column}" in NO_SECOND_WITNESS:
        assert named == []
    else:
        assert named != []
