"""The log key changes with an overlap; whatever is done in the wrong order is refused in words and seals nothing."""

import json
import threading
from base64 import b64encode

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import override_settings
from django.utils import timezone

from anchoring import config, fsck, log, restore, rotation, schedule, trust, verify, witness
from anchoring.keys import SigningKey, verify_ed25519
from anchoring.models import Checkpoint, Entry, Head, Registration, TrustVersion
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import format_checkpoint
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.note import open_note, sign_note, split_note
from anchoring.protocol.trust import LogKey, fingerprint, parse_trust
from anchoring.seal import sequencer
from anchoring.trust import KeyNotAtHand
from tests import people
from tests.anchoring.log_world import a_chain, a_subject, guards_lifted, note, register, sql

pytestmark = pytest.mark.django_db

OLD, NEW, THIRD = "22" * 32, "55" * 32, "66" * 32
ONLY_OLD = {"LOG_KEY": OLD, "NEXT_LOG_KEY": ""}
BOTH = {"LOG_KEY": OLD, "NEXT_LOG_KEY": NEW}
ONLY_NEW = {"LOG_KEY": NEW, "NEXT_LOG_KEY": ""}


def key(seed: str) -> SigningKey:
    return SigningKey(name=config.origin(), seed=bytes.fromhex(seed))


def short(seed: str) -> str:
    """As messages name it."""
    return f"{config.origin()}+{key(seed).verifier.key_id.hex()}"


def seal(**settings: str) -> int:
    """One more record, sealed by a process with these settings; the size of the log."""
    note()
    with override_settings(**settings):
        sequencer.sequence()
    return Head.objects.get().size


def refused_to_seal(**settings: str) -> str:
    """What a process with these settings says instead of sealing; it signs nothing."""
    before = list(Checkpoint.objects.order_by("size").values_list("size", "note"))
    note()
    with override_settings(**settings), pytest.raises(schedule.Halted) as halted:
        sequencer.sequence()
    assert list(Checkpoint.objects.order_by("size").values_list("size", "note")) == before
    return str(halted.value)


def refusal(change, **settings: str) -> str:
    """Why the change is not made; nothing is published or recorded."""
    before = (TrustVersion.objects.count(), Entry.objects.count())
    with override_settings(**settings), pytest.raises((rotation.NotNow, KeyNotAtHand)) as refused:
        change()
    assert (TrustVersion.objects.count(), Entry.objects.count()) == before
    return str(refused.value)


def signed_by(size: int) -> list[str]:
    """The seeds of those who signed the checkpoint, each signature looked at."""
    stored = Checkpoint.objects.get(size=size).note
    opened = open_note(stored, [key(seed).verifier for seed in (OLD, NEW, THIRD)], verify_ed25519)
    assert len(opened.signatures) == len(split_note(stored)[1])
    ids = {key(seed).verifier.key_id: seed for seed in (OLD, NEW, THIRD)}
    return [ids[line.key_id] for line in opened.signatures]


def ranges() -> list[tuple[str, int, int | None]]:
    """The log keys as trust.json has them."""
    seeds = {key(seed).verifier: seed for seed in (OLD, NEW, THIRD)}
    return [(seeds[k.verifier], k.start, k.end) for k in trust.current().log_keys]


def told() -> list[dict[str, str | int]]:
    """What the log's own entries say of its keys."""
    return [parse_entry(bytes(e.data)).data for e in Entry.objects.filter(kind="log.key").order_by("seq")]


def line_2(proof: bytes, file: bytes, known: str | None = None) -> str:
    """How the standalone verifier finds the seal, for a holder who knows that fingerprint."""
    return verify.verify(proof, file, fingerprint=known).lines[1].status


def differences() -> list[str]:
    return [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]


@pytest.fixture
def begun() -> int:
    """Two records sealed by the old key, then the change begun: the size from which both sign."""
    seal()
    seal()
    with override_settings(**BOTH):
        rotation.rotate()
    return 3


# --- One key ----------------------------------------------------------------------------------------------------------


def test_with_another_log_key_records_wait_unsealed_and_the_right_key_goes_on(alice) -> None:
    people.submit_identity(alice)
    sequencer.sequence()
    people.quote_for(alice)
    with override_settings(LOG_KEY="55" * 32), pytest.raises(schedule.Halted, match="Put the right key back"):
        sequencer.sequence()
    assert (Head.objects.get().size, Checkpoint.objects.count()) == (2, 1)
    sequencer.sequence()
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [1, 2]


