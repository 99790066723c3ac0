"""The scan names exactly the row that someone changed behind the program's back, and nothing else."""

import threading

import pytest
from django.db import connection, connections

from anchoring import fsck, log, vault
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Entry,
    Leaf,
    Opening,
    Pending,
    ReceiptProof,
    Sighting,
    Tile,
    TrustVersion,
)
from anchoring.openings import open_disclosures, opening_context
from anchoring.protocol.disclosure import disclose
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims.models import Document, KycCase
from tests import people
from tests.anchoring.log_world import ALICE, a_chain, anchor_all, guards_lifted, note, notes, register, sql, tick

pytestmark = pytest.mark.django_db


def scan() -> list[str]:
    return [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]


def tally() -> fsck.Tally:
    made = fsck.Tally()
    assert [*fsck.fsck(tally=made, progress=lambda count: None)] == []
    return made


def change(table: str, assignment: str, value: object, where: str, key: object) -> None:
    """One row changed by raw SQL, with the table's guards lifted."""
    with guards_lifted(table):
        assert sql(f"UPDATE {table} SET {assignment} = %s WHERE {where} = %s", value, key) == 1


def remove(table: str, where: str, key: object) -> None:
    with guards_lifted(table):
        assert sql(f"DELETE FROM {table} WHERE {where} = %s", key) == 1


def in_sql(pk) -> object:
    """A uuid as the database stores it."""
    return pk if connection.vendor == "postgresql" else pk.hex


def flipped(value: bytes, position: int = 0) -> bytes:
    return value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :]


@pytest.fixture
def chain():
    return a_chain()


@pytest.fixture
def case(alice, carol, chain) -> KycCase:
    """Alice's identity, recorded among 260 other things, sealed under three checkpoints, anchored."""
    case = people.submit_identity(alice)
    sequencer.sequence()
    notes(260)
    sequencer.sequence()
    register(chain)
    people.kyc.verify_identity(by=carol, case=case)
    trust_file()
    anchor_all(chain)
    return case


def submitted(case) -> Entry:
    return Entry.objects.get(subject_id=str(case.pk), kind="kyc.submitted")


def verified(case) -> Entry:
    return Entry.objects.get(subject_id=str(case.pk), kind="kyc.verified")


def named(entry: Entry) -> str:
    return f"entry {entry.id} ({entry.kind}, {entry.at:%Y-%m-%d %H:%M:%S} UTC)"


# --- Nothing amiss ---------------------------------------------------------------------------------------------------


def test_an_empty_log_agrees_with_itself():
    assert tally() == fsck.Tally()


def test_a_log_that_nobody_touched_agrees_and_is_counted(case, chain):
    assert [*fsck.check_chain(chain=chain)] == []
    note("Not sealed yet.")
    counted = tally()
    size = Leaf.objects.count()
    assert (counted.entries, counted.waiting, counted.leaves, counted.unsigned) == (size + 1, 1, size, 0)
    assert (counted.rows, counted.tiles, counted.checkpoints) == (2, 3, 3)
    assert (counted.anchors, counted.trust_versions, counted.not_comparable) == (1, TrustVersion.objects.count(), 0)
    assert fsck.workload() == counted.entries + counted.leaves + counted.rows


def test_a_head_that_a_crash_left_unsigned_is_no_difference(case):
    note()
    sequencer._sequence_batch()
    assert tally().unsigned == 1


def test_a_file_in_a_draft_needs_no_entry(alice, carol):
    cover = people.insured(alice, officer=carol)
    draft = people.claim.start_draft(by=alice, policy=cover)
    people.claim.add_draft_file(by=alice, draft=draft, received=people.a_file())
    assert scan() == []


def test_what_only_a_destroyed_key_could_show_is_counted_and_no_difference(case):
    before = tally()
    hers = open_disclosures(Entry.objects.all(), owners=[case.owner])
    vault.destroy(case.owner)
    after = tally()
    assert (before.not_comparable, before.columns) == (0, after.columns)
    assert after.not_comparable == sum(map(len, hers.values())) > 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite in memory has one connection for all threads")
