"""What the verifier tells people and programs, and its command line."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anchoring import verify
from tests.anchoring import verify_world as world

PROOF = world.finish(world.sealed(world.alice_claims()))
TRUST = world.trust()
RECEIPT = world.note(world.receipt_text(), world.RECEIPT_KEY).encode()
FINGERPRINT = world.fingerprint(world.statement())


@dataclass(frozen=True)
class Done:
    exit: int
    out: list[str]
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`verify.py FILE --trust trust.json …` with these contents."""

    def run(file: bytes, *arguments: str, trust: bytes = TRUST) -> Done:
        (tmp_path / "FILE").write_bytes(file)
        (tmp_path / "trust.json").write_bytes(trust)
        code = verify.main([str(tmp_path / "FILE"), "--trust", str(tmp_path / "trust.json"), *arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out.split("\n"), captured.err)

    return run


def pages(fingerprint: str) -> str:
    return " ".join(fingerprint[place : place + 4] for place in range(0, 64, 4))


def short(signer: world.Signer) -> str:
    """Name and key id."""
    return "+".join(signer.key().split("+")[:2])


def test_alice_reads_her_claim(run: Run) -> None:
    transaction, block = world.ANCHOR["transaction"], world.ANCHOR["block_hash"]
    done = run(PROOF)
    assert done.exit == 3
    assert done.out == [
        f"Checked against trust.json version 1, fingerprint {pages(FINGERPRINT)}",
        "",
        '1 record     ✓ passed       "CLM-2026-000123-K": 9 facts shown, as recorded in 3 entries',
        "2 sealed     ✓ passed       3 entries in the log of 9 entries, signed by " + short(world.LOG_KEY),
        "3 anchored   - not checked  needs --rpc with a node that you choose, "
        f"or look up transaction {transaction} yourself",
        "4 block      - not checked  needs --rpc with a node that you choose, "
        f"or compare {block} with the hash of block 7654321 in an explorer",
        "5 registry   - not checked  needs --rpc with a node that you choose, to read the contract's code",
        "6 history    - not checked  the file holds no history: it speaks of the entries shown and of no others",
        "7 recomputed - not checked  not independently recomputed: "
        "no auditor of trust.json has cosigned this checkpoint",
        "",
        'What is shown of "CLM-2026-000123-K":',
        "  2026-11-02T09:14:07.123456Z  claim.submitted  (number 3 in the log)",
        "      amount_minor: 125000",
        '      number: "CLM-2026-000123-K"',
        '      place: "Zürich Flughafen ✈"',
        "  2026-11-05T09:14:07.123456Z  claim.taken  (number 5 in the log)",
        "      covered: true",
        "      note: null",
        "      [1 row column shown with --all-fields]",
        "  2026-11-09T09:14:07.123456Z  claim.decided  (number 7 in the log)",
        "      approved_minor: 110000",
        '      by: "dora"',
        '      reason: "clause 4.2 \\"delay\\"\\u{a}"',
        "",
        "VERDICT (exit 3): The facts shown are sealed in the insurer's log. Whether they are anchored was not checked"
        " (lines 3 to 5): give --rpc with a node that you choose. Nothing failed, but"
        " lines 3 and 4 could not be confirmed: see above what is needed.",
        "TESTNET: no economic security; this chain may end; keep this file (Sepolia)",
        "",
        "This does not prove:",
        "  - that nothing else was recorded about this: it speaks of these entries only;",
        "  - that an event which nobody recorded did not happen;",
        "  - when an entry was written: an anchor bounds the time of sealing, not of writing.",
        "",
    ]


def test_withheld_fields_are_counted_and_row_columns_shown_on_demand(run: Run) -> None:
    proof = world.finish(world.sealed(world.alice_claims(), hide=("note", "covered", "place")))
    short, full = run(proof).out, run(proof, "--all-fields").out
    assert "      [1 field withheld]" in short
    assert "      [2 fields withheld; 1 row column shown with --all-fields]" in short
    assert f'      row.claim.{world.uuid("row")}.status: "taken"' in full
    assert "      [2 fields withheld]" in full


def test_a_proof_without_its_number_says_so(run: Run) -> None:
    done = run(world.finish(world.sealed(world.alice_claims(), hide=("number",))))
    assert done.out[2] == "1 record     ✓ passed       number not shown: 8 facts shown, as recorded in 3 entries"
    assert "What is shown of a record without its number:" in done.out


def test_pending_is_neither_an_error_nor_green(run: Run) -> None:
    done = run(world.finish(world.pending(world.sealed(world.alice_claims()), 0, 1, 2)))
    assert done.exit == 3
    assert done.out[3] == "2 sealed     … pending      recorded, not yet sealed in the log"
    assert (
        "VERDICT (exit 3): The facts shown fit together; nothing but this file vouches for them yet. Nothing failed,"
        " but lines 2, 3 and 4 could not be confirmed: ask for a newer file later."
    ) in done.out


def test_a_failed_line_is_named_in_the_verdict(run: Run) -> None:
    document = world.sealed(world.alice_claims())
    document["entries"][1]["index"] = 4
    done = run(world.finish(document))
    assert done.exit == 1
    assert done.out[3] == "2 sealed     ✗ failed       the path of entry 4 does not lead to the sealed root"
    assert "VERDICT (exit 1): Do not rely on this file: line 2 failed." in done.out


def test_lines_1_to_3_alone_do_not_confirm_the_block(run: Run) -> None:
    with world.serve({**world.answers(), world.FINAL_CALL: None}) as node:
        done = run(PROOF, "--rpc", node.url, "--require", "1-3")
    assert done.exit == 0
    assert (
        "VERDICT (exit 0): The facts shown are anchored in a block that you have not confirmed: compare hash"
        f" {world.ANCHOR['block_hash']} of block 7654321."
    ) in done.out


def test_a_node_of_another_chain_does_not_look_like_forgery(run: Run) -> None:
    with world.serve({**world.answers(), world.CHAIN_CALL: "0x1"}) as node:
        done = run(PROOF, "--rpc", node.url)
    host = node.url.removeprefix("http://")
    assert done.exit == 3
    assert [line[13:] for line in done.out[4:7]] == [
        f"- not checked  {host} is a node of another chain than Sepolia"
    ] * 3
    assert (
        "VERDICT (exit 3): The facts shown are sealed in the insurer's log. Whether they are anchored was not checked"
        " (lines 3 to 5): see line 3. Nothing failed, but lines 3 and 4 could not be confirmed:"
        " see above what is needed."
    ) in done.out


@pytest.mark.parametrize("arguments", [[], ["--rpc"]], ids=["offline", "through a node"])
def test_an_anchor_that_no_registration_covers_is_not_checked_and_not_called_anchored(
    run: Run, arguments: list[str]
) -> None:
    with world.serve(world.answers()) as node:
        done = run(PROOF, *arguments, *[node.url for _ in arguments], trust=world.trust(registrations=[]))
    assert done.exit == 3
    assert done.out[4:7] == [
        "3 anchored   - not checked  trust.json does not know this registration; download the current trust.json from"
        " the insurer and check it with --fingerprint",
        "4 block      - not checked  no registration to compare with: see line 3",
        "5 registry   - not checked  no registration to compare with: see line 3",
    ]
    assert (
        "VERDICT (exit 3): The facts shown are sealed in the insurer's log. Whether they are anchored was not checked"
        " (lines 3 to 5): see line 3. Nothing failed, but lines 3 and 4 could not be confirmed:"
        " see above what is needed."
    ) in done.out


def test_a_sealed_file_without_an_anchor_says_who_vouches_for_it(run: Run) -> None:
    document = world.sealed(world.alice_claims())
    del document["anchor"]
    assert (
        "VERDICT (exit 3): The facts shown are sealed in the insurer's log; nothing outside of the insurer vouches for"
        " them yet. Nothing failed, but lines 3 and 4 could not be confirmed: ask for a newer file later."
    ) in run(world.finish(document)).out


@pytest.mark.parametrize("given", ["", "ab" * 31, "ab" * 33, "xy" * 32, "ab" * 31 + "a"])
def test_a_fingerprint_that_is_none_is_a_usage_error(run: Run, given: str) -> None:
    done = run(PROOF, "--fingerprint", given)
    assert (done.exit, done.out) == (2, [""])
    assert done.err.startswith("VERDICT (exit 2): --fingerprint: 64 hex digits wanted\n")


def test_a_malformed_file_is_called_so(run: Run) -> None:
    done = run(PROOF[:-1])
    assert (done.exit, done.out) == (1, ["VERDICT (exit 1): the file is malformed: it is not canonical JSON", ""])


@pytest.mark.parametrize("arguments", [(), ("--refresh", "https://portal.example/proof")], ids=["", "refresh"])
def test_a_pdf_is_no_word_on_the_record_but_a_hint_at_its_attachment(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(b"%PDF-1.7\n%\xe2\xe3", *arguments)
    assert (done.exit, done.out) == (2, [""])
    assert done.err == (
        "VERDICT (exit 2): This is a PDF. The proof is the .proof.json file attached inside it: open the PDF on a"
        " computer, save the attachment, and check that.\n"
    )


def test_the_receipt_repeats_the_promise(run: Run) -> None:
    done = run(RECEIPT)
    entry = json.loads(world.alice_claims()[0].text)["id"]
    leaf = world.receipt_text().split("\n")[3]
    assert done.exit == 0
    assert done.out[2:5] == [
        "1 receipt    ✓ passed       signed by " + short(world.RECEIPT_KEY),
        "",
        f"VERDICT (exit 0): The insurer promised to seal the record claim {world.ALICE_CLAIM}, entry {entry}, by"
        " 2026-11-02T10:14:07.123456Z. It was recorded at 2026-11-02T09:14:07.123456Z in the log"
        " touchstone.example/log. Keep this file: if a checkpoint anchored in a block later than"
        f" 2026-11-02T10:14:07.123456Z lacks the entry (leaf {leaf}), the promise is broken and this file shows it.",
    ]


# --- values that attack the reader -----------------------------------------------------------------------------------

ATTACKS = ["\x1b[2J\x1b[H", "\r1 record passed", "\n2 sealed passed", "\u202egnp.exe", "\u2066x\u2069", "\u200b"]
ATTACKS += ["\u2028", "\x85", "\x00", "\x7f", "\ue000", "\ufeff", "\U000e0041", "\u00a0"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_value_can_move_the_cursor_or_reverse_the_reading_order(run: Run, attack: str) -> None:
    number = f"CLM{attack}1"
    proof = world.finish(world.sealed([world.record(2, "claim.submitted", {"number": number, "note": attack})]))
    for done in (run(proof), run(proof, "--json")):
        assert done.exit == 3
        assert all(line.isprintable() for line in done.out)
    assert json.loads(run(proof, "--json").out[0])["number"] == number


def test_quotes_and_backslashes_in_a_value_cannot_end_it(run: Run) -> None:
    proof = world.finish(world.sealed([world.record(2, "claim.submitted", {"note": 'a" \\u{1b}'})]))
    assert '      note: "a\\" \\\\u{1b}"' in run(proof).out


def test_a_very_long_value_is_cut_with_its_length(run: Run) -> None:
    proof = world.finish(world.sealed([world.record(2, "claim.submitted", {"note": "x" * 5000})]))
    assert f'      note: "{"x" * 1000}… (5000 characters)"' in run(proof).out


def test_a_terminal_without_the_marks_gets_plain_ones(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert run(PROOF).exit == 3
    sys.stdout.flush()
    lines = raw.getvalue().decode("ascii").split("\n")
    assert lines[2].startswith("1 record     + passed ")
    assert '      place: "Z\\xfcrich Flughafen \\u2708"' in lines


# --- chains ----------------------------------------------------------------------------------------------------------

WARNING = "TESTNET: no economic security; this chain may end; keep this file"


@pytest.mark.parametrize(
    ("chain_id", "warnings"),
    [
        (1, ()),
        (11155111, (f"{WARNING} (Sepolia)",)),
        (560048, (f"{WARNING} (Hoodi)",)),
        (84532, (f"{WARNING} (Base Sepolia)",)),
        (11155420, (f"{WARNING} (OP Sepolia)",)),
        (421614, (f"{WARNING} (Arbitrum Sepolia)",)),
        (80002, (f"{WARNING} (Polygon Amoy)",)),
        (17000, (f"{WARNING} (Holesky, which has ended)",)),
        (5, (f"{WARNING} (Goerli, which has ended)",)),
        (31337, (f"{WARNING} (local development chain)",)),
        (1337, (f"{WARNING} (local development chain)",)),
        (131277322940537, (f"{WARNING} (local development chain)",)),
        (424242, ("unknown chain 424242: this program cannot say what its blocks are worth",)),
    ],
)
def test_what_a_chain_is_worth_comes_from_the_verifiers_own_table(chain_id: int, warnings: tuple[str, ...]) -> None:
    document = world.sealed(world.alice_claims())
    document["anchor"]["chain_id"] = chain_id
    trust = world.trust(registrations=[{**world.REGISTRATION, "chain_id": chain_id}])
    assert verify.verify(world.finish(document), trust).warnings == warnings


def test_a_proof_that_is_not_anchored_warns_of_the_chain_it_will_go_to() -> None:
    document = world.sealed(world.alice_claims())
    del document["anchor"]
    assert verify.verify(world.finish(document), TRUST).warnings == (f"{WARNING} (Sepolia)",)
    assert verify.verify(world.finish(document), world.trust(registrations=[])).warnings == ()


# --- the command line ------------------------------------------------------------------------------------------------


def test_json_is_one_object_with_lines_exit_code_and_verdict(run: Run) -> None:
    with world.serve(world.answers()) as node:
        done = run(PROOF, "--rpc", node.url, "--json")
    report = json.loads("\n".join(done.out))
    assert (done.exit, report["exit_code"], report["document"]) == (0, 0, "proof")
    assert [(line["number"], line["name"], line["status"]) for line in report["lines"]] == [
        (1, "record", "passed"),
        (2, "sealed", "passed"),
        (3, "anchored", "passed"),
        (4, "block", "passed"),
        (5, "registry", "passed"),
        (6, "history", "not checked"),
        (7, "recomputed", "not checked"),
    ]
    assert report["verdict"].startswith("The facts shown were sealed in the log before 2026-11-23 12:00:00 UTC")
    assert report["fingerprint"] == FINGERPRINT
    assert report["facts"][0]["shown"] == {
        "amount_minor": 125000,
        "number": world.NUMBER,
        "place": "Zürich Flughafen ✈",
    }


def test_json_of_a_refused_file_has_no_lines(run: Run) -> None:
    bad_file, bad_trust = run(b"", "--json"), run(PROOF, "--json", trust=b"")
    assert json.loads(bad_file.out[0]) == {
        "exit_code": 1,
        "lines": [],
        "verdict": "the file is malformed: it is neither a proof of record nor a receipt",
    }
    assert json.loads(bad_trust.out[0])["exit_code"] == bad_trust.exit == 2


@pytest.mark.parametrize(
    ("required", "exit_code"),
    [("1", 0), ("1,2", 0), ("1-2", 0), ("2,1,1", 0), ("1-3", 3), ("3", 3), ("5", 3), ("1,2,5", 3), ("1-7", 3)],
)
def test_required_lines_decide_between_0_and_3(run: Run, required: str, exit_code: int) -> None:
    assert run(PROOF, "--require", required).exit == exit_code


WRONG: list[list[str]] = [
    ["--require", "0"],
    ["--require", "8"],
    ["--receipt"],
    ["--receipt", "nowhere.receipt"],
    ["--subject", "claim"],
    ["--subject", "claim:1"],
    ["--subject", "log:two words"],
    ["--require", ""],
    ["--require", "1,"],
    ["--require", "1-9"],
    ["--require", "two"],
    ["--require", "١"],
    ["--unknown"],
    ["second file"],
    ["--rpc"],
    ["--rpc", "file:///etc/passwd"],
    ["--rpc", "gopher://node.example"],
    ["--finger", "ab"],
    ["--block-hash"],
    ["--block-hash", ""],
    ["--block-hash", "0x" + "ab" * 31],
    ["--block-hash", "0x" + "ab" * 33],
    ["--block-hash", "0x" + "xy" * 32],
    ["--block-hash", "7654321"],
    ["--refresh"],
    ["--refresh", "file:///etc/passwd"],
    ["--refresh", "http://portal.example/proof"],
    ["--refresh", "https://alice:secret@portal.example/proof"],
    ["--token-file", "/dev/null"],
    ["--refresh", "https://portal.example/proof", "--token-file", "/dev/null"],
    ["--refresh", "https://portal.example/proof", "--token-file", "/nowhere"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_exits_2(run: Run, arguments: list[str]) -> None:
    done = run(PROOF, *arguments)
    assert (done.exit, done.out) == (2, [""])
    assert done.err.startswith("VERDICT (exit 2): ")


@pytest.mark.parametrize("arguments", [[], ["FILE"], ["--trust", "trust.json"]])
def test_a_file_and_a_trust_file_are_needed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(arguments) == 2
    assert "required" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["nowhere", ".", "no\x00where", "\x1b[2J", "\udcff"])
def test_a_file_that_cannot_be_read_exits_2(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([missing, "--trust", missing]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("VERDICT (exit 2): cannot read ")
    assert complaint.strip().isprintable()


def test_an_endless_file_is_read_no_further_than_the_bound(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "FILE").write_bytes(PROOF)
    assert verify.main([str(tmp_path / "FILE"), "--trust", "/dev/zero"]) == 2
    assert "it is larger than" in capsys.readouterr().err


def test_help_tells_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify.main(["--help"])
    assert ended.value.code == 0
    assert "--fingerprint HEX" in capsys.readouterr().out