def test_a_key_at_hand_that_trust_json_does_not_name_signs_nothing() -> None:
    seal()
    seal(**BOTH)
    assert signed_by(2) == [OLD]


# --- From one to the other --------------------------------------------------------------------------------------------


def test_a_change_goes_from_one_key_over_both_to_the_other(begun) -> None:
    assert ranges() == [(OLD, 0, None), (NEW, 3, None)]
    assert seal(**BOTH) == 4  # the log's own entry about it as well
    assert seal(**BOTH) == 5
    with override_settings(**BOTH):
        rotation.finish()
        assert ranges() == [(NEW, 3, None), (OLD, 0, 6)]
    assert seal(**BOTH) == 7  # nobody is in a hurry to move the key
    assert seal(**ONLY_NEW) == 8
    assert {row.size: signed_by(row.size) for row in Checkpoint.objects.all()} == {
        1: [OLD], 2: [OLD], 4: [OLD, NEW], 5: [OLD, NEW], 7: [NEW], 8: [NEW],
    }  # fmt: skip


def test_the_log_itself_tells_of_each_change_and_names_the_version(begun) -> None:
    first = fingerprint(trust.current())
    seal(**BOTH)
    with override_settings(**BOTH):
        second = fingerprint(rotation.finish())
    old, new = str(key(OLD).verifier), str(key(NEW).verifier)
    assert told() == [
        {"change": "began", "from": 3, "joined": new, "trust_version": 2, "trust_fingerprint": first},
        {"change": "finished", "from": 5, "ended": old, "trust_version": 3, "trust_fingerprint": second},
    ]


def test_each_version_is_signed_by_the_key_that_the_one_before_puts_first(begun) -> None:
    seal(**BOTH)
    with override_settings(**BOTH):
        rotation.finish()
    with override_settings(**ONLY_NEW):
        register(a_chain())
        file = trust.trust_file()
    assert [v.statement.version for v in parse_trust(file, verify_ed25519).versions] == [1, 2, 3, 4]
    statements = [json.dumps(v["statement"], separators=(",", ":"), sort_keys=True) for v in _versions(file)]
    by = [OLD, OLD, OLD, NEW]
    for seed, statement, version in zip(by, statements, _versions(file), strict=True):
        assert version["signature"] == _base64(key(seed).sign(b"trust/v1\n" + statement.encode()))


def test_old_and_new_proofs_hold_under_the_new_file_and_those_of_the_overlap_under_both(begun) -> None:
    before, known = _file_of(1), _fingerprint_of(1)
    subjects = {"old": Entry.objects.filter(kind="thing.noted").order_by("seq").first().subject_id}
    overlapped, late = a_subject(), a_subject()
    proofs = {"old": log.proof(log.Subject("thing", subjects["old"]), owners=None)}
    note(subject=overlapped)
    seal(**BOTH)
    proofs["overlap"] = log.proof(overlapped, owners=None)
    with override_settings(**BOTH):
        rotation.finish()
    note(subject=late)
    seal(**ONLY_NEW)
    proofs["new"] = log.proof(late, owners=None)
    after = trust.trust_file()
    assert {name: line_2(proof, after, known) for name, proof in proofs.items()} == {
        "old": "passed", "overlap": "passed", "new": "passed",
    }  # fmt: skip
    assert {name: line_2(proof, before, known) for name, proof in proofs.items()} == {
        "old": "passed", "overlap": "passed", "new": "failed",
    }  # fmt: skip


def test_a_holder_of_any_earlier_version_finds_it_in_the_newest_file_and_nobody_elses(begun) -> None:
    subject = a_subject()
    note(subject=subject)
    seal(**BOTH)
    with override_settings(**BOTH):
        rotation.finish()
    file, proof = trust.trust_file(), log.proof(subject, owners=None)
    for version in (1, 2, 3):
        assert verify.verify(proof, file, fingerprint=_fingerprint_of(version)).trust_version == 3
    with pytest.raises(verify.VerificationError, match="none of its versions has the fingerprint that you gave"):
        verify.verify(proof, file, fingerprint="ab" * 32)


def test_a_second_change_follows_a_first_one(begun) -> None:
    seal(**BOTH)
    with override_settings(**BOTH):
        rotation.finish()
    seal(**ONLY_NEW)
    with override_settings(LOG_KEY=NEW, NEXT_LOG_KEY=THIRD):
        rotation.rotate()
        sequencer.sequence()
        size = Head.objects.get().size
        assert signed_by(size) == [NEW, THIRD]
        rotation.finish()
    assert ranges() == [(THIRD, 7, None), (NEW, 3, size + 1), (OLD, 0, 5)]
    assert seal(LOG_KEY=THIRD, NEXT_LOG_KEY="") == size + 2
    assert differences() == []


