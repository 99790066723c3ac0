"""Pages for everybody: how the log is doing, and the two downloads that check a proof."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from anchoring import config, fsck, restore, stages, trust, verify
from anchoring.amounts import in_gwei
from anchoring.chain import address_of
from anchoring.log import receipt
from anchoring.models import Attempt, Confirmation, Entry, Retraction, State, Tick
from anchoring.seal import sequencer
from anchoring.status import log_status
from tests.anchoring import log_world as world
from tests.anchoring.memory_chain import MemoryChain

pytestmark = pytest.mark.django_db
LOG = "/log/"


def anchored_log(*, more: int = 0):
    """Three records anchored, and ``more`` sealed since."""
    chain = world.a_chain()
    world.register(chain)
    world.notes(3)
    sequencer.sequence()
    world.tick(chain)
    for _ in range(40):
        chain.mine()
    world.tick(chain)
    if more:
        world.notes(more)
        sequencer.sequence()
    return chain


def missing(answer, *expected: str) -> list[str]:
    shown = answer.content.decode()
    return [text for text in expected if text not in shown]


# --- Public record ---


def test_an_empty_log_has_its_own_words(client) -> None:
    assert missing(
        client.get(LOG), "Nothing waits for a seal.", "There is nothing to anchor yet.", "Nothing is sealed yet",
        "Nothing is anchored yet", "The log is not registered on a chain yet",
    ) == []  # fmt: skip


def test_what_waits_is_counted_with_how_long_it_waits(client) -> None:
    world.note(at=timezone.now() - timedelta(minutes=7, seconds=5))
    answer = client.get(LOG)
    assert missing(answer, "<strong>1</strong> record waits for the next seal; the oldest for 7 minutes.") == []
    assert [(bar["word"], bar["count"], bar["share"]) for bar in answer.context["bars"]] == [
        ("Recorded", 1, 100), ("Sealed", 0, 0), ("Anchored", 0, 0),
    ]  # fmt: skip


def test_what_the_log_notes_for_itself_is_not_passed_over(client) -> None:
    anchored_log()
    world.seal_with_state()
    answer = client.get(LOG)
    sentence = (
        "Every sealed record of a contract or claim is anchored; <strong>1</strong> of the log's own waits for the next"
        " anchor."
    )
    assert missing(answer, sentence) == []
    sealed, anchored = (bar["count"] for bar in answer.context["bars"][1:])
    assert sealed - anchored == 1


def test_seal_anchor_chain_and_fingerprint_are_shown(client) -> None:
    anchored_log()
    answer = client.get(LOG)
    checkpoint = answer.context["status"].checkpoint
    transaction = answer.context["anchors"][0]["transaction"]
    grouped = [
        f"<span>{text[:4]}</span>" for text in (bytes(checkpoint.root).hex(), transaction, trust.current_fingerprint())
    ]
    assert missing(answer, "Every sealed record is anchored.", "this computer&#x27;s local test chain", *grouped) == []
    assert [bar["share"] for bar in answer.context["bars"]] == [100, 100, 100]


@pytest.mark.parametrize(
    ("chain_id", "sentence"),
    [
        (1, "nobody can rewrite them, not even we"),
        (11155111, "but it is a test network"),
        (31337, "worth nothing as evidence"),
        (424242, "Whoever runs a node of it can read them there."),
    ],
)
def test_no_more_is_said_of_a_chain_than_it_is_worth(chain_id, sentence) -> None:
    assert sentence in stages.chain_worth(chain_id)


def test_how_far_the_anchor_is_behind_is_said_in_records_and_minutes(client) -> None:
    anchored_log(more=2)
    expected = "<strong>2</strong> sealed records wait for the next anchor; the oldest for less than a minute."
    assert missing(client.get(LOG), expected) == []


def test_a_transaction_leads_to_the_explorer_when_there_is_one(client, settings) -> None:
    anchored_log()
    assert "/tx/0x" not in client.get(LOG).content.decode()
    settings.CHAIN_EXPLORER_URL = "https://explorer.example/"
    answer = client.get(LOG)
    assert missing(answer, f'href="https://explorer.example/tx/0x{answer.context["anchors"][0]["transaction"]}"') == []


@pytest.mark.parametrize(
    ("problem", "trouble", "sentence"),
    [
        ("The line was cut. See CHAIN_RPC_URL.", "silent", "The chain does not answer us at the moment"),
        ("Run: manage.py fsck. CHAIN_KEY is wrong.", "halted", "Anchoring has stopped, and one of us has to look"),
        ("The node said no to manage.py.", "refused", "Anchoring has stopped, and one of us has to look"),
    ],
)
def test_a_step_that_cannot_go_on_is_said_without_the_operator_s_part_in_it(client, problem, trouble, sentence) -> None:
    anchored_log(more=1)
    Tick.objects.create(step="anchor", ran_at=timezone.now(), problem=problem, seen={"trouble": trouble})
    Tick.objects.create(step="sequence", ran_at=timezone.now(), problem="LOG_KEY is wrong. Run: manage.py sequence")
    answer = client.get(LOG)
    kept = "what is recorded is kept and sealed meanwhile, and the next anchor covers all of it."
    stopped = "Sealing has stopped, and one of us has to look at it. Records are kept and wait for their seal."
    assert missing(answer, sentence, kept, stopped, "Anchors wait.", "As soon as that is over.") == []
    assert re.findall(r"manage\.py|CHAIN_\w+|LOG_KEY|worker|beat\b", answer.content.decode()) == []
    assert log_status().troubles == [
        f"Anchoring is waiting: {problem}", "Sealing is waiting: LOG_KEY is wrong. Run: manage.py sequence",
    ]  # fmt: skip


def test_a_schedule_that_stands_still_is_said_without_naming_its_parts(client) -> None:
    anchored_log()
    for step in ("sequence", "anchor"):
        Tick.objects.create(step=step, ran_at=timezone.now() - timedelta(hours=1))
    answer = client.get(LOG)
    assert missing(answer, "Anchoring has not run for a while", "Sealing has stopped, and one of us") == []
    assert re.findall(r"worker|beat\b", answer.content.decode()) == []


def test_what_only_an_operator_can_act_on_after_a_restore_or_a_comparison_is_said_plainly(client) -> None:
    world.note()
    sequencer.sequence()
    with world.guards_lifted("anchoring_leaf"):
        world.sql('UPDATE anchoring_leaf SET hash = %s WHERE "index" = 0', b"h" * 32)
    fsck.scan()
    Tick.objects.create(step=restore.STEP, ran_at=timezone.now(), problem=restore.CHAIN_AHEAD)
    answer = client.get(LOG)
    assert missing(
        answer, "Sealing has stopped", "What we hold does not agree with what was sealed before.",
        "Records differ from the log", "what we hold and the log were not the same.",
    ) == []  # fmt: skip
    assert log_status().stopped == restore.CHAIN_AHEAD
    assert re.findall(r"manage\.py|backup", answer.content.decode()) == []


def test_when_the_next_anchor_is_due_is_said(client, settings) -> None:
    assert "Next anchor" not in client.get(LOG).content.decode()
    settings.ANCHOR_EVERY_SECONDS = 600
    anchored_log()
    state = State.objects.get()
    quiet = f'<dd>By <time datetime="{(state.at + timedelta(days=1)).isoformat()}">'
    assert missing(client.get(LOG), quiet, "the next one is not due yet.") == []
    world.note()
    soon = f'<dd>By <time datetime="{(state.at + timedelta(seconds=600)).isoformat()}">'
    assert missing(client.get(LOG), soon) == []
    settings.ANCHOR_EVERY_SECONDS = 0
    assert missing(client.get(LOG), "<dt>Next anchor</dt><dd>Now.</dd>", "The next anchor is due now.") == []


def test_an_anchor_on_its_way_is_shown_with_its_block_and_the_block_that_was_given_up(client, settings) -> None:
    chain = anchored_log(more=1)
    settings.CHAIN_EXPLORER_URL = "https://explorer.example"
    chain.automine = False
    world.tick(chain)
    link = f"https://explorer.example/tx/0x{bytes(Attempt.objects.last().transaction).hex()}"
    answer = client.get(LOG)
    assert missing(answer, "An anchor is on its way.", f'<a href="{link}"', "Follows once that one counts.") == []
    assert "We raised what we offer" not in answer.content.decode()
    chain.finality_depth = 9
    chain.mine()
    world.tick(chain)
    lost = chain.block("latest").number
    chain.reorganise(depth=1)
    chain.mine()
    world.tick(chain)
    moved = f"The chain gave up an earlier block {lost} that held it."
    told = client.get(LOG).context["status"].standing.under_way
    assert (told.block, told.moves) == (lost, [moved])


def test_each_anchor_shows_its_price_whole_and_for_each_entry(client) -> None:
    anchored_log()
    row = Confirmation.objects.select_related("anchor").get()
    values = {field.attname: getattr(row, field.attname) for field in Confirmation._meta.fields}
    Retraction.objects.create(confirmation=row, block_hash=b"x" * 32, at=timezone.now())
    Confirmation.objects.create(
        **values | {"id": None, "nth": 2, "block_number": 99, "gas_used": 61_234, "gas_price": 1_500_000_000}
    )
    answer = client.get(LOG)
    entries = row.anchor.checkpoint_id
    assert missing(
        answer, "0.0000919 ETH", f"{in_gwei(61_234 * 1_500_000_000 // entries)} gwei an entry", f"{entries} new",
        '<span class="num">1.5</span> gwei for a unit of the chain\'s work', "A gwei is a billionth of one ETH.",
        f"The chain gave block {row.block_number} up, which it had called final; anchored again in block 99.",
    ) == []  # fmt: skip


def test_an_anchor_whose_price_the_node_did_not_say_says_so(client) -> None:
    anchored_log()
    row = Confirmation.objects.get()
    values = {field.attname: getattr(row, field.attname) for field in Confirmation._meta.fields}
    Retraction.objects.create(confirmation=row, block_hash=b"x" * 32, at=timezone.now())
    Confirmation.objects.create(**values | {"id": None, "nth": 2, "gas_used": None, "gas_price": None})
    answer = client.get(LOG)
    assert missing(answer, '<span class="quiet">Not known</span>') == []
    assert "Newest anchor's price" not in answer.content.decode()


def test_an_announced_end_of_the_chain_is_said(client) -> None:
    chain = MemoryChain(funded=(address_of(config.chain_key()),), chain_id=560048)
    world.register(chain)
    answer = client.get(LOG)
    assert missing(answer, "The end of the Hoodi test network is announced for 1 December 2028, in ") == []


def test_no_chain_is_asked_for_the_page(client, settings) -> None:
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    anchored_log(more=1)
    assert (client.get(LOG).status_code, config.chain().health()[0].failures) == (200, 0)


def test_a_broken_promise_is_an_alarm_on_the_page(client, settings) -> None:
    settings.SEAL_WITHIN_SECONDS = 60
    world.note(at=timezone.now() - timedelta(minutes=5))
    assert missing(client.get(LOG), "We broke a promise", "the record is still not sealed") == []


def test_growth_is_drawn_once_there_are_two_seals(client) -> None:
    anchored_log(more=2)
    answer = client.get(LOG)
    growth = answer.context["growth"]
    assert (growth.first.size, growth.last.size, growth.anchors) == (
        growth.last.size - 3, growth.last.size, "M8.0 148.0h0",
    )  # fmt: skip
    assert missing(answer, f'd="{growth.path}"', "Each dot is an anchor, at the time of its seal") == []


def test_the_page_asks_no_more_of_a_longer_log(client) -> None:
    chain = anchored_log()

    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(LOG)
        return len(captured)

    questions()
    before = questions()
    for _ in range(7):
        world.notes(20)
        world.anchor_all(chain)
    assert (questions(), before) == (25, 25)


# --- How to check, and the downloads ---


def test_the_steps_name_the_downloads_the_fingerprint_the_lines_and_what_is_not_proved(client) -> None:
    answer = client.get("/check/")
    program = hashlib.sha256(Path(verify.__file__).read_bytes()).hexdigest()
    assert missing(
        answer, 'href="/verify.py"', 'href="/trust.json"', trust.current_fingerprint()[:4], program[:4], "1 record",
        "2 sealed", "3 anchored", "4 block", "5 registry", "What a pass does not prove", "--trust trust.json",
    ) == []  # fmt: skip


def test_how_the_record_is_named_for_the_last_two_lines_is_shown_with_what_a_new_record_needs(client) -> None:
    answer = client.get("/check/")
    assert missing(
        answer, "--receipt</span> CLM-2026-000123-2.receipt.txt", "--subject</code>", "claim:ID",
        "a record filed since the last audit: download the proof again after the next audit",
    ) == []  # fmt: skip


def test_no_option_is_broken_after_its_dashes(client) -> None:
    page = client.get("/check/").content.decode()
    assert re.findall(r"(?<!\w)(?<!nowrap\">)--[a-z][a-z-]+", page) == []


@pytest.mark.parametrize("page", [LOG, "/check/"])
def test_a_policy_s_fingerprint_is_checked_by_the_program_since_a_newer_file_has_another(client, page: str) -> None:
    answer = client.get(page)
    assert missing(answer, "fingerprint", "of its day" if page == LOG else "on its day", "--fingerprint") == []
    assert "Compare this fingerprint" not in answer.content.decode()


def test_our_own_node_s_address_is_shown_in_the_demonstration_alone(client, settings) -> None:
    settings.CHAIN_RPC_URL = "https://node.example/secret-key"
    assert "secret-key" not in client.get("/check/").content.decode()


def test_the_program_is_served_byte_for_byte(client) -> None:
    answer = client.get("/verify.py")
    assert answer.content == Path(verify.__file__).read_bytes()
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"], answer.headers["Cache-Control"]) == (
        "text/x-python; charset=utf-8", 'attachment; filename="verify.py"', "public, max-age=300",
    )  # fmt: skip


def test_the_keys_are_served_as_they_are_and_a_cache_must_ask_for_newer_ones(client) -> None:
    answer = client.get("/trust.json")
    assert answer.content == trust.trust_file()
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("application/json", "public, no-cache")
    again = client.get("/trust.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    world.register(world.a_chain())
    newer = client.get("/trust.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (newer.status_code, len(json.loads(newer.content)["versions"])) == (200, 2)


@pytest.mark.parametrize("address", ["/verify.py", "/trust.json", "/check/", LOG])
def test_public_addresses_need_no_sign_in_and_only_give(client, address) -> None:
    assert [client.get(address).status_code, client.head(address).status_code, client.post(address).status_code] == [
        200, 200, 405,
    ]  # fmt: skip


def test_the_two_downloads_alone_in_a_folder_check_a_receipt(client, tmp_path) -> None:
    entry = world.note()
    (tmp_path / "verify.py").write_bytes(client.get("/verify.py").content)
    (tmp_path / "trust.json").write_bytes(client.get("/trust.json").content)
    (tmp_path / "receipt.txt").write_text(receipt(Entry.objects.get(pk=entry.pk)))
    ran = subprocess.run(
        [sys.executable, "-I", "verify.py", "receipt.txt", "--trust", "trust.json"],
        cwd=tmp_path, capture_output=True, text=True, env={"PYTHONIOENCODING": "utf-8"}, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_addresses_have_their_names() -> None:
    assert [reverse(name) for name in ("log-status", "check", "verify-py", "trust-json")] == [
        "/log/", "/check/", "/verify.py", "/trust.json",
    ]  # fmt: skip
