"""The log's commands: what they print, and the exit codes that scripts rely on."""

import json
import os
import re
import subprocess
import sys
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.utils import timezone
from proofbundle import verify_tlog_proof
from pypdf import PdfReader

from anchoring import config, mapping, registry, verify
from anchoring.chain import address_of
from anchoring.keys import verify_ed25519
from anchoring.models import Anchor, Attempt, Checkpoint, Confirmation, Registration, Sender, State
from anchoring.protocol.entry import format_time
from anchoring.protocol.trust import parse_trust
from anchoring.seal import sequencer
from anchoring.trust import published, trust_file
from portal.localchain import LocalChain
from tests import people
from tests.anchoring.log_world import a_chain, guards_lifted, note, register, seal_with_state, sql, tick

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
SILENT = "http://127.0.0.1:9 cannot be reached: the connection failed"
DAY_AND_TIME = r"\d+ \w+ \d{4} \d\d:\d\d:\d\d UTC"


def run(*words: str) -> str:
    """The command's standard output, with every line's end trimmed."""
    out = StringIO()
    config.forget_endpoints()  # as a process of its own would
    call_command(*words, stdout=out)
    return out.getvalue()


def failed(*words: str) -> tuple[str, int, str]:
    """The sentence on standard error, the exit code, and standard output."""
    out = StringIO()
    config.forget_endpoints()  # as a process of its own would
    with pytest.raises(CommandError) as error:
        call_command(*words, stdout=out)
    return str(error.value), error.value.returncode, out.getvalue()


@pytest.fixture
def chain_up(settings, local_chain) -> str:
    """CHAIN_RPC_URL leads to a chain."""
    settings.CHAIN_RPC_URL = local_chain.url
    return local_chain.url


# --- sequence --------------------------------------------------------------------------------------------------------


def test_sequence_says_how_many_and_how_far() -> None:
    assert run("sequence") == "Sealed 0 entries; the log's signed size is 0.\n"
    note()
    assert run("sequence") == "Sealed 1 entry; the log's signed size is 1.\n"
    note()
    note()
    assert run("sequence") == "Sealed 2 entries; the log's signed size is 3.\n"


# --- deploy_registry -------------------------------------------------------------------------------------------------


def test_deploy_registry_registers_once_and_says_when_it_did_before(chain_up) -> None:
    assert run("deploy_registry").startswith(
        "Registered on this computer's local test chain (chain 31337), contract 0x"
    )
    [row] = Registration.objects.all()
    assert run("deploy_registry") == (
        "Already registered on this computer's local test chain (chain 31337),"
        f" contract 0x{bytes(row.contract).hex()}, log 0x{bytes(row.log_id).hex()}. Nothing was sent.\n"
    )
    assert Registration.objects.count() == 1


def test_deploy_registry_on_a_new_chain_registers_again_and_names_the_old_one(chain_up, settings) -> None:
    run("deploy_registry")
    with LocalChain(port=0, funded=[address_of(config.chain_key())]) as other:
        settings.CHAIN_RPC_URL = other.url
        said = run("deploy_registry").split("\n")
    assert said[0].startswith("Registered on this computer's local test chain")
    assert said[1].startswith("The registration before it, on this computer's local test chain (chain 31337), contract")
    assert said[1].endswith("stays published. All is anchored anew.")
    assert Registration.objects.count() == 2