def test_a_crash_before_the_commit_leaves_no_version_and_no_entry(begun) -> None:
    seal(**BOTH)
    before = (ranges(), told())
    table = "anchoring_entry"
    _let_inserts_fail(table)
    with override_settings(**BOTH), pytest.raises(Exception, match="disk full"):
        rotation.finish()
    sql(f"DROP TRIGGER full_disk{f' ON {table}' if connection.vendor == 'postgresql' else ''}")
    assert (ranges(), told()) == before


# --- Wrong orders -----------------------------------------------------------------------------------------------------


def test_a_new_key_put_in_place_too_early_seals_nothing() -> None:
    seal()
    assert refused_to_seal(**ONLY_NEW) == (
        "LOG_KEY is not the key that trust.json names, so nobody would believe its seals. Put the right key back:"
        f" {short(OLD)}."
    )
    assert refusal(rotation.rotate, LOG_KEY=NEW, NEXT_LOG_KEY=THIRD) == (
        f"The next version of trust.json needs the signature of {short(OLD)}, which is neither in LOG_KEY nor in"
        " NEXT_LOG_KEY. Put it back."
    )


def test_a_new_key_put_in_place_before_the_change_is_finished_seals_nothing(begun) -> None:
    said = (
        f"The change of the log key is not finished: every seal needs the old key as well, {short(OLD)}. Put that into"
        " LOG_KEY and the new one into NEXT_LOG_KEY, then run: manage.py log_key finish"
    )
    assert refused_to_seal(**ONLY_NEW) == said
    seal(**BOTH)
    assert refused_to_seal(**ONLY_NEW) == said
    assert refusal(rotation.finish, **ONLY_NEW) == (
        f"The next version of trust.json needs the signature of {short(OLD)}, which is neither in LOG_KEY nor in"
        " NEXT_LOG_KEY. Put it back."
    )


def test_a_new_key_put_in_place_too_late_seals_nothing_until_it_is(begun) -> None:
    seal(**BOTH)
    with override_settings(**BOTH):
        rotation.finish()
    assert refused_to_seal(**ONLY_OLD) == (
        f"The key in LOG_KEY is not good any more: trust.json names {short(NEW)} now. Put that one into LOG_KEY."
    )
    assert signed_by(seal(**ONLY_NEW)) == [NEW]


def test_a_process_without_the_new_key_seals_nothing_in_the_overlap_and_one_with_both_goes_on(begun) -> None:
    assert refused_to_seal(**ONLY_OLD) == (
        f"A change of the log key is under way: every seal needs the new key as well, {short(NEW)}. Put it into"
        " NEXT_LOG_KEY of every process. If it is lost, run: manage.py log_key abandon"
    )
    assert refused_to_seal(LOG_KEY=OLD, NEXT_LOG_KEY=THIRD).startswith("A change of the log key is under way")
    assert signed_by(seal(**BOTH)) == [OLD, NEW]


def test_keys_that_changed_places_sign_as_trust_json_says(begun) -> None:
    assert signed_by(seal(LOG_KEY=NEW, NEXT_LOG_KEY=OLD)) == [OLD, NEW]


def test_a_new_key_lost_in_the_overlap_is_abandoned_and_what_it_signed_stays_good(begun) -> None:
    subject = a_subject()
    note(subject=subject)
    size = seal(**BOTH)
    proof = log.proof(subject, owners=None)
    refusal(rotation.finish, **ONLY_OLD)
    with override_settings(**ONLY_OLD):
        rotation.abandon()
    assert ranges() == [(OLD, 0, None), (NEW, 3, size + 1)]
    assert told()[-1]["ended"] == str(key(NEW).verifier)
    assert signed_by(seal(**ONLY_OLD)) == [OLD]
    assert line_2(proof, trust.trust_file()) == "passed"
    assert refusal(rotation.rotate, **BOTH).startswith("NEXT_LOG_KEY holds a key that trust.json names already")
    with override_settings(LOG_KEY=OLD, NEXT_LOG_KEY=THIRD):
        rotation.rotate()
    assert differences() == []


def test_a_new_key_that_signed_nothing_is_taken_out_again(begun) -> None:
    with override_settings(**ONLY_OLD):
        rotation.abandon()
    assert ranges() == [(OLD, 0, None)]
    assert told()[-1] == {
        "change": "abandoned", "from": 3, "ended": str(key(NEW).verifier), "trust_version": 3,
        "trust_fingerprint": trust.current_fingerprint(),
    }  # fmt: skip