def test_what_happens_during_the_scan_disturbs_nothing(alice, carol) -> None:
    case = people.submit_identity(alice)
    happened = []

    def go_on() -> None:
        people.kyc.verify_identity(by=carol, case=case)
        notes(3)
        sequencer.sequence()
        connections.close_all()

    def progress(count: int) -> None:
        if not happened:
            happened.append(count)
            worker = threading.Thread(target=go_on)
            worker.start()
            worker.join()

    assert [*fsck.fsck(tally=fsck.Tally(), progress=progress)] == []
    assert (happened, Leaf.objects.count(), scan()) == ([1], 5, [])


# --- Business rows ---------------------------------------------------------------------------------------------------


def test_a_changed_column_is_named_with_the_entry_that_last_recorded_it(case):
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    change("claims_kyccase", "number", "KYC-2020-000001-X", "id", in_sql(case.pk))
    where = f"row claims_kyccase {case.pk}, column"
    assert scan() == [
        f"{where} number: is not what {named(submitted(case))} recorded, the last to do so",
        f"{where} status: is not what {named(verified(case))} recorded, the last to do so",
    ]


def test_a_changed_sealed_column_is_named(case):
    change("claims_kyccase", "sealed", b"other", "id", in_sql(case.pk))
    assert scan() == [
        f"row claims_kyccase {case.pk}, column sealed: is not what {named(submitted(case))} recorded, the last to do so"
    ]


def test_a_deleted_business_row_is_named_with_its_last_entry(case):
    document = Document.objects.get()
    remove("claims_document", "id", in_sql(document.pk))
    assert scan() == [f"row claims_document {document.pk}: is gone; {named(submitted(case))} was the last to record it"]


def test_a_business_row_made_by_hand_is_named(case):
    document = Document.objects.get()
    document.pk, document.kyc_case = people.files.uuid.uuid4(), None
    with guards_lifted("claims_document"):
        document.save(force_insert=True)
    assert scan() == [
        f"row claims_document {document.pk}: stands in no entry: it was not made by this program's actions"
    ]


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL refuses such a value")
def test_a_value_of_the_wrong_type_is_said_and_does_not_stop_the_scan(case):
    change("claims_document", "id", "nonsense", "id", in_sql(Document.objects.get().pk))
    assert scan() == [
        "table claims_document: was not read to its end: it holds a value that is not of its column's type (ValueError)"
    ]


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL refuses each: test_recorded_rows.py")
@pytest.mark.parametrize(
    "act",
    [
        lambda case: KycCase.objects.filter(pk=case.pk).update(status="rejected"),
        lambda case: KycCase.objects.bulk_update([KycCase(pk=case.pk, status="rejected")], ["status"]),
        lambda case: sql("UPDATE claims_kyccase SET status = 'rejected'"),
    ],
    ids=["QuerySet.update", "bulk_update", "raw SQL"],
)
def test_on_sqlite_the_scan_finds_what_postgresql_would_have_refused(case, act):
    act(case)
    assert scan() == [
        f"row claims_kyccase {case.pk}, column status: is not what {named(verified(case))} recorded, the last to do so"
    ]


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL refuses each: test_recorded_rows.py")
def test_on_sqlite_the_scan_finds_rows_inserted_in_bulk_and_rows_deleted(case):
    [paper] = Document.objects.all()
    Document.objects.all().delete()
    forged = Document(party=case.party, kind="identity", name="x", size=1, received_at=case.submitted_at)
    Document.objects.bulk_create([forged])
    assert sorted(scan()) == sorted([
        f"row claims_document {paper.pk}: is gone; {named(submitted(case))} was the last to record it",
        f"row claims_document {forged.pk}: stands in no entry: it was not made by this program's actions",
    ])  # fmt: skip


def test_a_guard_that_was_lifted_is_named(case):
    with guards_lifted("anchoring_leaf"):
        found = scan()
    assert [line.split(":")[0] for line in found] == ["guards"] * 2
    assert all("of table anchoring_leaf is missing or switched off" in line for line in found)
    assert scan() == []