def test_after_the_key_was_lost_or_stolen_the_log_is_registered_anew_with_another_one(settings) -> None:
    """A thief has moved the head on: the old log id is theirs, everything is anchored in a new one."""
    stolen, another = config.chain_key(), b"\x22" * 32
    with LocalChain(port=0, funded=[address_of(stolen), address_of(another)]) as local:
        settings.CHAIN_RPC_URL = local.url
        run("deploy_registry")
        run("sequence")
        row = Registration.objects.get()
        theft = registry.anchor_call(
            sender=address_of(stolen), contract=bytes(row.contract), log_id=bytes(row.log_id), old_size=0,
            old_root=registry.EMPTY_ROOT, new_size=2**40, new_root=b"x" * 32, proof=[],
        )  # fmt: skip
        registry._transact(config.chain(), theft, key=stolen, wait=5)
        assert failed("anchor")[1] == 1
        settings.CHAIN_KEY = another.hex()
        assert run("deploy_registry").startswith("Already registered")
        said = run("deploy_registry", "--anew").split("\n")
        run("sequence")
        anchored = run("anchor").split("\n")
    assert said[1].startswith("The registration before it, on this computer's local test chain (chain 31337), contract")
    rows = Registration.objects.order_by("pk")
    assert [bytes(row.controller) for row in rows] == [address_of(stolen), address_of(another)]
    newest = parse_trust(trust_file(), verify_ed25519).newest
    assert newest.registrations == tuple(published(row) for row in rows)
    assert anchored[1].startswith("Confirmed: the chain holds the log up to size ")


def test_deploy_registry_without_funds_says_whose_and_what_to_do(settings) -> None:
    with LocalChain(port=0) as poor:
        settings.CHAIN_RPC_URL = poor.url
        sentence, code, _ = failed("deploy_registry")
    address = address_of(config.chain_key()).hex()
    assert sentence == (
        f"The anchoring key's address 0x{address} cannot pay for the contract: send it some of the network's coin."
    )
    assert (code, Registration.objects.count()) == (1, 0)


# --- anchor ----------------------------------------------------------------------------------------------------------


def test_anchor_sends_and_confirms(chain_up) -> None:
    run("deploy_registry")
    run("sequence")
    size = Checkpoint.objects.get().size
    said = run("anchor").split("\n")
    sent = rf"The anchor of size {size} was sent in transaction 0x[0-9a-f]{{64}}; no block has it yet\."
    assert re.fullmatch(sent, said[0])
    assert said[1] == f"Confirmed: the chain holds the log up to size {size}."
    assert run("anchor") == f"Nothing to anchor: the chain holds the log up to size {size}.\n"


def test_anchor_before_registering_says_what_to_run(chain_up) -> None:
    sentence, code, _ = failed("anchor")
    assert (code, sentence) == (1, "The log is not registered on a chain yet. Run: manage.py deploy_registry")


@pytest.mark.parametrize("command", ["anchor", "deploy_registry"])
def test_a_silent_chain_is_exit_code_3_and_one_sentence(command) -> None:
    assert failed(command) == (f"{SILENT}.", 3, "")


def test_a_silent_chain_is_exit_code_3_for_a_registered_log_too(chain_up, settings) -> None:
    run("deploy_registry")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    assert failed("anchor")[:2] == (f"{SILENT}.", 3)
    assert failed("deploy_registry")[:2] == (f"{SILENT}.", 3)


def test_a_trouble_of_anchor_is_shown_by_log_status_until_it_goes_well(chain_up, settings) -> None:
    run("deploy_registry")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    for _ in range(2):
        assert failed("anchor", "--now")[1] == 3
    assert re.search(rf"^Trouble +Anchoring is waiting: {re.escape(SILENT)}", run("log_status"), re.M)
    settings.CHAIN_RPC_URL = chain_up
    run("anchor", "--now")
    assert "Trouble" not in run("log_status")


def test_anchor_on_another_chain_is_exit_code_1(chain_up, settings) -> None:
    run("deploy_registry")
    run("sequence")
    with LocalChain(port=0) as other:
        settings.CHAIN_RPC_URL = other.url
        sentence, code, _ = failed("anchor")
    assert (code, sentence[:35]) == (1, "CHAIN_RPC_URL leads to chain 31337,")
    assert Anchor.objects.count() == 0


def test_a_providers_key_in_the_url_is_never_shown(settings) -> None:
    settings.CHAIN_RPC_URL = "http://user:hush@127.0.0.1:9/v3/s3cret?key=hush"
    for command in ("anchor", "deploy_registry"):
        assert failed(command)[0] == f"{SILENT}."
    assert "hush" not in run("log_status") + run("fsck")


# --- log_status ------------------------------------------------------------------------------------------------------


