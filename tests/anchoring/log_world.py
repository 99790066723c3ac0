"""A log without an insurer: notes of somebody, a chain to anchor on, and hands that may lift the guards."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from anchoring import anchors, config, log, registry, vault
from anchoring.chain import Wallet, address_of
from anchoring.endpoints import Endpoints
from anchoring.log import Subject
from anchoring.models import MapHead, Registration, State, Tick
from anchoring.protocol.state import Block
from anchoring.registration import register_log
from anchoring.routes import Route
from anchoring.seal import sequencer
from tests.anchoring.memory_chain import MemoryChain

ALICE = log.person(uuid.UUID("a11ce000-0000-4000-8000-000000000000"))
BOB = log.person(uuid.UUID("b0b00000-0000-4000-8000-000000000000"))


def a_subject() -> Subject:
    """Something new to write about."""
    return Subject("thing", str(uuid.uuid4()))


def note(text: str = "It rained.", *, subject: Subject | None = None, owner: str = ALICE, at=None, kind="thing.noted"):
    """One entry: what somebody noted, under a number that is nobody's."""
    facts = {owner: {"text": text}, vault.HOUSE: {"number": "N-1"}}
    with transaction.atomic():
        return log.record(kind=kind, subject=subject or a_subject(), at=at or timezone.now(), facts=facts)


def notes(count: int) -> None:
    """Many entries in one transaction."""
    with transaction.atomic():
        for number in range(count):
            note(f"Note {number}.")


def seal_with_state(block: Block | None = None) -> MapHead:
    """Seal what waits, or nothing, under one more state leaf; its map. ``block`` is the last final one."""
    if block is not None:
        final = {"chain_id": block.chain_id, "block_number": block.number, "block_hash": "0x" + block.hash.hex()}
        Tick.objects.update_or_create(step="anchor", defaults={"ran_at": timezone.now(), "seen": {"final": final}})
    before = State.objects.count()
    sequencer.sequence()
    if State.objects.count() == before:  # it was not due
        sequencer._close_if(lambda head, now: True)
        sequencer.sign_head()
    mapped = MapHead.objects.order_by("-size").first()
    assert mapped is not None
    return mapped


def a_chain(*, contracts: dict[bytes, bytes] | None = None) -> MemoryChain:
    """A chain in memory on which our key has funds."""
    return MemoryChain(funded=(address_of(config.chain_key()),), contracts=contracts)


def a_chain_with_the_factory() -> MemoryChain:
    """The same, with the contract by which others are made at an address that is known before."""
    return a_chain(contracts={registry.FACTORY: registry.FACTORY_CODE_HASH})


def a_route(chain, *, key: bytes | None = None, second=None, **rules) -> Route:
    """That chain as the log is anchored on it: our key, and for this look endpoints of which nobody knows any ill."""
    chains = [*chain.each()] if isinstance(chain, Endpoints) else [chain]
    endpoints = Endpoints(chains if second is None else [*chains, second])
    return Route((31337,), endpoints, Wallet(key or config.chain_key()), **rules)


def tick(chain, **rules) -> str:
    """One tick on that chain: its outcome's word."""
    return anchors.tick(a_route(chain, **rules)).word


def anchor_all(chain) -> None:
    """Seal what waits, and anchor all that is due until it is final."""
    sequencer.sequence()
    while tick(chain) not in ("idle", "confirmed"):
        pass


def register(chain) -> Registration:
    """The log, registered there."""
    return register_log(chain=chain, key=config.chain_key())


@contextmanager
def guards_lifted(*tables: str) -> Iterator[None]:
    """The tables without their triggers, as an intruder with the database's password could have them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            for table in tables:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = [(name, sql) for name, sql in cursor.fetchall() if any(f" ON {t} " in sql for t in tables)]
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def sql(statement: str, *values: object) -> int:
    """Run a statement; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