# --- Entries and openings --------------------------------------------------------------------------------------------


def test_changed_bytes_of_an_entry_are_named(case):
    entry = submitted(case)
    change("anchoring_entry", "data", flipped(bytes(entry.data), 40), "seq", entry.seq)
    assert scan() == [f"entry {entry.id}, column data: is not what was sealed: leaf 0 is of other bytes"]


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("kind", "kyc.rejected", "kind"),
        ("at", "2020-01-01 00:00:00+00:00", "at"),
        ("subject_id", "00000000-0000-4000-8000-000000000000", "subject_type or subject_id"),
        ("subject_type", "CLAIM!", "subject_type or subject_id"),
    ],
)
def test_a_changed_column_of_an_entry_is_named(case, column, value, shown):
    entry = submitted(case)
    change("anchoring_entry", column, value, "seq", entry.seq)
    assert scan() == [f"entry {entry.id}, column {shown}: is not what the entry's bytes say"]


def test_a_changed_id_of_an_entry_is_named_and_its_openings_open_no_more(case):
    entry = Entry.objects.filter(kind="thing.noted").order_by("seq")[7]
    other = people.files.uuid.uuid4()
    change("anchoring_entry", "id", in_sql(other), "seq", entry.seq)
    assert scan() == [f"entry {other}, column id: is not what the entry's bytes say"] + [
        f"opening of entry {other} for {owner}: content sealed for {owner} does not open: it was changed or moved"
        for owner in ("house", ALICE)
    ]


def test_a_changed_opening_is_named(case):
    entry = Entry.objects.filter(kind="thing.noted").order_by("seq")[7]
    opening = Opening.objects.get(entry=entry, owner=ALICE)
    change("anchoring_opening", "sealed", flipped(bytes(opening.sealed), 20), "id", opening.pk)
    assert scan() == [
        f"opening of entry {entry.id} for {ALICE}: content sealed for {ALICE} does not open: it was changed or moved"
    ]


def test_an_opening_that_opens_and_says_something_else_is_named(case):
    """Whoever holds the vault's key can seal another text; the digest in the sealed entry gives it away."""
    entry = Entry.objects.filter(kind="thing.noted").order_by("seq")[7]
    lie = disclose("text", "The sun shone.")
    sealed = vault.seal(ALICE, lie.encode(), context=opening_context(entry.id, ALICE))
    change("anchoring_opening", "sealed", sealed, "id", Opening.objects.get(entry=entry, owner=ALICE).pk)
    assert scan() == [f"opening of entry {entry.id} for {ALICE}: discloses text, which is not what the entry holds"]


def test_a_removed_opening_is_named_by_what_it_disclosed(case):
    entry = Entry.objects.filter(kind="thing.noted").order_by("seq")[7]
    remove("anchoring_opening", "id", Opening.objects.get(entry=entry, owner=ALICE).pk)
    assert scan() == [f"entry {entry.id}: no opening discloses its text"]


def test_an_entry_that_lost_its_place_in_the_waiting_list_is_named(case):
    entry = note()
    Pending.objects.all().delete()
    assert scan() == [f"entry {entry.id}: has no place in the log and waits for none: it would never be sealed"]


def test_an_entry_that_waits_a_second_time_is_named(case):
    Pending.objects.create(entry=submitted(case))
    assert scan() == [f"entry {submitted(case).id}: waits for a place, but stands at index 0 already"]


# --- Leaves, tiles, head, checkpoints --------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 3, 255, 258])
def test_a_changed_leaf_is_named(case, index):
    leaf = Leaf.objects.get(index=index)
    change("anchoring_leaf", "hash", flipped(bytes(leaf.hash)), '"index"', index)
    assert scan() == [f"leaf {index}, column hash: is not that of entry {leaf.entry.id}"]


@pytest.mark.parametrize("index", [0, 100, 263])
def test_a_removed_leaf_is_named_and_so_is_its_entry(case, index):
    assert Leaf.objects.count() == 264
    entry = Leaf.objects.get(index=index).entry
    remove("anchoring_leaf", '"index"', index)
    assert scan() == [
        f"entry {entry.id}: has no place in the log and waits for none: it would never be sealed",
        f"leaf {index}: is missing",
    ]