def test_log_status_of_an_empty_log() -> None:
    assert run("log_status").split("\n") == [
        "Leaves            0",
        "Waiting           0",
        "Checkpoint        none yet",
        "Registered on     no chain yet",
        "Anchored          nothing yet",
        "Not anchored yet  0",
        "Chain             chain not checked: the log is not registered on a chain yet",
        "Trouble           The log is not registered on a chain yet: records are sealed but not anchored.",
        "",
    ]


def test_log_status_of_an_anchored_log(chain_up) -> None:
    run("deploy_registry")
    run("sequence")
    run("anchor")
    note()
    said = run("log_status")
    assert re.search(rf"^Waiting           1, the oldest since {DAY_AND_TIME}$", said, re.M)
    assert re.search(rf"^Checkpoint        size 2, signed {DAY_AND_TIME}$", said, re.M)
    assert re.search(r"^Anchored          size 2, block [\d,]+$", said, re.M)
    assert re.search(r"^Chain             chain checked: it holds what our rows say$", said, re.M)


def test_log_status_as_json(chain_up) -> None:
    run("deploy_registry")
    run("sequence")
    run("anchor")
    told = json.loads(run("log_status", "--json"))
    row = Registration.objects.get()
    assert (told["size"], told["waiting"], told["not_anchored"], told["chain"]) == (2, 0, 0, "agrees")
    assert (told["anchor"]["size"], told["registration"]["contract"]) == (2, f"0x{bytes(row.contract).hex()}")
    assert (told["troubles"], told["alarms"]) == ([], [])
    paid, sender = Confirmation.objects.get(), Sender.objects.get()
    whole, entries = paid.gas_used * paid.gas_price, paid.anchor.checkpoint_id
    assert (told["records_not_anchored"], told["anchoring"]) == (
        0,
        {
            "state": "well", "due_by": format_time(State.objects.get().at + timedelta(days=1)), "under_way": None,
            "newest_cost": {"fee_wei": paid.gas_price, "wei": whole, "wei_per_entry": whole // entries},
            "funds": {
                "balance_gwei": sender.balance_gwei, "anchors_left": sender.balance_gwei // sender.anchor_gwei,
                "looked_at": format_time(sender.looked_at),
            },
        },
    )  # fmt: skip


def test_log_status_says_how_anchoring_stands_what_it_cost_and_how_many_anchors_are_left(chain_up) -> None:
    run("deploy_registry")
    run("sequence")
    run("anchor")
    note()
    run("sequence")
    said = run("log_status")
    assert re.search(rf"^Not anchored yet  2, 1 of them records, the oldest since {DAY_AND_TIME}$", said, re.M)
    assert re.search(r"^Anchoring         The next anchor is due now\.$", said, re.M)
    assert re.search(r"^Next anchor       due now$", said, re.M)
    cost = r"^Newest cost       0\.000\d+ ETH, [\d,.]+ gwei an entry, at [\d.]+ gwei a unit of gas$"
    assert re.search(cost, said, re.M)
    assert re.search(rf"^Anchors left      [\d,]+, from [\d,.]+ ETH on {DAY_AND_TIME}$", said, re.M)


def test_log_status_tells_of_an_anchor_that_is_under_way() -> None:
    chain = a_chain()
    register(chain)
    chain.automine = False
    note()
    run("sequence")
    tick(chain)
    assert re.search(
        rf"^Under way         size 3 since {DAY_AND_TIME}, 1 signed, up to 3 gwei, seen in no block yet$",
        run("log_status"), re.M,
    )  # fmt: skip
    told = json.loads(run("log_status", "--json"))["anchoring"]
    attempt = Attempt.objects.get()
    assert told["under_way"] == {
        "size": 3, "since": format_time(attempt.anchor.at), "attempts": 1, "offer_wei": attempt.cap,
        "transaction": "0x" + bytes(attempt.transaction).hex(), "block_number": None, "moves": [],
    }  # fmt: skip


def test_log_status_says_why_a_silent_chain_was_not_checked(chain_up, settings) -> None:
    run("deploy_registry")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    assert f"Chain             chain not checked: {SILENT}\n" in run("log_status")
    told = json.loads(run("log_status", "--json"))
    assert (told["chain"], told["chain_not_checked_because"]) == ("not checked", SILENT)


def test_log_status_with_a_broken_promise_is_exit_code_1() -> None:
    note(at=timezone.now() - timedelta(seconds=configured.SEAL_WITHIN_SECONDS + 60))
    sentence, code, out = failed("log_status")
    assert (code, sentence[:36]) == (1, "A receipt promised a seal by " + sentence[29:36])
    assert "\nALARM             A receipt promised a seal by " in out


# --- fsck ------------------------------------------------------------------------------------------------------------


def test_fsck_of_a_log_that_agrees(chain_up) -> None:
    run("deploy_registry")
    note()
    run("sequence")
    run("anchor")
    trust_file()
    assert run("fsck").split("\n") == [
        "Checked 0 business rows (0 columns), 3 entries, 3 leaves, 1 tile, 1 checkpoint, 1 trust version, 1 anchor.",
        "chain checked: it holds what our rows say.",
        "Everything agrees.",
        "",
    ]


def test_fsck_says_what_waits_and_why_the_chain_was_not_checked(chain_up, settings) -> None:
    run("deploy_registry")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    assert run("fsck").split("\n")[1:] == [
        "Pending: 1 entry without a place in the log, 0 leaves without a signature. The next sequencing does both.",
        f"chain not checked: {SILENT}.",
        "All that was checked agrees; the chain was not checked.",
        "",
    ]


def test_fsck_names_a_row_that_was_changed_and_fails(alice) -> None:
    case = people.submit_identity(alice)
    run("sequence")
    sql("UPDATE claims_kyccase SET number = %s", "KYC-2020-000001-X")
    sentence, code, out = failed("fsck")
    assert (sentence, code) == ("1 difference found.", 1)
    assert out.split("\n")[0].startswith(f"row claims_kyccase {case.pk}, column number: is not what entry ")


def test_fsck_as_json_holds_findings_counts_and_the_chains_answer(alice) -> None:
    people.submit_identity(alice)
    run("sequence")
    sql("UPDATE anchoring_head SET size = 7")
    with guards_lifted("anchoring_leaf"):
        sql('UPDATE anchoring_leaf SET hash = %s WHERE "index" = 0', b"h" * 32)
    sentence, code, out = failed("fsck", "--json")
    told = json.loads(out)
    assert (sentence, code) == ("2 differences found.", 1)
    assert [finding["where"] for finding in told["findings"]] == ["leaf 0, column hash", "head, column size"]
    assert (told["checked"]["leaves"], told["checked"]["rows"]) == (1, 2)
    assert (told["chain"], told["chain_not_checked_because"]) == (
        "not checked", "the log is not registered on a chain yet",
    )  # fmt: skip


# --- proof -----------------------------------------------------------------------------------------------------------


def test_verify_map_of_a_log_without_a_state() -> None:
    assert run("verify_map") == "The log has no state entry yet: there is nothing to compare.\n"


def test_verify_map_recomputes_what_the_newest_state_names() -> None:
    note()
    seal_with_state()
    note()
    seal_with_state()
    assert run("verify_map") == "State entry 3 names the map that follows from its 3 entries: 3 subjects.\n"


def test_verify_map_names_a_state_that_does_not_follow() -> None:
    note()
    sequencer.sequence()
    mapping.advance(0, 1)
    sql("UPDATE anchoring_maphead SET root = %s", b"\xab" * 32)
    seal_with_state()
    assert failed("verify_map") == (
        "State entry 1 does not name the map that follows from the entries: no auditor will cosign it.",
        1,
        "",
    )


def test_verify_map_names_an_entry_that_is_none_and_a_cache_that_differs() -> None:
    note()
    seal_with_state()
    sql("UPDATE anchoring_maphead SET subjects = 2")
    wanted = "The kept map differs from the state entry: run verify_map --anew."
    assert failed("verify_map") == (wanted, 1, "")
    thrown = "The kept map is thrown away; the next state entry makes it again.\n"
    again = "State entry 1 names the map that follows from its 1 entries: 1 subjects.\n"
    assert run("verify_map", "--anew") == thrown + again
    with guards_lifted("anchoring_entry"):
        sql("UPDATE anchoring_entry SET data = %s WHERE kind = 'thing.noted'", b"{}")
    assert failed("verify_map")[0].startswith("The map cannot be recomputed: ")


def test_proof_of_every_kind_of_number_is_written_and_holds(alice, carol, tmp_path) -> None:
    cover = people.insured(alice, officer=carol)
    claim = people.file_claim(alice, cover)
    run("sequence")
    quote = cover.quote
    for thing in (claim, cover, quote, quote.payments.get(), alice.party.kyc_cases.get()):
        path = tmp_path / "it.json"
        said = run("proof", thing.number, "-o", str(path))
        assert said.startswith(f"Wrote {path} (") and said.endswith(f"python3 verify.py {path} --trust trust.json\n")
        report = verify.verify(path.read_bytes(), trust_file(), require=frozenset({1, 2}))
        assert (report.exit_code, report.number) == (0, thing.number)


def test_proof_takes_a_number_as_people_write_it_and_names_the_file_after_it(alice, tmp_path, monkeypatch) -> None:
    case = people.submit_identity(alice)
    monkeypatch.chdir(tmp_path)
    run("proof", case.number.lower().replace("-", " "))
    assert (tmp_path / f"{case.number}.proof.json").exists()


def test_proof_on_paper_carries_the_file_and_says_what_to_do_with_it(alice, tmp_path, monkeypatch) -> None:
    case = people.submit_identity(alice)
    monkeypatch.chdir(tmp_path)
    said = run("proof", case.number, "--certificate")
    run("proof", case.number)
    written = tmp_path / f"{case.number}.certificate.pdf"
    assert said.startswith(f"Wrote {written.name} (") and said.endswith("attached to it, and give that to verify.py\n")
    file = (tmp_path / f"{case.number}.proof.json").read_bytes()
    assert PdfReader(written).attachments == {f"{case.number}.proof.json": [file]}


def test_proof_of_one_event_shows_that_event(alice, carol, tmp_path) -> None:
    case = people.verify(alice, officer=carol)
    path = tmp_path / "it.json"
    run("proof", case.number, "-o", str(path))
    whole = json.loads(path.read_bytes())["entries"]
    event = json.loads(whole[1]["entry"])["id"]
    run("proof", case.number, "-o", str(path), "--event", event)
    shown = json.loads(path.read_bytes())["entries"]
    assert [(len(e["disclosures"]) > 1, e["entry"]) for e in shown] == [
        (False, whole[0]["entry"]),
        (True, whole[1]["entry"]),
    ]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("CLM-2026-000123-K", "No claim has this number. Compare each letter and digit with the one you were sent."),
        ("ABC-1", "This is not a number of ours: they begin with CLM, POL, QUO, PAY, KYC."),
        ("", "This is not a number of ours: they begin with CLM, POL, QUO, PAY, KYC."),
    ],
)
def test_proof_of_a_number_that_nobody_gave_out_is_one_sentence(number, sentence, tmp_path) -> None:
    path = tmp_path / "it.json"
    assert failed("proof", number, "-o", str(path)) == (sentence, 1, "")
    assert not path.exists()


