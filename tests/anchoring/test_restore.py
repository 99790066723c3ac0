"""A database from an old backup, with rows missing or with another history signs nothing: the gate says why."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anchoring import config, log, recovery, restore, schedule, tasks, witness
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Entry,
    Head,
    Leaf,
    ReceiptProof,
    Registration,
    Sighting,
    Tick,
)
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import format_checkpoint
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.note import sign_note
from anchoring.seal import sequencer
from anchoring.status import log_status
from tests.anchoring.log_world import a_chain, anchor_all, guards_lifted, note, notes, register, sql

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
STOPPED = "Sealing has stopped, so that no second history is signed; records are still taken, and wait."


def newest() -> Checkpoint:
    row = Checkpoint.objects.order_by("-size").first()
    assert row is not None
    return row


def seal(count: int = 1) -> Checkpoint:
    """Some notes sealed, and remembered as the pipeline does after its commit."""
    notes(count)
    sequencer.sequence()
    witness.remember(newest())
    return newest()


def as_an_old_backup_has_it(size: int) -> None:
    """Everything beyond the first ``size`` leaves is gone, as if it had never been."""
    of_anchors = [f"anchoring_{name}" for name in ("receiptproof", "sighting", "confirmation", "attempt", "anchor")]
    tables = [*of_anchors, "anchoring_checkpoint", "anchoring_state", "anchoring_leaf", "anchoring_opening"]
    tables += ["anchoring_entry", "anchoring_tile"]
    kept = Checkpoint.objects.get(size=size)
    with guards_lifted(*tables):
        for table in of_anchors:
            sql(f"DELETE FROM {table}")
        sql("DELETE FROM anchoring_checkpoint WHERE size > %s", size)
        sql("DELETE FROM anchoring_state WHERE size > %s", size)
        seqs = list(Leaf.objects.filter(index__lt=size).values_list("entry", flat=True))
        sql('DELETE FROM anchoring_leaf WHERE "index" >= %s', size)
        marks = ",".join(["%s"] * len(seqs))
        sql("DELETE FROM anchoring_pending")
        sql(f"DELETE FROM anchoring_opening WHERE entry_id NOT IN ({marks})", *seqs)
        sql(f"DELETE FROM anchoring_entry WHERE seq NOT IN ({marks})", *seqs)
        hashes = b"".join(bytes(leaf.hash) for leaf in Leaf.objects.order_by("index"))
        sql("UPDATE anchoring_tile SET hashes = %s WHERE level = 0", hashes)
    Head.objects.update(size=size, root=kept.root)


def words(reason: str) -> str:
    """Without the time, which is now."""
    return re.sub(r"\d+ \w+ \d{4} \d\d:\d\d:\d\d UTC", "THEN", reason)


# --- The gate --------------------------------------------------------------------------------------------------------


def test_an_empty_log_and_one_that_is_as_remembered_may_go_on() -> None:
    assert restore.gate() == ""
    seal(3)
    assert restore.gate() == ""
    notes(2)
    sequencer.sequence()
    assert (restore.gate(), newest().size, witness.newest().size) == ("", 5, 5)


def test_the_gate_asks_the_database_once_however_long_the_log_is() -> None:
    for count in (1, 5):
        seal(count)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert restore.gate() == ""
        assert len(queries) == 1


def test_an_old_backup_stops_sealing_and_nothing_else() -> None:
    seal(3)
    seal(2)
    as_an_old_backup_has_it(3)
    assert words(restore.gate()) == (
        "This database holds 3 sealed records, but our witness file shows that 5 were sealed by THEN: it was restored"
        f" from an older backup, or rows are missing. {STOPPED} Restore the newest backup; if there is none, run:"
        " manage.py restore_check --record-loss"
    )
    entry = note("Taken meanwhile.")
    assert Entry.objects.filter(pk=entry.pk, pending__isnull=False).exists()
    status = log_status()
    assert (status.stopped, status.waiting) == (restore.gate(), 1)


def test_an_empty_database_in_the_place_of_a_log_is_an_old_backup_too(settings) -> None:
    row = Checkpoint(size=7, root=b"r" * 32, note=a_note(7, b"r" * 32))
    witness.remember(row)
    assert words(restore.gate()).startswith(
        "This database holds 0 sealed records, but our witness file shows that 7 were"
    )


def test_one_size_with_another_root_freezes() -> None:
    seal(3)
    Head.objects.update(root=b"r" * 32)
    expected = (
        "The first 3 sealed records of this database are not those that our witness file shows, sealed by THEN: same"
        f" size, another root. Somebody changed sealed records, or signed another history. {STOPPED} Keep everything as"
        " it is, and run: manage.py fsck"
    )
    assert words(restore.gate()) == expected
    Head.objects.update(root=newest().root)
    with guards_lifted("anchoring_checkpoint"):
        sql("UPDATE anchoring_checkpoint SET root = %s", b"r" * 32)
    assert words(restore.gate()) == expected


def test_an_old_backup_that_went_on_to_the_same_size_is_another_history_before_it_is_signed() -> None:
    seal(3)
    seal(2)
    as_an_old_backup_has_it(3)
    notes(2)
    sequencer._sequence_batch()
    assert Head.objects.get().size == 5
    assert "same size, another root" in restore.gate()


def test_a_seal_that_is_missing_from_a_longer_log_is_named() -> None:
    seal(3)
    seal(2)
    with guards_lifted("anchoring_checkpoint"):
        sql("DELETE FROM anchoring_checkpoint WHERE size = 3")
        witness.path().write_bytes(witness.path().read_bytes().split(b"\n")[0] + b"\n")
    assert words(restore.gate()) == (
        "The seal over 3 records that our witness file shows, made by THEN, is missing from this database, which holds"
        f" 5: rows are missing, or it was restored from an older backup and went on. {STOPPED} Restore the newest"
        " backup; if there is none, run: manage.py restore_check --record-loss"
    )


def test_a_seal_that_a_crash_took_is_made_again_when_the_tree_is_the_one_that_was_signed() -> None:
    """The witness may have been written while the last commit was not durable yet."""
    row = seal(3)
    with guards_lifted("anchoring_checkpoint"):
        sql("DELETE FROM anchoring_checkpoint")
    assert restore.gate() == ""
    sequencer.sequence()
    assert newest().note == row.note


def test_missing_rows_are_noticed_without_a_witness_too() -> None:
    seal(3)
    witness.path().unlink()
    Head.objects.update(size=2)
    assert words(restore.gate()).startswith(
        "This database holds 2 sealed records, but its own newest seal shows that 3 were"
    )


def test_exported_tiles_that_are_ahead_of_the_database_stop_sealing(settings, tmp_path) -> None:
    settings.PUBLIC_TILES_DIR = str(tmp_path)
    seal(3)
    assert restore.gate() == ""
    (tmp_path / "checkpoint").write_text(newest().note)
    assert restore.gate() == ""
    (tmp_path / "checkpoint").write_text(a_note(9, b"r" * 32))
    assert words(restore.gate()).startswith(
        "This database holds 3 sealed records, but the checkpoint beside the exported tiles shows that 9 were sealed"
    )
    (tmp_path / "checkpoint").write_text(a_note(3, b"r" * 32))
    assert "same size, another root" in restore.gate()


def test_a_witness_that_cannot_be_read_stops_sealing() -> None:
    witness.path().mkdir(parents=True)
    assert restore.gate() == (
        f"The witness file cannot be read (Is a directory). {STOPPED} Let the worker read WITNESS_DIR."
    )


def a_note(size: int, root: bytes) -> str:
    return sign_note(format_checkpoint(CheckpointText(config.origin(), size, root)), [config.log_key()])


# --- The chain -------------------------------------------------------------------------------------------------------


@pytest.fixture
def chain():
    return a_chain()


def anchor(chain) -> None:
    anchor_all(chain)


def test_a_chain_ahead_of_the_database_stops_sealing_even_without_a_witness(chain) -> None:
    """The whole machine was set back, witness and all: only the chain remembers."""
    seal(3)
    register(chain)
    old = seal()
    seal(2)
    anchor(chain)
    assert recovery.look(chain=chain) == recovery.Verdict("", "it holds what our rows say")
    as_an_old_backup_has_it(old.size)
    witness.path().unlink()
    assert restore.gate() == restore.UNWITNESSED
    assert recovery.look(chain=chain).reason == restore.CHAIN_AHEAD == restore.gate() == log_status().stopped
    assert (
        "The chain holds a seal of this log that this database does not know: the database was restored from an older"
        f" backup, or somebody else anchors with our key. {STOPPED} Restore the newest backup, or stop the other one;"
        " then run: manage.py restore_check"
    ) == restore.CHAIN_AHEAD
    assert log_status().troubles == []


def test_rows_of_anchors_that_are_missing_alone_do_not_stop_sealing(chain) -> None:
    """The chain's head is a checkpoint that this database holds: the history is one."""
    seal(3)
    register(chain)
    seal()
    anchor(chain)
    rows = [model._meta.db_table for model in (ReceiptProof, Sighting, Confirmation, Attempt, Anchor)]
    with guards_lifted(*rows):
        for table in rows:
            sql(f"DELETE FROM {table}")
    verdict = recovery.look(chain=chain)
    assert verdict.reason == ""
    assert verdict.chain == "chain: the registry's head is not that of size 0, which our rows say it is."