def test_a_change_is_not_finished_without_the_key_that_follows(begun) -> None:
    seal(**BOTH)
    assert refusal(rotation.finish, **ONLY_OLD) == (
        f"The new key, {short(NEW)}, is not at hand, and afterwards it alone could sign. Put it into NEXT_LOG_KEY; if"
        " it is lost, run: manage.py log_key abandon"
    )


def test_a_change_is_not_finished_before_anything_carries_both_signatures(begun) -> None:
    assert refusal(rotation.finish, **BOTH) == (
        "Nothing carries both signatures yet. Run manage.py sequence, then this again."
    )


@pytest.mark.parametrize("change", [rotation.finish, rotation.abandon])
def test_what_was_not_begun_is_neither_finished_nor_abandoned(change) -> None:
    seal()
    assert refusal(change, **BOTH) == (
        "No change of the log key is under way. One begins with: manage.py log_key rotate"
    )


@pytest.mark.parametrize("change", [rotation.rotate, rotation.revoke])
def test_no_change_begins_without_a_new_key_with_one_of_old_or_within_another_change(change) -> None:
    seal()
    assert refusal(change, **ONLY_OLD) == rotation.MAKE_ONE
    assert refusal(change, LOG_KEY=OLD, NEXT_LOG_KEY=OLD) == (
        f"NEXT_LOG_KEY holds a key that trust.json names already: each serves once. {rotation.MAKE_ONE}"
    )
    with override_settings(**BOTH):
        rotation.rotate()
    assert refusal(change, LOG_KEY=OLD, NEXT_LOG_KEY=THIRD) == (
        "A change of the log key is under way. If all is well, or the old key was stolen: manage.py log_key finish."
        " If the new key is lost or was stolen: manage.py log_key abandon"
    )


@pytest.mark.parametrize("change", [rotation.rotate, rotation.revoke])
def test_a_key_that_has_signed_nothing_yet_is_not_changed_again(change) -> None:
    seal()
    with override_settings(**BOTH):
        rotation.revoke()
    assert refusal(change, LOG_KEY=NEW, NEXT_LOG_KEY=THIRD) == (
        "The present log key has signed nothing yet. Run manage.py sequence, then this again."
    )


def test_a_restored_database_changes_no_key(begun) -> None:
    """Its newest seal is not the newest: ranges made from it would disown what was signed."""
    seal(**BOTH)
    witness.remember(Checkpoint(size=9, root=bytes(32), note=_signed(9), at=None))
    reason = restore.gate()
    assert reason.startswith("This database holds 4 sealed records, but our witness file shows that 9 were sealed")
    for change in (rotation.finish, rotation.abandon, rotation.rotate, rotation.revoke):
        assert refusal(change, **BOTH) == reason


def test_without_the_key_that_signs_trust_json_it_stays_as_it_is_and_nothing_is_sent_to_the_chain(begun) -> None:
    published, chain = trust.trust_file(), a_chain()
    with override_settings(LOG_KEY=THIRD, NEXT_LOG_KEY="", RECEIPT_KEY="77" * 32):
        assert trust.trust_file() == published
        with pytest.raises(KeyNotAtHand, match="needs the signature of"):
            register(chain)
    assert (Registration.objects.count(), chain.sent) == (0, [])


def waits_for_the_head(act, meanwhile) -> None:
    """``act`` in a process of its own waits while another one, which holds the head, does ``meanwhile``."""
    failed: list[Exception] = []

    def elsewhere() -> None:
        try:
            act()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    other = threading.Thread(target=elsewhere)
    with transaction.atomic():
        Head.objects.select_for_update().get(pk=1)
        other.start()
        other.join(timeout=1.0)
        assert other.is_alive(), f"it did not wait: {failed}"
        meanwhile()
    other.join(timeout=30.0)
    assert (other.is_alive(), failed) == (False, [])


RACE = pytest.mark.skipif(
    "sqlite" in connection.vendor, reason="SQLite has one writer at a time: only PostgreSQL lets these two meet"
)


@RACE
@pytest.mark.django_db(transaction=True)
def test_a_seal_waits_for_a_change_of_keys_and_is_signed_as_that_says() -> None:
    seal()
    note()
    sequencer._sequence_batch()
    ranges_after = [LogKey(key(NEW).verifier, start=2), LogKey(key(OLD).verifier, end=2)]
    with override_settings(**BOTH):
        waits_for_the_head(sequencer.sign_head, lambda: trust.publish_log_keys(lambda statement: ranges_after))
    assert (signed_by(2), differences()) == ([NEW], [])


