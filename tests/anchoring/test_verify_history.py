"""What the verifier says of a history, in words: every attack of docs/protocol.md §11, those it cannot stop too."""

import json
from pathlib import Path
from typing import Any

import pytest

from anchoring import verify
from anchoring.verify import VerificationError
from tests.anchoring import event_world
from tests.anchoring import history_world as h
from tests.anchoring import verify_world as world
from tests.vectors import history_cases as cases
from tests.vectors.vector import Vector

TRUST = world.trust()
PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
VECTORS = {vector.name: vector for vector in cases.cases()}
ALICE = f"claim {world.ALICE_CLAIM}"
NOON = "2026-11-23 12:00:00 UTC"
NEVER_WRITTEN = "that an event which nobody recorded did not happen;"
WHEN = "when an entry was written: an anchor bounds the time of sealing, not of writing."
AUDITOR = "+".join(world.AUDITOR.key(4).split("+")[:2])


def report_of(vector: Vector) -> verify.Report:
    """As its index line says, with the subject that its arguments name."""
    options: dict[str, Any] = {"receipt": vector.receipt}
    if "--subject" in vector.arguments:
        options["subject"] = vector.arguments[vector.arguments.index("--subject") + 1]
    if "--require" in vector.arguments:
        options["require"] = frozenset({1, 2, 6, 7})
    if vector.rpc is None:
        return verify.verify(vector.file, vector.trust, **options)
    with world.serve(vector.rpc) as node:
        return verify.verify(vector.file, vector.trust, rpc=node.url, **options)


def line(report: verify.Report, number: int) -> tuple[str, str]:
    return report.lines[number - 1].status, report.lines[number - 1].text


@pytest.fixture(scope="module")
def said() -> dict[str, verify.Report]:
    """The reports of all attacks."""
    return {name: report_of(vector) for name, vector in VECTORS.items() if name.startswith("attack-")}


# The table of attacks ------------------------------------------------------------------------------------------------


def test_an_entry_edited_after_anchoring_does_not_lead_to_the_sealed_root(said) -> None:
    report = said["attack-entry-edited"]
    assert line(report, 2) == ("failed", "the path of entry 4 does not lead to the sealed root")
    assert line(report, 6) == ("failed", "the entries in the file are not the ones that the log's map lists")
    assert report.verdict == "Do not rely on this file: lines 2 and 6 failed."


def test_a_log_rewritten_after_anchoring_is_not_the_anchored_one(said) -> None:
    report = said["attack-log-rewritten-after-anchoring"]
    assert line(report, 3) == ("failed", "the contract's event names another size or root than the checkpoint")
    assert report.verdict == "Do not rely on this file: line 3 failed."


def test_an_entry_left_out_is_counted(said) -> None:
    for name in ("attack-entry-left-out", "attack-last-entry-left-out"):
        wanted = ("failed", "the log's map lists 3 entries of this record, the file holds 2")
        assert line(said[name], 6) == wanted
        assert said[name].exit_code == 1


def test_an_entry_in_anothers_place_is_seen(said) -> None:
    wanted = ("failed", "the entries in the file are not the ones that the log's map lists")
    assert line(said["attack-entry-replaced"], 6) == wanted


def test_an_older_history_is_true_for_its_time_and_says_so(said) -> None:
    report = said["attack-older-history"]
    assert line(report, 6) == (
        "passed",
        f"all 2 entries that the log's map lists about {ALICE}, up to size 7 of the log, anchored at {NOON};"
        " what was sealed later is not covered; a newer anchor exists: ask for a newer file",
    )
    assert report.exit_code == 0
    assert report.limits[0] == "anything about what was sealed after the log's first 7 entries;"


def test_another_records_history_is_not_the_one_that_was_named(said) -> None:
    wanted = ("failed", "this is the history of another record than the one that you named")
    assert line(said["attack-another-records-history"], 6) == wanted


def test_a_file_without_a_history_is_not_enough_once_a_record_is_named(said) -> None:
    plain = world.finish(world.sealed(world.alice_claims()))
    wanted = ("not checked", "the file holds no history: it speaks of the entries shown and of no others")
    assert line(said["attack-no-history"], 6) == wanted
    with world.serve(world.answers()) as node:
        report = verify.verify(plain, TRUST, rpc=node.url, subject=h.NAMED)
        assert verify.verify(plain, TRUST, rpc=node.url).exit_code == 0
    assert report.exit_code == 3
    assert report.limits[0] == "that nothing else was recorded about this: it speaks of these entries only;"


def test_of_two_maps_at_one_anchor_only_the_last_is_the_anchors(said) -> None:
    wanted = ("failed", "the state entry is number 8 of a log of 10, not its last")
    assert line(said["attack-earlier-map-of-the-same-anchor"], 6) == wanted
    wanted = ("failed", "the path does not lead to the map's root")
    assert line(said["attack-other-value-under-the-same-root"], 6) == wanted


