"""A cosignature is its auditor's, for one checkpoint, and no byte of its line may change."""

import pytest

from anchoring.keys import verify_ed25519
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.cosignature import check_cosignature, with_cosignatures
from anchoring.protocol.note import COSIGNATURE, NoteInvalid, Verifier, open_note
from tests.anchoring import history_world, verify_world
from tests.anchoring.protocol.mutations import every_byte_changed, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import is_text_refused

TEXT = verify_world.checkpoint_text([b"a", b"b"])
LINE = history_world.cosignature(TEXT).removesuffix("\n")
AUDITOR = Verifier.parse(verify_world.AUDITOR.key(COSIGNATURE))
ELSE = Verifier.parse(verify_world.WITNESS.key(COSIGNATURE))


def check(line, text=TEXT, verifiers=(ELSE, AUDITOR)):
    return check_cosignature(line, text, verifiers, verify_ed25519)


def test_an_auditors_line_says_who_and_when() -> None:
    assert (check(LINE).verifier, check(LINE).time) == (AUDITOR, history_world.COSIGNED_AT)


def test_no_byte_of_it_may_change() -> None:
    data = LINE.encode()
    changed = [every_byte_changed(data), every_byte_dropped_or_doubled(data), every_cut(data)]
    assert [bad for way in changed for bad in way if not is_text_refused(check, bad)] == []


def test_it_is_for_this_checkpoint_alone() -> None:
    with pytest.raises(NoteInvalid, match=r"the cosignature of auditor\.example is wrong"):
        check(LINE, verify_world.checkpoint_text([b"a", b"c"]))


def test_a_key_that_nobody_named_counts_for_nothing() -> None:
    with pytest.raises(NoteInvalid, match="a cosignature by a key that is not known"):
        check(LINE, verifiers=(ELSE,))


def test_a_signature_of_type_1_is_no_cosignature() -> None:
    with pytest.raises(NoteInvalid, match="a cosignature by a key that is not known"):
        check(verify_world.AUDITOR.line(TEXT).removesuffix("\n"))


def test_a_plain_signature_under_the_right_key_id_is_none() -> None:
    blob = AUDITOR.key_id + verify_world.AUDITOR.private.sign(TEXT.encode())
    with pytest.raises(Malformed, match="not a cosignature"):
        check(f"\u2014 auditor.example {verify_world.b64(blob)}")


def test_more_lines_stand_under_the_logs_own_in_one_order() -> None:
    note = verify_world.note(TEXT, verify_world.LOG_KEY)
    other = history_world.cosignature(TEXT, verify_world.WITNESS).removesuffix("\n")
    whole = with_cosignatures(note, [other, LINE])
    assert whole == with_cosignatures(note, [LINE, other]) == f"{note}{LINE}\n{other}\n"
    log_key = Verifier.parse(verify_world.LOG_KEY.key())
    assert open_note(whole, [log_key], verify_ed25519).text == TEXT


def test_a_line_that_is_none_goes_under_no_note() -> None:
    with pytest.raises(Malformed):
        with_cosignatures(verify_world.note(TEXT, verify_world.LOG_KEY), ["no line"])