@RACE
@pytest.mark.django_db(transaction=True)
def test_a_change_of_keys_waits_for_a_seal_and_keeps_it_within_the_old_keys_range() -> None:
    seal()
    note()
    sequencer._sequence_batch()
    head = Head.objects.get()

    def sign() -> None:
        signed = _signed(2, OLD, root=bytes(head.root))
        Checkpoint.objects.create(size=2, root=head.root, note=signed, at=timezone.now())

    with override_settings(**BOTH):
        waits_for_the_head(rotation.revoke, sign)
    assert (ranges(), differences()) == ([(NEW, 3, None), (OLD, 0, 3)], [])


# --- Those who look after it ------------------------------------------------------------------------------------------


def test_the_scan_and_the_gate_take_one_signature_and_both_and_no_seal_outside_its_keys_range(begun) -> None:
    seal(**BOTH)
    both = Checkpoint.objects.get(size=4)
    assert (differences(), restore.gate()) == ([], "")
    _replace_note(both, _signed(4, OLD, root=bytes(both.root)))
    assert (differences(), restore.gate()) == ([], "")
    with override_settings(**BOTH):
        rotation.finish()
    assert (differences(), restore.gate()) == ([], "")
    size = seal(**ONLY_NEW)
    late = Checkpoint.objects.get(size=size)
    _replace_note(late, _signed(size, OLD, root=bytes(late.root)))
    assert differences() == [
        f"checkpoint {size}, column note: is not a checkpoint that this log signed: no signature by a known key"
    ]


@pytest.mark.parametrize("seeds", [(OLD,), (NEW,), (OLD, NEW)])
def test_a_checkpoint_from_elsewhere_counts_with_one_signature_of_the_overlap(
    begun, seeds, tmp_path, settings, local_chain, capsys
) -> None:
    settings.CHAIN_RPC_URL = local_chain.url
    size = seal(**BOTH)
    file = tmp_path / "checkpoint"
    file.write_text(_signed(size, *seeds, root=bytes(Checkpoint.objects.get(size=size).root)))
    call_command("restore_check", "--checkpoint", str(file))
    assert capsys.readouterr().out.endswith("The log may go on.\n")


# --- Receipt keys -----------------------------------------------------------------------------------------------------


def test_receipts_of_the_old_receipt_key_stay_good_and_those_of_the_new_one_are_good_from_the_next_version_on() -> None:
    entry = note()
    before, old = trust.trust_file(), log.receipt(entry)
    with override_settings(RECEIPT_KEY="77" * 32):
        new = log.receipt(entry)
        after = trust.trust_file()
    known = _fingerprint_of(1)
    assert old != new
    assert {
        name: verify.verify(receipt.encode(), file, fingerprint=known).exit_code
        for name, receipt, file in (
            ("old, then", old, before), ("old, now", old, after), ("new, then", new, before), ("new, now", new, after),
        )
    } == {"old, then": 0, "old, now": 0, "new, then": 1, "new, now": 0}  # fmt: skip


def test_a_receipt_key_may_change_while_the_log_key_does(begun) -> None:
    with override_settings(**BOTH, RECEIPT_KEY="77" * 32):
        seal(**BOTH)
        rotation.finish()
        assert len(trust.current().receipt_keys) == 2
    assert [version.statement.version for version in parse_trust(trust.trust_file(), verify_ed25519).versions] == [
        1, 2, 3, 4,
    ]  # fmt: skip


# --- Made for these tests ---------------------------------------------------------------------------------------------


def _versions(file: bytes) -> list[dict]:
    return json.loads(file)["versions"]


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _file_of(version: int) -> bytes:
    """trust.json as it was published when that version was the newest."""
    return trust._file(list(TrustVersion.objects.filter(version__lte=version).order_by("version")))


def _fingerprint_of(version: int) -> str:
    return fingerprint(parse_trust(_file_of(version), verify_ed25519).newest)


def _signed(size: int, *seeds: str, root: bytes = bytes(32)) -> str:
    text = format_checkpoint(CheckpointText(config.origin(), size, root))
    return sign_note(text, [key(seed) for seed in seeds or (OLD,)])


def _replace_note(row: Checkpoint, stored: str) -> None:
    with guards_lifted("anchoring_checkpoint"):
        sql("UPDATE anchoring_checkpoint SET note = %s WHERE size = %s", stored, row.size)


def _let_inserts_fail(table: str) -> None:
    if connection.vendor == "postgresql":
        sql("CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$")  # fmt: skip
        sql(f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()")
    else:
        sql(f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