def test_a_silent_chain_changes_nothing_and_one_that_agrees_again_opens_the_gate(chain) -> None:
    seal(3)
    register(chain)
    Tick.objects.create(step=restore.STEP, ran_at=Entry.objects.latest("seq").at, problem=restore.CHAIN_AHEAD)
    verdict = recovery.look(chain=config.chain())
    assert verdict.chain == "not asked: http://127.0.0.1:9 cannot be reached: the connection failed."
    assert verdict.reason == restore.CHAIN_AHEAD
    assert recovery.look(chain=chain).reason == ""


UNWITNESSED = (
    "Nothing outside this database remembers what was sealed: there is no witness file, and the chain has not been"
    f" asked. The database may be an older backup. {STOPPED} Bring back WITNESS_DIR, or run, when the chain answers:"
    " manage.py restore_check; or with anybody's copy of the newest seal: manage.py restore_check --checkpoint FILE"
)


@pytest.fixture
def old_and_alone(chain) -> Checkpoint:
    """An old backup on a new machine: no witness, and the node does not answer. What the newest seal was."""
    register(chain)
    old, lost = seal(2), seal(2)
    anchor(chain)
    as_an_old_backup_has_it(old.size)
    witness.path().unlink()
    return lost


@pytest.mark.parametrize("emptied", [False, True])
def test_without_a_witness_and_a_chain_nothing_more_is_signed(old_and_alone, emptied) -> None:
    if emptied:
        witness.path().touch()
    before = list(Checkpoint.objects.values_list("size", flat=True))
    note("Taken meanwhile.")
    with pytest.raises(schedule.Halted):
        sequencer.sequence()
    assert failed() == (3, UNWITNESSED) == (3, log_status().stopped)
    assert list(Checkpoint.objects.values_list("size", flat=True)) == before