def test_a_map_that_does_not_follow_from_the_entries_passes_and_is_not_called_complete(said) -> None:
    report = said["attack-map-that-does-not-follow-through-a-node"]
    assert [found.status for found in report.lines] == ["passed"] * 6 + ["not checked"]
    assert line(report, 7)[1] == "not independently recomputed: no auditor of trust.json has cosigned this checkpoint"
    assert report.exit_code == 3
    assert report.verdict == (
        f"The facts shown were sealed in the log before {NOON} and have not been altered since. They are all that the"
        f" insurer's own map lists about {ALICE}, up to size 9 of the log; no auditor recomputed it, so not called"
        " complete. Nothing failed, but line 7 could not be confirmed: see above what is needed."
    )
    assert report.limits == (
        "that the log's own map leaves nothing out: no auditor of trust.json recomputed it;",
        "anything about what was sealed after the log's first 9 entries;",
        NEVER_WRITTEN,
        WHEN,
    )


def test_an_earlier_receipt_convicts_such_a_map(said) -> None:
    report = said["attack-map-that-does-not-follow-before-a-receipt"]
    assert line(report, 6) == (
        "failed",
        "the entry of your receipt was promised by 2026-11-02T10:14:07.123456Z, and the history anchored at"
        f" {NOON} lacks it: keep both files",
    )
    assert report.exit_code == 1


def test_an_entry_that_was_never_written_is_missed_by_nobody(said) -> None:
    report = said["attack-entry-never-written"]
    assert report.exit_code == 0
    assert NEVER_WRITTEN in report.limits


def test_the_documents_table_quotes_these_words(said) -> None:
    table = PROTOCOL[PROTOCOL.index("| attack | stopped by |") : PROTOCOL.index("**Not before.**")]
    quoted = [
        "does not lead to the sealed root", "another size or root than the checkpoint",
        line(said["attack-entry-left-out"], 6)[1], line(said["attack-entry-replaced"], 6)[1],
        "what was sealed later is not covered; a newer anchor exists: ask for a newer file",
        line(said["attack-another-records-history"], 6)[1], line(said["attack-no-history"], 6)[1],
        "of a log of 9, not its last", line(said["attack-other-value-under-the-same-root"], 6)[1],
        line(said["attack-map-that-does-not-follow"], 7)[1], NEVER_WRITTEN.rstrip(";"),
    ]  # fmt: skip
    assert [words for words in quoted if words not in table] == []


# What good ones say --------------------------------------------------------------------------------------------------


def test_lines_6_and_7_together_are_called_complete() -> None:
    report = report_of(VECTORS["history-good-through-a-node"])
    assert line(report, 6) == (
        "passed",
        f"all 3 entries that the log's map lists about {ALICE}, up to size 9 of the log, anchored at {NOON};"
        " what was sealed later is not covered; it is the newest anchor",
    )
    assert line(report, 7) == (
        "passed",
        f"the map of this checkpoint was recomputed by auditor {AUDITOR}, who cosigned it at 2026-11-23 12:01:00 UTC",
    )
    assert report.verdict == (
        f"The facts shown were sealed in the log before {NOON} and have not been altered since. They are complete: the"
        f" log holds nothing else about {ALICE}, up to size 9 of the log."
    )
    assert report.limits[1] == "that the auditor is independent of the insurer: that is for you to judge;"


def test_a_history_anchored_by_its_event_says_the_same() -> None:
    told, alone = (VECTORS[f"history-event-{how}"] for how in ("through-a-node", "block-hash"))
    extent = f"all 3 entries that the log's map lists about {ALICE}, up to size 9 of the log, anchored at {NOON};"
    newest = f"{extent} what was sealed later is not covered; it is the newest anchor"
    assert line(report_of(told), 6) == ("passed", newest)
    given = alone.arguments[alone.arguments.index("--block-hash") + 1]
    report = verify.verify(alone.file, TRUST, block_hash=given, subject=h.NAMED)
    assert line(report, 6) == ("passed", f"{extent} what was sealed later is not covered")
    assert report.verdict.endswith(
        f"They are complete: the log holds nothing else about {ALICE}, up to size 9 of the log."
    )
    older = line(report_of(VECTORS["history-event-older-than-the-newest"]), 6)[1]
    assert older.endswith("what was sealed later is not covered; a newer anchor exists: ask for a newer file")