def test_a_leaf_that_is_lost_from_the_tiles_too_ends_the_tree(case):
    entry = Leaf.objects.get(index=262).entry
    remove("anchoring_leaf", '"index"', 261)
    change("anchoring_tile", "hashes", b"", "n", 1)
    assert scan()[1:] == [
        "leaf 261: is missing, and no tile has its hash: the tree cannot be computed any further",
    ]
    assert entry.leaf.index == 262


@pytest.mark.parametrize(
    ("level", "number", "position", "named_below"),
    [(0, 0, 17, "leaf 17"), (0, 1, 3, "leaf 259"), (1, 0, 0, "tile 0/0")],
)
def test_a_changed_tile_is_named_with_the_hash_that_differs(case, level, number, position, named_below):
    tile = Tile.objects.get(level=level, n=number)
    change("anchoring_tile", "hashes", flipped(bytes(tile.hashes), position * 32), "id", tile.pk)
    assert scan() == [f"tile {level}/{number}: its hash {position} is not that of {named_below}"]


def test_a_removed_a_cut_and_an_extra_tile_are_named(case):
    remove("anchoring_tile", "level", 1)
    change("anchoring_tile", "hashes", bytes(Tile.objects.get(level=0, n=1).hashes)[:32], "n", 1)
    Tile.objects.create(level=2, n=0, hashes=b"x" * 32)
    assert scan() == [
        "tile 0/1: has 32 bytes where the log needs 256",
        "tile 1/0: is missing",
        "tile 2/0: lies beyond the log's end",
    ]


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("size", 262, "is 262; the log has 264 leaves"),
        ("size", 265, "is 265; the log has 264 leaves"),
        ("root", b"r" * 32, "is not the root of the log's leaves"),
    ],
)
def test_a_changed_head_is_named(case, column, value, what):
    change("anchoring_head", column, value, "id", 1)
    assert scan() == [f"head, column {column}: {what}"]


def test_a_removed_head_is_named(case):
    remove("anchoring_head", "id", 1)
    assert scan() == ["head: is missing; the log has 264 leaves"]


def test_a_changed_root_of_a_checkpoint_is_named(case):
    change("anchoring_checkpoint", "root", b"r" * 32, "size", 261)
    assert scan() == ["checkpoint 261, column root: is not the root that was signed"]


def test_a_changed_note_of_a_checkpoint_is_named(case):
    row = Checkpoint.objects.get(size=261)
    change("anchoring_checkpoint", "note", row.note.replace("261", "260"), "size", 261)
    assert scan() == [
        "checkpoint 261, column note: is not a checkpoint that this log signed: "
        "the signature of touchstone.example/log is wrong"
    ]


def test_a_checkpoint_moved_to_another_size_is_named(case):
    change("anchoring_checkpoint", "size", 200, "size", 261)
    assert scan() == ["checkpoint 200, column size: is not what was signed: 261"]


def test_a_checkpoint_beyond_the_end_is_named(case):
    row = Checkpoint.objects.get(size=261)
    Checkpoint.objects.create(size=999, root=row.root, note=row.note, at=row.at)
    assert scan() == ["checkpoint 999: covers more than the log's 264 leaves"]


def test_a_history_rewritten_with_all_that_the_database_holds_is_named_by_what_was_signed(case):
    """Bytes, leaf and tile changed together, consistently: only the signature is out of reach."""
    entry = Leaf.objects.get(index=262).entry
    forged = bytes(entry.data).replace(b"kyc.verified", b"kyc.rejected")
    forged_hash = log.leaf_hash(forged)
    tile = bytes(Tile.objects.get(level=0, n=1).hashes)
    change("anchoring_entry", "data", forged, "seq", entry.seq)
    change("anchoring_entry", "kind", "kyc.rejected", "seq", entry.seq)
    change("anchoring_leaf", "hash", forged_hash, '"index"', 262)
    change("anchoring_tile", "hashes", tile[: 6 * 32] + forged_hash + tile[7 * 32 :], "n", 1)
    assert scan() == [
        "checkpoint 264: what was signed is not the root of the log's leaves",
        "head, column root: is not the root of the log's leaves",
    ]