def test_a_chain_that_answers_tells_an_old_backup_without_a_witness(old_and_alone, chain) -> None:
    assert recovery.look(chain=chain).reason == restore.CHAIN_AHEAD == restore.gate()


def test_a_copy_of_a_seal_tells_an_old_backup_without_a_witness(old_and_alone, tmp_path) -> None:
    (tmp_path / "copy").write_text(old_and_alone.note)
    code, reason = failed("--checkpoint", str(tmp_path / "copy"))
    assert (code, reason.split(":")[0].endswith(f"shows that {old_and_alone.size} were sealed by THEN")) == (1, True)
    assert restore.gate() == restore.UNWITNESSED


def test_a_copy_of_the_newest_seal_opens_the_gate_where_the_witness_is_lost(chain, tmp_path) -> None:
    register(chain)
    (tmp_path / "copy").write_text(seal(2).note)
    witness.path().unlink()
    assert failed()[0] == 3
    assert run("--checkpoint", str(tmp_path / "copy")).endswith(
        "The log may go on. But the chain was not asked: run this again when it answers.\n"
    )
    assert (restore.gate(), witness.newest().size) == ("", newest().size)


def test_a_copy_that_is_older_than_the_newest_seal_opens_no_gate(chain, tmp_path) -> None:
    """An old backup holds it as well."""
    register(chain)
    (tmp_path / "copy").write_text(seal(2).note)
    seal(2)
    assert run("--checkpoint", str(tmp_path / "copy")).count("The log may go on.") == 1
    witness.path().unlink()
    assert failed("--checkpoint", str(tmp_path / "copy")) == (3, UNWITNESSED)
    assert restore.gate() == restore.UNWITNESSED


def test_a_chain_that_agrees_opens_the_gate_where_the_witness_is_lost(chain) -> None:
    register(chain)
    seal(2)
    anchor(chain)
    witness.path().unlink()
    assert restore.gate() == restore.UNWITNESSED
    assert recovery.look(chain=chain).reason == "" == restore.gate()
    assert witness.newest().size == newest().size


def test_with_a_witness_a_silent_chain_is_named(chain) -> None:
    register(chain)
    seal()
    assert run().endswith("The log may go on. But the chain was not asked: run this again when it answers.\n")


def test_the_worker_s_first_task_looks_and_says(monkeypatch) -> None:
    seal(3)
    seal(2)
    as_an_old_backup_has_it(3)
    assert tasks.restore_check.delay().get() == restore.gate() != ""


# --- The command -----------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("restore_check", *arguments, stdout=out)
    return words(out.getvalue())