def test_proof_of_a_well_formed_number_that_nothing_has_is_one_sentence(tmp_path) -> None:
    number = people.format_number(series="POL", year=2026, serial=9)
    assert failed("proof", number) == (f"No policy has the number {number}.", 1, "")


def test_proof_of_an_event_of_something_else_is_one_sentence(alice, tmp_path) -> None:
    case = people.submit_identity(alice)
    assert failed("proof", case.number, "--event", str(uuid.uuid4())) == (
        f"{case.number} has no such event in the log.", 1, "",
    )  # fmt: skip


def test_proof_that_cannot_be_written_is_one_sentence(alice, tmp_path) -> None:
    case = people.submit_identity(alice)
    path = tmp_path / "nowhere" / "it.json"
    assert failed("proof", case.number, "-o", str(path)) == (
        f"{path} cannot be written: No such file or directory.", 1, "",
    )  # fmt: skip


def test_proof_with_the_wrong_wrapping_key_is_one_sentence(alice, settings) -> None:
    case = people.submit_identity(alice)
    settings.VAULT_KEY = "99" * 32
    assert failed("proof", case.number) == (
        f"The facts of {case.number} cannot be read: VAULT_KEY is not the key that the vault was made with.", 1, "",
    )  # fmt: skip


# --- From nothing ----------------------------------------------------------------------------------------------------