def test_an_events_sender_that_the_node_does_not_know_changes_no_line() -> None:
    vector = VECTORS["history-event-through-a-node"]
    assert vector.rpc is not None
    asked = world.ask("eth_getTransactionReceipt", world.word("transaction 2"))
    silent = {call: answer for call, answer in vector.rpc.items() if call != asked}
    block = world.ask("eth_getBlockByNumber", hex(event_world.NUMBER), False)
    bare = {**vector.rpc, block: {**vector.rpc[block], "transactions": []}}
    for answers in (silent, bare):
        with world.serve(answers) as node:
            report = verify.verify(vector.file, TRUST, rpc=node.url, subject=h.NAMED)
        assert report.exit_code == 0
        assert report.lines[5].text.endswith("what was sealed later is not covered")


def test_an_event_confirmed_by_its_blocks_hash_shows_a_broken_promise() -> None:
    vector = VECTORS["history-event-lacks-what-a-receipt-promised"]
    report = verify.verify(vector.file, TRUST, block_hash=vector.arguments[1], receipt=vector.receipt)
    assert line(report, 6) == (
        "failed",
        "the entry of your receipt was promised by 2026-11-02T10:14:07.123456Z, and the history anchored at"
        f" {NOON} lacks it: keep both files",
    )


def test_a_node_that_does_not_know_the_head_changes_no_line() -> None:
    book = h.answers(cases.TEXTS)
    del book[h.HEAD_CALL]
    with world.serve(book) as node:
        report = verify.verify(world.finish(h.complete()), TRUST, rpc=node.url, subject=h.NAMED)
    assert report.exit_code == 0
    assert report.lines[5].text.endswith("what was sealed later is not covered")


@pytest.mark.parametrize("sender", [None, 5, "0x5e", "0x" + "zz" * 20])
def test_a_sender_that_is_none_is_left_out(sender) -> None:
    with world.serve(h.answers(cases.TEXTS, sender=sender)) as node:
        report = verify.verify(world.finish(h.complete()), TRUST, rpc=node.url, subject=h.NAMED)
    assert report.lines[5].text.endswith("what was sealed later is not covered")


def test_without_a_name_the_history_speaks_of_nobody() -> None:
    report = verify.verify(world.finish(h.complete()), TRUST)
    assert line(report, 6) == (
        "not checked",
        "name the record yourself, with --receipt FILE or --subject TYPE:ID: a file never says whose history is wanted",
    )
    assert report.exit_code == 3


def test_one_entry_is_called_one() -> None:
    alone = report_of(VECTORS["history-good-one-subject-alone"])
    assert line(alone, 6)[1].startswith(f"the 1 entry that the log's map lists about {ALICE}, up to size 2 of the log;")


def test_absence_is_said_as_absence() -> None:
    report = report_of(VECTORS["absence-good-through-a-node"])
    assert line(report, 1) == ("passed", "no entry is shown: the file says that there is none")
    assert line(report, 6)[1].startswith(f"the log's map lists nothing about {ALICE}, up to size 6 of the log")
    assert report.verdict == f"The log holds nothing about {ALICE}, up to size 6."
    assert report.facts == ()


def test_absence_that_nobody_recomputed_is_the_insurers_word() -> None:
    texts = h.with_state(h.texts_of([]) + [entry.text for entry in h.bob_claims()[2:]])
    file = world.finish(h.complete([], texts, cosigned=False))
    with world.serve(h.answers(texts)) as node:
        report = verify.verify(file, TRUST, rpc=node.url, subject=h.NAMED)
    assert report.verdict.startswith(
        f"The insurer's own map lists nothing about {ALICE}, up to size 6 of the log. No auditor recomputed that map."
    )
    assert report.exit_code == 3


def test_absence_offline_is_what_the_insurers_log_says() -> None:
    report = report_of(VECTORS["absence-good"])
    assert report.verdict == (
        f"The insurer's log says that it holds nothing about {ALICE}, up to size 6; nothing that you have confirmed"
        " vouches for that log yet."
    )
    unnamed = verify.verify(VECTORS["absence-good"].file, TRUST)
    assert unnamed.verdict.startswith("The file shows no facts. Nothing failed, but lines 3, 4 and 6 could")


# Receipts ------------------------------------------------------------------------------------------------------------


def test_a_receipt_names_its_record_and_its_entry_is_looked_for() -> None:
    found = report_of(VECTORS["named-by-a-receipt"])
    assert line(found, 6)[1].endswith("what was sealed later is not covered")
    later = report_of(VECTORS["named-by-a-receipt-of-a-later-entry"])
    assert line(later, 6)[1].endswith(
        "; the entry of your receipt, promised by 2026-11-02T10:14:07.123456Z, is not in it"
    )


def test_before_its_promise_is_due_a_receipts_entry_may_still_come() -> None:
    due = world.receipt_text(leaf=world.b64(world.sha256(b"later")), seal_by="seal-by 2026-11-23T12:00:00.000001Z")
    late = world.receipt_text(leaf=world.b64(world.sha256(b"later")), seal_by="seal-by 2026-11-23T11:59:59.999999Z")
    with world.serve(h.answers(cases.TEXTS)) as node:
        outcomes = [
            verify.verify(
                world.finish(h.complete()), TRUST, rpc=node.url, receipt=world.note(text, world.RECEIPT_KEY).encode()
            ).lines[5].status
            for text in (due, late)
        ]  # fmt: skip
    assert outcomes == ["passed", "failed"]