# --- Trust, anchors, chain -------------------------------------------------------------------------------------------


def test_a_changed_trust_version_is_named(case):
    version = TrustVersion.objects.get(version=1)
    change(
        "anchoring_trustversion",
        "content",
        bytes(version.content).replace(b'"version":1', b'"version":7'),
        "version",
        1,
    )
    assert scan() == ["trust version 1: version 1 does not follow the one before"]


def test_a_changed_registration_is_named(case):
    change("anchoring_registration", "contract", b"c" * 20, "chain_id", 31337)
    pk = Anchor.objects.get().registration_id
    assert scan() == [f"registration {pk}: is not what trust.json publishes"]


@pytest.mark.parametrize(
    ("table", "column", "value", "what"),
    [
        ("anchor", "old_root", b"r" * 32, "anchor {}, columns old_size and old_root: are not those of a checkpoint"),
        ("attempt", "raw", b"raw", "attempt {}, column transaction: is not the hash of the signed bytes"),
        ("attempt", '"transaction"', b"t" * 32, "attempt {}, column transaction: is not the hash of the signed bytes"),
    ],
)
def test_a_changed_anchor_is_named(case, table, column, value, what):
    pk = {"anchor": Anchor, "attempt": Attempt}[table].objects.get().pk
    change(f"anchoring_{table}", column, value, "id", pk)
    assert scan() == [what.format(pk)]


def test_a_head_on_chain_that_is_not_ours_is_named(case, chain):
    """As after the database was restored from an old backup: the chain knows more than we do."""
    remove("anchoring_receiptproof", "id", ReceiptProof.objects.get().pk)
    remove("anchoring_confirmation", "id", Confirmation.objects.get().pk)
    remove("anchoring_sighting", "id", Sighting.objects.get().pk)
    remove("anchoring_attempt", "id", Attempt.objects.get().pk)
    remove("anchoring_anchor", "id", Anchor.objects.get().pk)
    assert list(map(str, fsck.check_chain(chain=chain))) == [
        "chain: the registry's head is not that of size 0, which our rows say it is"
    ]


def test_an_anchor_of_ours_may_be_on_chain_before_it_is_confirmed(case, chain):
    note()
    sequencer.sequence()
    tick(chain)
    assert list(fsck.check_chain(chain=chain)) == []


def test_a_confirmation_of_a_block_that_the_chain_does_not_have_is_named(case, chain):
    pk = Confirmation.objects.get().pk
    change("anchoring_confirmation", "block_hash", b"b" * 32, "id", pk)
    assert list(map(str, fsck.check_chain(chain=chain))) == [
        f"confirmation {pk}, columns block_number and block_hash: name a block that is not in the chain"
    ]


def test_another_time_of_the_block_is_named(case, chain):
    pk = Confirmation.objects.get().pk
    change("anchoring_confirmation", "block_at", "2020-01-01 00:00:00+00:00", "id", pk)
    assert list(map(str, fsck.check_chain(chain=chain))) == [
        f"confirmation {pk}, column block_at: is not the block's time"
    ]


def test_another_contract_at_the_address_is_named(case, chain):
    contract = bytes(Anchor.objects.get().registration.contract)
    chain._state.registries.clear()
    assert list(map(str, fsck.check_chain(chain=chain))) == [
        f"chain: the code at 0x{contract.hex()} is not the registry"
    ]


def test_another_chain_has_nothing_to_say(case):
    with pytest.raises(fsck.NotChecked, match="the same number .*, but another chain: it was started anew"):
        list(fsck.check_chain(chain=a_chain()))


def test_without_a_registration_there_is_no_chain_to_ask(db):
    with pytest.raises(fsck.NotChecked, match="not registered on a chain yet"):
        list(fsck.check_chain(chain=a_chain()))
