"""What was signed is remembered in a file outside the database, line by line, whatever becomes of the last one."""

import os
import threading
from datetime import UTC, datetime

import pytest

from anchoring import witness
from anchoring.models import Checkpoint
from anchoring.seal import sequencer
from tests.anchoring.log_world import note

pytestmark = pytest.mark.django_db


def sealed() -> Checkpoint:
    """A seal that the file, unlike after the pipeline's own run, does not remember yet."""
    note()
    sequencer.sequence()
    witness.path().unlink(missing_ok=True)
    row = Checkpoint.objects.order_by("-size").first()
    assert row is not None
    return row


def test_without_a_file_nothing_is_remembered() -> None:
    assert witness.newest() is None


def test_the_newest_seal_is_remembered_with_its_signature() -> None:
    for _ in range(2):
        row = sealed()
        assert witness.is_behind(row) or witness.newest().size == row.size
        witness.remember(row)
    signed = witness.newest()
    assert (signed.size, signed.root, signed.note) == (2, bytes(row.root), row.note)
    assert abs((datetime.now(UTC) - signed.at).total_seconds()) < 60
    assert not witness.is_behind(row)
    assert witness.path().stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_short_is_passed_over_and_spoils_no_later_one() -> None:
    first, second = sealed(), sealed()
    witness.remember(first)
    complete = witness.path().read_bytes()
    witness.remember(second)
    whole = witness.path().read_bytes()
    for end in range(len(complete), len(whole)):
        witness.path().write_bytes(whole[:end])
        assert witness.newest().size == first.size
    witness.remember(second)
    assert witness.newest().size == second.size


def test_rubbish_in_the_file_is_passed_over() -> None:
    row = sealed()
    witness.remember(row)
    with witness.path().open("ab") as file:
        file.write(b"\xff\xfe\n\nsigned\n2026 signed x\n2026-11-23T16:34:30.271253Z signed bm8=\n")
    assert witness.newest().size == row.size


def test_only_the_end_of_a_long_file_is_read_and_a_shortened_file_says_the_same() -> None:
    first, second = sealed(), sealed()
    witness.remember(first)
    line = witness.path().read_bytes()
    witness.path().write_bytes(line * (2 * witness.TAIL // len(line)))
    assert witness.newest().size == first.size
    witness.remember(second)
    assert witness.newest().size == second.size
    witness.path().write_bytes(b"".join(witness.path().read_bytes().splitlines(keepends=True)[-1:]))
    assert witness.newest().size == second.size


def test_an_older_seal_that_is_written_late_is_not_the_newest_and_of_two_roots_the_first_one_counts() -> None:
    first, second = sealed(), sealed()
    other = Checkpoint(size=second.size, root=first.root, note=second.note.replace("\n2\n", "\n2\n"))
    for row in (second, first, other):
        witness.remember(row)
    assert (witness.newest().size, witness.newest().root) == (2, bytes(second.root))


def test_what_was_signed_before_a_loss_counts_no_more() -> None:
    first, second = sealed(), sealed()
    witness.remember(second)
    witness.void("The disk burnt and the backup is a day old.")
    assert witness.newest() is None
    witness.remember(first)
    assert witness.newest().size == first.size


def test_a_disk_that_refuses_is_logged_and_the_seal_stands(settings, tmp_path, caplog) -> None:
    row = sealed()
    (tmp_path / "file").write_text("no folder")
    settings.WITNESS_DIR = tmp_path / "file"
    witness.remember(row)
    assert "The witness cannot be written: File exists." in caplog.text
    assert Checkpoint.objects.get() == row


def test_many_who_write_at_once_write_whole_lines() -> None:
    row = sealed()
    writers = [threading.Thread(target=lambda: [witness.remember(row) for _ in range(20)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = witness.path().read_bytes().split(b"\n")
    assert (len(lines), {len(line.split(b" ")) for line in lines[:-1]}, lines[-1]) == (81, {3}, b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file: run as another user to see this")
def test_a_file_that_cannot_be_read_is_an_error_and_not_an_empty_memory() -> None:
    witness.remember(sealed())
    witness.path().chmod(0)
    with pytest.raises(PermissionError):
        witness.newest()