def test_a_receipt_that_is_none_is_wrong_usage() -> None:
    with pytest.raises(VerificationError, match="--receipt: the receipt is not signed by a key") as refused:
        report_of(VECTORS["named-by-a-forged-receipt"])
    assert refused.value.exit_code == 2
    with pytest.raises(VerificationError, match="--receipt: it is neither a proof of record nor a receipt"):
        report_of(VECTORS["named-by-no-receipt"])
    with pytest.raises(VerificationError, match="--receipt and --subject: one of them names the record"):
        report_of(VECTORS["named-twice"])
    with pytest.raises(VerificationError, match="--subject: TYPE:ID wanted, the id as it stands on the receipt"):
        report_of(VECTORS["named-by-its-number"])


# Lower bounds --------------------------------------------------------------------------------------------------------


def bounded(**answers: Any) -> verify.Report:
    texts = h.with_state([h.state_of([]), *h.texts_of(world.alice_claims())])
    with world.serve(h.answers(texts, **answers)) as node:
        return verify.verify(world.finish(h.bounded()), TRUST, rpc=node.url, subject=h.NAMED)


def test_a_confirmed_block_is_a_lower_bound() -> None:
    report = bounded()
    assert report.verdict.startswith(
        f"The facts shown were sealed in the log after 2026-11-22 12:00:00 UTC and before {NOON}"
    )
    assert not [warning for warning in report.warnings if "Not confirmed" in warning]


def test_the_anchors_format_does_not_change_a_lower_bound() -> None:
    report = report_of(VECTORS["bound-event-through-a-node"])
    assert report.verdict.startswith(
        f"The facts shown were sealed in the log after 2026-11-22 12:00:00 UTC and before {NOON}"
    )


UNCONFIRMED = {
    "no such block": {h.STATE_BLOCK_CALL: None},
    "another block of that number": {h.STATE_BLOCK_CALL: world.block(h.STATE_BLOCK, world.word("another"))},
    "the block of another number": {h.STATE_BLOCK_CALL: world.block(5, world.word(f"block {h.STATE_BLOCK}"))},
}


@pytest.mark.parametrize("answers", UNCONFIRMED.values(), ids=UNCONFIRMED)
def test_a_block_that_the_node_does_not_confirm_is_no_bound(answers) -> None:
    report = bounded(**answers)
    assert report.exit_code == 0
    assert report.verdict.startswith(f"The facts shown were sealed in the log before {NOON}")
    host = report.lines[3].text.rsplit(" ", 1)[1]
    assert report.warnings[-1] == (
        f"The file names a block that it was sealed after. Not confirmed, so not stated: {host} does not know it as a"
        " final block."
    )


def test_a_block_that_is_not_final_is_no_bound() -> None:
    early = {world.FINAL_CALL: world.block(h.STATE_BLOCK - 1, world.word("final"))}
    report = bounded(**early)
    assert "does not know it as a final block" in report.warnings[-1]


def test_offline_the_bound_waits() -> None:
    report = verify.verify(world.finish(h.bounded()), TRUST, subject=h.NAMED)
    assert report.warnings[-1].endswith("Not confirmed, so not stated: needs --rpc.")


def test_a_block_of_a_chain_that_nobody_registered_is_no_bound() -> None:
    block = {"block_hash": world.word("x"), "block_number": 5, "chain_id": 1}
    texts = [h.state_of([], **block), *h.texts_of(world.alice_claims())]
    document = h.complete(texts=h.with_state(texts))
    document["not_before"] = h.place_of(texts[0], [text.encode() for text in h.with_state(texts)])
    with world.serve(h.answers(h.with_state(texts))) as node:
        report = verify.verify(world.finish(document), TRUST, rpc=node.url, subject=h.NAMED)
    assert "is a node of another chain" in report.warnings[-1]


# Changed bytes -------------------------------------------------------------------------------------------------------


def test_every_character_of_a_history_matters_though_the_checksum_is_repaired() -> None:
    file = h.complete()
    whole = world.canonical(file["history"]).decode()
    for place in range(0, len(whole), 3):
        changed = whole[:place] + ("1" if whole[place] != "1" else "2") + whole[place + 1 :]
        try:
            document = {**file, "history": json.loads(changed)}
            data = world.finish(document)
        except ValueError:  # no longer JSON
            continue
        try:
            code = verify.verify(data, TRUST, require=frozenset({1, 2, 6, 7}), subject=h.NAMED).exit_code
        except VerificationError as refused:
            code = refused.exit_code
        assert code == 1, f"character {place}"