def failed(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        call_command("restore_check", *arguments, stdout=StringIO())
    return error.value.returncode, words(str(error.value))


def test_restore_check_says_what_each_holds_and_lets_the_witness_catch_up() -> None:
    notes(2)
    sequencer.sequence()
    witness.path().unlink()
    said = [
        "Database: 2 sealed records; newest seal over 2 records, THEN.",
        f"Witness: none yet ({witness.path()}).",
        "Chain: not asked: the log is not registered on a chain yet.",
        "The log may go on.",
    ]
    assert run().splitlines() == said
    assert run().splitlines()[1] == f"Witness: over 2 records, THEN ({witness.path()})."


def test_restore_check_of_an_old_backup_is_exit_code_1_with_the_gate_s_reason() -> None:
    seal(3)
    seal(2)
    as_an_old_backup_has_it(3)
    assert failed() == (1, words(restore.gate()))


def test_restore_check_compares_with_a_checkpoint_that_somebody_else_kept(tmp_path) -> None:
    seal(3)
    kept = tmp_path / "kept"
    kept.write_text(newest().note)
    assert run("--checkpoint", str(kept)).endswith("The log may go on.\n")
    kept.write_text(a_note(9, b"r" * 32))
    code, reason = failed("--checkpoint", str(kept))
    assert (code, reason.split(":")[0]) == (
        1, f"This database holds 3 sealed records, but {kept} shows that 9 were sealed by THEN"
    )  # fmt: skip
    kept.write_text(a_note(3, b"r" * 32).replace(" ", "  ", 1))
    assert failed("--checkpoint", str(kept))[0] == 2
    assert failed("--checkpoint", str(tmp_path / "none"))[0] == 2


def test_a_checkpoint_of_somebody_else_s_making_is_refused(tmp_path) -> None:
    seal(3)
    forged = a_note(9, b"r" * 32)
    (tmp_path / "forged").write_text(forged.replace("\n9\n", "\n8\n"))
    assert failed("--checkpoint", str(tmp_path / "forged")) == (
        2,
        f"{tmp_path / 'forged'} is not a checkpoint that this log signed:"
        " the signature of touchstone.example/log is wrong",
    )


def test_after_a_loss_the_log_goes_on_in_public_under_a_new_log_id(local_chain, settings) -> None:
    settings.CHAIN_RPC_URL = local_chain.url
    seal(3)
    register(config.chain())
    old = seal()
    lost = seal(2)
    anchor(config.chain())
    as_an_old_backup_has_it(old.size)
    assert restore.gate() != ""
    said = run("--record-loss", "The disk burnt; the backup was a day old.")
    before, after = Registration.objects.order_by("pk")
    assert said.endswith(
        f"The loss is recorded, and the log registered anew under 0x{bytes(after.log_id).hex()}. Sealing goes on.\n"
    )
    told = parse_entry(bytes(Entry.objects.get(kind="log.lost").data)).data
    assert told == {
        "held_size": old.size, "held_root": "0x" + bytes(old.root).hex(), "lost_size": lost.size,
        "lost_root": "0x" + bytes(lost.root).hex(), "reason": "The disk burnt; the backup was a day old.",
    }  # fmt: skip
    assert restore.gate() == "" != bytes(before.log_id)
    assert seal().size == old.size + 4  # the registration, the loss, a note and a state
    anchor(config.chain())
    assert (restore.gate(), recovery.look(chain=config.chain()).reason) == ("", "")
    assert Confirmation.objects.get().anchor.registration == after


def test_a_loss_is_not_recorded_where_nothing_is_missing_nor_while_the_chain_is_silent() -> None:
    seal(3)
    assert failed("--record-loss", "x") == (1, "Nothing is missing: the log may go on, and there is no loss to record.")
    assert failed("--record-loss", "x" * 201) == (2, "--record-loss takes at most 200 characters.")
    seal(2)
    as_an_old_backup_has_it(3)
    assert failed("--record-loss", "x")[0] == 3
    assert (restore.gate() != "", log.Entry.objects.filter(kind="log.lost").count()) == (True, 0)


# --- At start --------------------------------------------------------------------------------------------------------


def test_a_web_server_says_at_start_that_its_database_is_an_old_one(tmp_path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings", "TOUCHSTONE_VAR": str(tmp_path), "LOG_ORIGIN": config.origin(),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "TOUCHSTONE_MODE": "development",
    }  # fmt: skip

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stderr

    assert python("-c", "import portal.wsgi") == ""  # before there is a database
    python("manage.py", "migrate", "--verbosity", "0")
    assert python("-c", "import portal.wsgi") == ""
    line = f"2026-11-23T16:34:30.271253Z signed {witness.to_base64(a_note(9, b'r' * 32).encode())}\n"
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness" / "checkpoints").write_text(line)
    assert "This database holds 0 sealed records, but our witness file shows that 9 were" in python(
        "-c", "import portal.wsgi"
    )
