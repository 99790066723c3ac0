"""The log goes to another key and to another chain by an operator's commands, on real nodes."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from anchoring import anchors, config, covered, fsck, networks, registry, routes, stages
from anchoring.chain import EthereumChain, address_of
from anchoring.models import Registration
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from anchoring.verify import verify
from tests.anchoring.drill.conftest import INSURER, STRANGER
from tests.anchoring.log_world import note, notes

pytestmark = pytest.mark.django_db
ANOTHER = """
[networks.another]
title = "another chain of this computer"
kind = "local"
chain_id = 31340
currency = "ETH"
finality = "finalized"
block_seconds = 1
smallest_tip_gwei = 1
largest_fee_gwei = 100
explorers = {}
"""


def run(*words: str) -> str:
    out = StringIO()
    config.forget_endpoints()
    call_command(*words, stdout=out)
    return out.getvalue()


def failed(*words: str) -> tuple[str, int]:
    with pytest.raises(CommandError) as error:
        run(*words)
    return str(error.value), error.value.returncode


@pytest.fixture
def old(start_node, settings):
    """The chain that the log is registered on."""
    node = start_node(slots_in_an_epoch=0)
    node.automine()
    settings.CHAIN_RPC_URL = node.url
    run("deploy_registry")
    return node


@pytest.fixture
def new(start_node, settings, monkeypatch, tmp_path):
    """The chain that it is to go to, a row in the table of chains."""
    table = tmp_path / "networks.toml"
    table.write_text(networks.FILE.read_text() + ANOTHER)
    monkeypatch.setattr(networks, "FILE", table)
    networks.shipped.cache_clear()
    node = start_node(slots_in_an_epoch=0, chain_id=31340)
    node.automine()
    settings.NEXT_CHAIN, settings.NEXT_CHAIN_RPC_URL = "another", node.url
    yield node
    monkeypatch.undo()
    networks.shipped.cache_clear()


def anchor_now() -> None:
    run("anchor", "--now", "--wait", "20")


def ticks(count: int) -> list[str]:
    """What the schedule does on every chain that is anchored on."""
    return [anchors.tick(route).word for _ in range(count) for route in routes.registered()]


def differences() -> list[str]:
    found = [*fsck.fsck(tally=fsck.Tally(), progress=lambda count: None), *fsck.check_chain(chain=config.chain())]
    return [str(finding) for finding in found]


# --- Another key -----------------------------------------------------------------------------------------------------


def test_without_a_new_key_it_is_said_how_to_make_one(old) -> None:
    sentence, code = failed("handover_key")
    assert (sentence.startswith("Make a key (openssl rand -hex 32), put it into NEXT_CHAIN_KEY"), code) == (True, 1)


def test_a_new_key_without_coin_gets_nothing(old, settings) -> None:
    settings.NEXT_CHAIN_KEY = "66" * 32
    sentence, code = failed("handover_key")
    address = address_of(b"\x66" * 32).hex()
    assert (sentence, code) == (f"0x{address} holds no coin, so that it could not anchor. Send it some first.", 1)


def test_the_log_is_handed_over_and_the_new_key_alone_goes_on(old, settings) -> None:
    note()
    anchor_now()
    settings.NEXT_CHAIN_KEY = STRANGER.hex()
    said = run("handover_key", "--wait", "20")
    theirs = f"0x{address_of(STRANGER).hex()}"
    assert f"The log is in the hand of {theirs}, in a final block." in said
    assert said.endswith("The old key has no power over the log any more.\n")
    note()
    sequencer.close_now()
    assert f"CHAIN_KEY is the key of 0x{address_of(INSURER).hex()}" in failed("anchor")[0]
    settings.CHAIN_KEY, settings.NEXT_CHAIN_KEY = STRANGER.hex(), ""
    anchor_now()
    assert differences() == []


def test_a_handover_that_no_block_takes_is_to_be_run_again(old, settings) -> None:
    note()
    anchor_now()
    old.mine_by_hand()
    settings.NEXT_CHAIN_KEY = STRANGER.hex()
    assert failed("handover_key", "--wait", "0") == ("It is under way. Run this again to go on.", 3)
    old.mine()
    assert "in a final block" in run("handover_key", "--wait", "20")


# --- Another chain ---------------------------------------------------------------------------------------------------


def test_without_a_next_chain_it_is_said_what_to_set(old, tmp_path) -> None:
    sentence, code = failed("migrate_chain", "--export", str(tmp_path))
    assert (sentence.startswith("Set NEXT_CHAIN, NEXT_CHAIN_RPC_URL and"), code) == (True, 1)


def test_what_is_not_anchored_on_the_old_chain_holds_the_move_up(old, new, tmp_path) -> None:
    note()
    sequencer.sequence()
    sentence, _ = failed("migrate_chain", "--export", str(tmp_path / "proofs"))
    assert sentence.endswith("If the old chain has stopped, run this with --leave-behind.")
    assert Registration.objects.count() == 1


def test_an_endpoint_of_another_chain_is_refused_before_anything_is_sent(old, new, settings, tmp_path) -> None:
    settings.NEXT_CHAIN_RPC_URL = old.url
    sentence, _ = failed("migrate_chain", "--export", str(tmp_path / "proofs"))
    assert sentence == (
        "The endpoint leads to this computer's local test chain (chain 31337), not to another chain of this computer"
        " (chain 31340). Correct the URL, or name the other chain."
    )


def test_the_log_moves_with_both_chains_anchored_on_for_a_while_and_old_proofs_in_safety(
    old, new, settings, tmp_path
) -> None:
    notes(3)
    anchor_now()
    first, folder = stages.current_registration(), tmp_path / "proofs"
    said = run("migrate_chain", "--export", str(folder))
    assert said.startswith(f"3 proofs are in {folder}, 3 of them written now. Keep them.\nRegistered on another chain")
    kept = sorted(folder.glob("*.proof.json"))
    assert [verify(path.read_bytes(), trust_file()).exit_code for path in kept] == [3, 3, 3]
    assert stages.current_registration() == first  # until the new chain holds an anchor
    note()
    sequencer.sequence()
    assert ticks(2) == ["sent", "sent", "confirmed", "confirmed"]
    second = stages.current_registration()
    assert (second.follows, second.chain_id) == (first, 31340)
    assert head_on(old, first) == head_of(first) and head_on(new, second) == head_of(second)
    assert "is registered on another chain of this computer already" in run("migrate_chain", "--export", str(folder))
    settings.CHAIN, settings.CHAIN_RPC_URL, settings.NEXT_CHAIN, settings.NEXT_CHAIN_RPC_URL = (
        "another",
        new.url,
        "",
        "",
    )
    note()
    anchor_now()
    assert (len(routes.registered()), differences()) == (1, [])
    assert [verify(path.read_bytes(), trust_file()).lines[1].status for path in kept] == ["passed"] * 3


def head_on(node, registration) -> bytes:
    return EthereumChain(node.url).head(bytes(registration.contract), bytes(registration.log_id))


def head_of(registration) -> bytes:
    size, root = covered.places(registration)[-1]
    return registry.head_word(controller=address_of(INSURER), size=size, root=root)


# --- Proofs as files -------------------------------------------------------------------------------------------------


BESIDE = (
    "trust.json, verify.py and README.txt lie beside them. The site serves the same trust.json at"
    f" {settings.SITE_URL}/trust.json; log_key show prints its fingerprint.\n"
)


def test_an_export_goes_on_where_it_stopped_and_brings_files_up_to_date(old, tmp_path) -> None:
    folder = tmp_path / "proofs"
    notes(3)
    sequencer.sequence()
    assert run("export_proofs", str(folder)).split("\n")[2:3] == [
        "3 of them are not anchored yet. Run this again once they are."
    ]
    anchor_now()
    assert (
        run("export_proofs", str(folder))
        == f"3 proofs in {folder}: 3 written now, the others were up to date.\n" + BESIDE
    )
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in (next(iter(sorted(folder.glob("*.proof.json")))), folder / "trust.json"):
        path.unlink()
    assert (
        run("export_proofs", str(folder))
        == f"3 proofs in {folder}: 1 written now, the others were up to date.\n" + BESIDE
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}


def test_an_exported_folder_checks_itself(old, tmp_path) -> None:
    note()
    anchor_now()
    run("export_proofs", str(tmp_path))
    assert (tmp_path / "trust.json").read_bytes() == trust_file()
    [path] = tmp_path.glob("*.proof.json")
    [command] = re.findall("python3 (verify.py NAME.proof.json .*)", (tmp_path / "README.txt").read_text())
    words = command.replace("NAME.proof.json", path.name).split()
    ran = subprocess.run(
        [sys.executable, "-I", *words, "--require", "1,2,3"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_an_export_of_one_person_shows_that_persons_facts_alone(old, tmp_path) -> None:
    from_bob = note("Bob's.", owner="person:b0b00000-0000-4000-8000-000000000000")
    note("Alice's.")
    anchor_now()
    run("export_proofs", str(tmp_path), "--person", "b0b00000-0000-4000-8000-000000000000")
    [path] = tmp_path.glob("*.proof.json")
    assert path.name == f"thing-{from_bob.subject_id}.proof.json"


def test_nobody_of_that_name_and_no_room_are_said_in_words(old, tmp_path) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    sentence, _ = failed("export_proofs", str(tmp_path), "--person", nobody)
    assert sentence == f"The log holds no facts about person {nobody}."
    note()
    Path(tmp_path / "file").write_text("")
    sentence, code = failed("export_proofs", str(tmp_path / "file" / "folder"))
    assert (sentence.startswith("The proofs cannot be written into"), code) == (True, 1)