def manage(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with an empty environment but for where things lie and a silent chain."""
    environment = {
        "PATH": os.environ["PATH"], "TOUCHSTONE_VAR": str(folder), "CHAIN_RPC_URL": "http://127.0.0.1:9",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *words], env=environment, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
def test_every_command_works_after_migrate_alone(tmp_path) -> None:
    assert manage(tmp_path, "migrate").returncode == 0
    expected = {
        "sequence": (0, "", "Sealed 0 entries; the log's signed size is 0."),
        "log_status": (0, "", "Leaves            0"),
        "fsck": (0, "", "Checked 0 business rows"),
        "anchor": (3, f"CommandError: {SILENT}.", ""),
        "deploy_registry": (3, f"CommandError: {SILENT}.", ""),
        "proof CLM-1": (1, "CommandError: This is not a claim number. It looks like CLM-2026-000123-2.", ""),
    }
    for words, (code, error, out) in expected.items():
        done = manage(tmp_path, *words.split(" "))
        assert (done.returncode, done.stderr.strip()) == (code, error), words
        assert done.stdout.startswith(out), words


@pytest.mark.slow
def test_before_migrate_the_first_look_says_so(tmp_path) -> None:
    for words in ("anchor_doctor", "log_status"):
        done = manage(tmp_path, words)
        assert (done.returncode, done.stderr, done.stdout) == (
            1, "CommandError: The database's tables are missing or out of date. Run: manage.py migrate\n", "",
        )  # fmt: skip


# --- proof --tlog ----------------------------------------------------------------------------------------------------


def test_proof_tlog_writes_an_entrys_place_and_its_bytes_for_anothers_tool(alice, carol, tmp_path, monkeypatch) -> None:
    case = people.verify(alice, officer=carol)
    run("sequence")
    monkeypatch.chdir(tmp_path)
    run("proof", case.number)
    entries = [e["entry"].encode() for e in json.loads(Path(f"{case.number}.proof.json").read_bytes())["entries"]]
    said = run("proof", case.number, "--tlog")
    path = Path(f"{case.number}.tlog-proof")
    assert said == (
        f"Wrote {path}, and {path}.entry ({len(entries[0]):,} bytes). A tlog-proof tool checks one against the other,"
        " with a log key of trust.json.\n"
    )
    key = config.log_key().verifier_key
    assert verify_tlog_proof(path.read_text(), Path(f"{path}.entry").read_bytes(), key)["ok"]
    assert Path(f"{path}.entry").read_bytes() == entries[0]
    run("proof", case.number, "--tlog", "--event", json.loads(entries[1])["id"], "-o", "it")
    assert Path("it.entry").read_bytes() == entries[1]
    assert verify_tlog_proof(Path("it").read_text(), entries[1], key)["ok"]
    assert not verify_tlog_proof(Path("it").read_text(), entries[0], key)["ok"]


def test_proof_tlog_of_what_is_not_sealed_or_not_there_is_one_sentence(alice, tmp_path) -> None:
    case = people.submit_identity(alice)
    path = tmp_path / "it"
    assert failed("proof", case.number, "--tlog", "-o", str(path)) == (
        "This record has no seal yet. Sealing takes seconds: ask again soon.", 1, "",
    )  # fmt: skip
    assert failed("proof", case.number, "--tlog", "--event", str(uuid.uuid4())) == (
        f"{case.number} has no such event in the log.", 1, "",
    )  # fmt: skip
    run("sequence")
    nowhere = tmp_path / "nowhere" / "it"
    assert failed("proof", case.number, "--tlog", "-o", str(nowhere)) == (
        f"{nowhere} cannot be written: No such file or directory.", 1, "",
    )  # fmt: skip
    assert not path.exists()
