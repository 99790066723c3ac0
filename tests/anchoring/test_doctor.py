"""The doctor explains each fault in words that a new operator understands, and says what to do about it."""

import copy
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from anchoring import config, doctor, handover, networks, registry, routes, schedule
from anchoring.amounts import in_coin, in_gwei
from anchoring.chain import EthereumChain, address_of
from anchoring.doctor import nodes
from anchoring.models import Anchor, Registration, Sender, State, Tick
from anchoring.seal import sequencer
from portal.localchain import LocalChain
from tests.anchoring.log_world import a_chain, a_route, anchor_all, guards_lifted, note, register, sql, tick
from tests.anchoring.memory_chain import MemoryChain

pytestmark = pytest.mark.django_db
LOCAL = networks.by_name("local")
OURS = address_of(bytes.fromhex("44" * 32))
OTHER_KEY = b"\x55" * 32
OTHER = address_of(OTHER_KEY)
DAY = r"\d+ \w+ \d{4}"
MOMENT = rf"{DAY} \d\d:\d\d UTC"
RULE = "The rule: an anchor 0 seconds after the last one, or after 1,000 records, and one a day without news."
COMPARE = (
    "Stop the worker. Look for another installation with the same key, or a newer backup; run: manage.py fsck. Do not"
    " go on before you know which history is the right one."
)


def shown(check) -> str:
    return f"{check.verdict} | {check.name} | {check.sentence} | {check.advice}"


def examined(chain, *, network=LOCAL, now=None, **rules) -> list[str]:
    return [shown(check) for check in doctor.examine(a_route(chain, **rules), network, now=now)]


def amiss(chain, **rules) -> list[str]:
    """All lines but those that say that something is well."""
    return [line for line in examined(chain, **rules) if not line.startswith("ok | ")]


def went_well() -> None:
    """The schedule has just looked."""
    schedule.tick("anchor", lambda: None)


def anchored():
    """A chain that holds the log, of size 4, in a final block."""
    chain = a_chain()
    register(chain)
    note()
    anchor_all(chain)
    went_well()
    return chain


def registration() -> Registration:
    return Registration.objects.get()


def public_test_network(chain, **changes):
    """A preset for that chain as if it were a public one with a block every twelve seconds."""
    return replace(
        LOCAL, kind="test", name="moon", title="the Moon test network", block_seconds=12, smallest_tip=0,
        genesis=chain.identity().genesis, **changes,
    )  # fmt: skip


def just_after(chain, *, seconds: int = 10) -> datetime:
    """The time shortly after the chain's newest block."""
    return datetime.fromtimestamp(chain.block("latest").timestamp + seconds, tz=UTC)


# --- All is well -----------------------------------------------------------------------------------------------------


def test_a_log_that_is_anchored_has_a_line_for_each_thing_that_is_well() -> None:
    chain = anchored()
    contract = bytes(registration().contract).hex()
    lines = examined(chain)
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines[:-2]] == [
        "ok | network | This computer's local test chain, chain 31337. | ",
        "ok | endpoint 1 | memory answers, in N ms. | ",
        "ok | endpoint 1: chain | Chain 31337, with the first block that it should have. | ",
        lines[3],
        "ok | endpoint 1: final block | Block 3, 0 behind the newest (0 seconds). | ",
        f"ok | registration | The log is registered since {timezone.now():%-d %B %Y} in the contract at 0x{contract}."
        f" | ",
        "ok | contract | The code that stands there is the registry's. | ",
        "ok | controller | The log is in the hand of our key. | ",
        "ok | head | The registry holds the log up to size 3, as our rows say. | ",
        f"ok | key | Anchors are paid for by 0x{OURS.hex()}, the address of CHAIN_KEY. | ",
        "ok | fee | The network asks for 2 gwei a unit of gas; CHAIN_MAX_FEE_GWEI allows 500. | ",
        lines[11],
        "ok | nonce | The chain counts 3 transactions of our key, and we know of each. | ",
        "ok | under way | No anchor is under way. | ",
    ]
    assert re.fullmatch(
        r"ok \| endpoint 1: newest block \| Block 3, \d+ hours old\. A chain of one's own makes blocks when there is"
        r" something to put in\. \| ", lines[3],
    )  # fmt: skip
    assert re.fullmatch(
        rf"ok \| balance \| 0x{OURS.hex()} holds 1,000 ETH: [\d,]+ anchors at what one may cost now \(0\.000\d+"
        rf" ETH\)\. \| ",
        lines[11],
    )
    assert re.fullmatch(rf"ok \| due \| The next anchor is due by {MOMENT}\. {re.escape(RULE)} \| ", lines[-2])
    assert re.fullmatch(rf"ok \| schedule \| The last run, {MOMENT}: it went well\. \| ", lines[-1])


def test_the_doctor_sends_signs_and_writes_nothing() -> None:
    chain = anchored()
    note()
    sequencer.sequence()
    before = (len(chain.sent), Anchor.objects.count(), Sender.objects.values().get(), Tick.objects.count())
    examined(chain)
    assert (len(chain.sent), Anchor.objects.count(), Sender.objects.values().get(), Tick.objects.count()) == before


def test_what_is_under_way_is_told_with_its_transactions_offer_and_block() -> None:
    chain = anchored()
    chain.automine = False
    note()
    sequencer.sequence()
    tick(chain)
    lines = examined(chain)
    way = next(line for line in lines if line.startswith("ok | under way"))
    assert re.fullmatch(
        rf"ok \| under way \| The anchor of size 5 is under way since {MOMENT}: 1 transaction signed, the dearest for"
        rf" up to 3 gwei a unit of gas; seen in no block yet\. \| ", way,
    )  # fmt: skip
    assert "ok | nonce | The chain counts 3 transactions of our key; nonce 3 is under way. | " in lines
    assert f"ok | due | The next anchor follows once the one under way is final. {RULE} | " in lines
    chain.finality_depth = 5
    chain.mine()
    tick(chain)
    lines = examined(chain)
    assert any("seen in block 4. | " in line for line in lines)
    assert "ok | head | The registry holds size 5, which is under way and not known as final yet. | " in lines


def test_an_anchor_that_is_under_way_for_long_is_a_warning() -> None:
    chain = anchored()
    chain.automine = False
    note()
    sequencer.sequence()
    tick(chain)
    [late] = [line for line in amiss(chain, now=timezone.now() + timedelta(minutes=61)) if "under way" in line]
    assert late.startswith("warning | under way | The anchor of size 5 is under way since ")
    assert late.endswith(
        "seen in no block yet. That is long. | See the lines on fee, nonce, final blocks and the schedule: one of them"
        " says why."
    )


def test_new_records_make_an_anchor_due_and_an_empty_log_has_none() -> None:
    chain = anchored()
    note()
    assert any(line.startswith("ok | due | The next anchor is due now. ") for line in examined(chain))
    with guards_lifted("anchoring_state"):
        sql("DELETE FROM anchoring_state")
    sql("UPDATE anchoring_head SET size = 0")
    assert f"ok | due | Nothing is recorded yet, so no anchor is due. {RULE} | " in examined(chain)


# --- Endpoints -------------------------------------------------------------------------------------------------------


def test_a_silent_endpoint_is_said_and_the_rest_is_unknown() -> None:
    chain = anchored()
    chain.down = True
    assert amiss(chain) == [
        "fault | endpoint 1 | The chain is down. | Nothing is lost: what is recorded waits. See that CHAIN_RPC_URL is"
        " right and the node or provider is up.",
        "unknown | chain | Nobody answers, so nothing is known of contract, coin, fees and the registry's head. | ",
    ]


def test_one_silent_endpoint_of_two_is_named_and_the_other_one_tells_the_rest() -> None:
    chain = anchored()
    silent = copy.deepcopy(chain)
    silent.down = True
    assert amiss(chain, second=silent) == [
        "fault | endpoint 2 | The chain is down. | Nothing is lost: what is recorded waits. See that"
        " CHAIN_SECOND_RPC_URL is right and the node or provider is up.",
        "warning | agreement | The endpoints cannot be compared, because one of them is of no use. No anchor becomes"
        " final until both are. | See the endpoint's own line.",
    ]


def test_an_endpoint_that_rests_is_asked_all_the_same() -> None:
    chain = anchored()
    route = a_route(chain)
    chain.down = True
    with pytest.raises(Exception, match="The chain is down"):
        route.chain.identity()
    chain.down = False
    assert [check.name for check in doctor.examine(route, LOCAL) if check.verdict != "ok"] == []


def test_a_slow_endpoint_is_a_warning(monkeypatch) -> None:
    monkeypatch.setattr(nodes, "SLOW", 0.0)
    [slow] = amiss(anchored())
    assert re.fullmatch(
        r"warning \| endpoint 1 \| memory answers, in \d+ ms\. \| If that lasts, put a quicker endpoint into"
        r" CHAIN_RPC_URL\.", slow,
    )  # fmt: skip


def test_another_chain_by_number_is_named_with_both() -> None:
    anchored()
    assert amiss(MemoryChain(chain_id=1)) == [
        "fault | endpoint 1: chain | memory leads to chain 1, Ethereum; CHAIN says local, which is chain 31337. |"
        " Correct CHAIN_RPC_URL, or CHAIN."
    ]
    assert amiss(MemoryChain(chain_id=424242)) == [
        "fault | endpoint 1: chain | memory leads to chain 424242; CHAIN says local, which is chain 31337. |"
        " Correct CHAIN_RPC_URL, or CHAIN."
    ]


def test_a_chain_that_has_ended_is_named_with_what_to_use() -> None:
    assert amiss(MemoryChain(chain_id=17000)) == [
        "fault | endpoint 1: chain | memory leads to chain 17000. The Holesky test network (chain 17000) has ended. Use"
        " sepolia or hoodi instead. | Correct CHAIN_RPC_URL, or CHAIN."
    ]


def test_a_chain_that_was_started_anew_is_told_from_the_one_that_the_log_is_registered_on() -> None:
    anchored()
    assert amiss(a_chain()) == [
        "fault | endpoint 1: chain | memory leads to chain 31337, the same number as that of the chain that the log is"
        " registered on, but another chain: it was started anew, or is a copy with another first block. | Correct"
        " CHAIN_RPC_URL. If the old chain is gone for good, run: manage.py deploy_registry"
    ]


def test_a_chain_of_the_right_number_with_another_first_block_is_another_chain() -> None:
    right, wrong = a_chain(), a_chain()
    network = public_test_network(right)
    [line] = [line for line in amiss(wrong, network=network) if "chain |" in line]
    assert line == (
        f"fault | endpoint 1: chain | memory leads to chain 31337 by number, but its first block is"
        f" 0x{wrong.identity().genesis.hex()}, not that of the Moon test network: it is another chain. | Correct"
        " CHAIN_RPC_URL, or CHAIN."
    )


def test_an_endpoint_whose_newest_block_is_old_lags() -> None:
    chain = anchored()
    network = public_test_network(chain)
    [line, alone] = amiss(chain, network=network, now=just_after(chain, seconds=53 * 60))[:2]
    assert line == (
        "fault | endpoint 1: newest block | Block 3, 53 minutes old. The endpoint lags behind, or the chain stands"
        " still. | Run this again in some minutes; if it stays so, put another endpoint into CHAIN_RPC_URL."
    )
    assert alone == (
        "warning | agreement | There is one endpoint, so what it calls final rests on its word alone. A second one, run"
        " by somebody else, can be put into CHAIN_SECOND_RPC_URL. | "
    )


def test_an_endpoint_that_is_behind_the_other_one_lags() -> None:
    chain = anchored()
    behind = copy.deepcopy(chain)
    behind.name = "second"
    for _ in range(11):
        chain.mine()
    network = public_test_network(chain)
    found = amiss(chain, second=behind, network=network, now=just_after(behind, seconds=100))
    assert [line for line in found if "keeps up" in line] == [
        "fault | endpoint 2: keeps up | second is 11 blocks behind the other endpoint. | Run this again in some"
        " minutes; if it stays so, put another endpoint into CHAIN_SECOND_RPC_URL."
    ]


def test_endpoints_that_keep_step_and_agree_are_well() -> None:
    chain = anchored()
    twin = copy.deepcopy(chain)
    twin.name = "second"
    lines = examined(chain, second=twin)
    assert "ok | agreement | The endpoints agree about block 3, the last that both call final. | " in lines
    assert amiss(chain, second=twin) == []


def test_endpoints_that_disagree_about_a_final_block_are_both_quoted() -> None:
    chain = anchored()
    other = copy.deepcopy(chain)
    other.name = "second"
    chain.mine()
    other.mine()
    mine, theirs = (c.block(4).hash.hex() for c in (chain, other))
    assert amiss(chain, second=other) == [
        f"fault | agreement | The endpoints disagree about block 4, which both call final: memory shows 0x{mine};"
        f" second shows 0x{theirs}. | No anchor becomes final until they agree. See on an explorer which of them is"
        f" wrong, and replace it."
    ]


def test_one_second_is_no_seconds() -> None:
    assert [nodes._span(timedelta(seconds=seconds)) for seconds in (0, 1, 2)] == ["0 seconds", "1 second", "2 seconds"]


def test_a_chain_that_is_slow_to_call_blocks_final_is_a_warning() -> None:
    chain = anchored()
    for _ in range(301):
        chain.mine()
    chain.finality_depth = 301
    [_, line] = [line for line in examined(chain, network=public_test_network(chain)) if "block |" in line]
    assert line == (
        "warning | endpoint 1: final block | Block 3, 301 behind the newest (60 minutes). The chain is slow to call"
        " blocks final; anchors wait for it. | Nothing is lost. Look for news of the network if that lasts for hours."
    )


def test_the_end_of_a_network_is_told_in_time() -> None:
    chain = a_chain()
    today = date(2026, 11, 26)
    now = datetime(2026, 11, 26, tzinfo=UTC)

    def told(end: date) -> str:
        network = public_test_network(chain, end_of_life=end, end_note="Its makers said so.")
        return examined(chain, network=network, now=now)[0]

    end = "The end of the Moon test network"
    assert told(today + timedelta(days=91)) == (
        f"ok | network | The Moon test network, chain 31337. {end} is announced for 25 February 2027, in 91 days. Its"
        " makers said so. | "
    )
    assert told(today + timedelta(days=90)) == (
        f"warning | network | The Moon test network, chain 31337. {end} is announced for 24 February 2027, in 90 days."
        " Its makers said so. | Change over to another chain, as docs/operations/chain.md says."
    )
    assert told(today - timedelta(days=1)) == (
        f"warning | network | The Moon test network, chain 31337. {end} was announced for 25 November 2026, 1 day ago."
        " Its makers said so. Have another chain ready. | "
    )


# --- The registry ----------------------------------------------------------------------------------------------------


def test_a_log_that_is_not_registered_is_told_how() -> None:
    assert amiss(a_chain()) == [
        "fault | registration | The log is not registered on this computer's local test chain yet: nothing is anchored"
        " there. | Run: manage.py deploy_registry"
    ]


def test_other_code_at_the_address_is_not_trusted() -> None:
    chain = anchored()
    at = bytes(registration().contract).hex()

    class Changed(MemoryChain):
        def code_hash(self, contract: bytes) -> bytes:
            return b"c" * 32

    chain.__class__ = Changed
    assert amiss(chain) == [
        f"fault | contract | The code at 0x{at} is not the registry's. Nothing is sent to it. | Do not trust this"
        " endpoint: compare with another one, or with an explorer."
    ]


def test_no_code_at_the_address_is_told_apart() -> None:
    chain = anchored()
    at = bytes(registration().contract).hex()
    chain._state.registries.clear()
    assert amiss(chain) == [
        f"fault | contract | No contract stands at 0x{at}. | See that the endpoint is of the right chain. If the"
        " contract is gone for good, run: manage.py deploy_registry",
        f"unknown | head | It could not be asked: No registry contract stands at 0x{at}. | ",
    ]


def test_a_log_in_another_key_s_hand_is_told_whose(settings) -> None:
    chain = anchored()
    handover.step(a_route(chain), to=OTHER)
    whose = (
        f"fault | controller | The log is in the hand of 0x{OTHER.hex()}, but CHAIN_KEY is the key of 0x{OURS.hex()}. |"
    )
    assert amiss(chain) == [f"{whose} Put the key of 0x{OTHER.hex()} into CHAIN_KEY."]
    chain._state.balances[OTHER] = 10**21
    settings.NEXT_CHAIN_KEY = OTHER_KEY.hex()
    assert amiss(chain) == [f"{whose} Move the key in NEXT_CHAIN_KEY into CHAIN_KEY, and start worker and beat again."]
    assert amiss(chain, key=OTHER_KEY) == [
        "warning | next key | NEXT_CHAIN_KEY is the same key as CHAIN_KEY. | Take NEXT_CHAIN_KEY away."
    ]
    settings.NEXT_CHAIN_KEY = ""
    assert amiss(chain, key=OTHER_KEY) == []


def test_a_handover_is_to_be_finished_until_a_final_block_holds_it() -> None:
    chain = anchored()
    chain.automine = False
    for _ in range(5):
        chain.mine()
    handover.step(a_route(chain), to=OTHER)
    told = rf"warning \| handover \| A handover of the log to 0x{OTHER.hex()} was signed on {MOMENT} and %s\. \|" + (
        r" Finish it: manage\.py handover_key"
    )
    [line] = amiss(chain)
    assert re.fullmatch(told % "is in no block yet", line)
    chain.finality_depth = 5
    chain.mine()
    [line] = amiss(chain)
    assert re.fullmatch(told % "is in a block that is not final yet", line)


def test_the_next_key_is_named_with_its_coin(settings) -> None:
    chain = anchored()
    settings.NEXT_CHAIN_KEY = OTHER_KEY.hex()
    [line] = amiss(chain)
    assert re.fullmatch(
        rf"fault \| next key's balance \| 0x{OTHER.hex()} holds 0 ETH: 0 anchors at what one may cost now"
        rf" \(0\.000\d+ ETH\)\. \| Send some ETH to 0x{OTHER.hex()} before you run: manage\.py handover_key", line,
    )  # fmt: skip
    chain._state.balances[OTHER] = 10**21
    assert amiss(chain) == []
    named = f"ok | next key | The log can be handed over to 0x{OTHER.hex()}, the address of NEXT_CHAIN_KEY. | "
    assert named in examined(chain)
    settings.NEXT_CHAIN = "hoodi"
    assert named not in examined(chain)  # there it is the key that pays


def test_a_head_that_nobody_knows_says_that_a_backup_may_have_been_restored() -> None:
    chain = anchored()
    row = registration()
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = b"h" * 32
    assert amiss(chain) == [
        f"fault | head | The registry's head 0x{(b'h' * 32).hex()} is of no checkpoint that this database knows, in no"
        " key's hand that it knows: the database was restored from a backup, or another installation anchors with the"
        f" same key. | {COMPARE}"
    ]


def test_after_a_restore_the_head_comes_first_and_explains_the_nonce() -> None:
    chain = anchored()
    row = registration()
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = b"h" * 32
    chain._state.nonces[OURS] += 1
    head, nonce = amiss(chain)
    assert head.startswith("fault | head | The registry's head ")
    assert nonce == (
        "warning | nonce | The chain counts 4 transactions of our key, 1 more than this database knows of. The line on"
        " the registry's head explains it: settle that first. | "
    )


def test_a_log_that_the_registry_never_heard_of_is_told_apart() -> None:
    chain = anchored()
    chain._state.heads.clear()
    assert amiss(chain) == [
        "fault | head | The registry knows nothing of our log, although it was registered there. | The endpoint lags,"
        " or the chain went back before the registration. If it stays so, run: manage.py deploy_registry"
    ]


def test_a_head_of_an_older_checkpoint_of_ours_says_that_the_chain_may_have_gone_back() -> None:
    chain = anchored()
    row, root = registration(), bytes(State.objects.get(size=3).root)
    note()
    anchor_all(chain)
    older = registry.head_word(controller=OURS, size=3, root=root)
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = older
    assert amiss(chain) == [
        "fault | head | The registry holds size 3, an older state of ours: size 5 was final before. The endpoint lags,"
        " or the chain gave up blocks that it had called final. | Run this again in some minutes. If the chain did go"
        " back, the anchor is sent again by itself."
    ]


def test_a_head_of_a_newer_checkpoint_of_ours_says_that_this_database_may_be_a_backup() -> None:
    chain = anchored()
    row = registration()
    note()
    sequencer.sequence()
    root = bytes(State.objects.get(size=5).root)
    newer = registry.head_word(controller=OURS, size=5, root=root)
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = newer
    assert amiss(chain) == [
        "fault | head | The registry holds size 5, a checkpoint of ours for which this database has no anchor: it was"
        f" restored from a backup, or another installation anchors with the same key. | {COMPARE}"
    ]


# --- The key, its coin, fees, nonces ---------------------------------------------------------------------------------


def test_a_key_without_coin_is_told_what_an_anchor_may_cost() -> None:
    chain = anchored()
    for held, verdict, holds, left in (
        (5, "fault", "0.000000000000000005", "0 anchors"),
        (10**15, "warning", "0.001", r"\d anchors?"),
        (10**16 // 2, "warning", "0.005", r"[1-4]\d anchors"),
    ):
        chain._state.balances[OURS] = held
        [line] = amiss(chain)
        assert re.fullmatch(
            rf"{verdict} \| balance \| 0x{OURS.hex()} holds {holds} ETH: {left} at what one may cost now"
            r" \(0\.000\d+ ETH\)\. \| Send it some ETH\.", line,
        )  # fmt: skip


def test_before_registering_the_contract_s_price_is_counted_too() -> None:
    chain = a_chain()
    chain._state.balances[OURS] = 10**15
    [_, line] = amiss(chain)
    assert line == (
        f"fault | balance | 0x{OURS.hex()} holds 0.001 ETH; contract and registration may cost 0.0021 ETH. | Send it"
        " some ETH."
    )


def test_a_fee_above_the_limit_is_told_with_both_and_one_near_it_is_a_warning() -> None:
    chain = anchored()
    chain.base_fee = 600 * 10**9
    assert amiss(chain) == [
        "fault | fee | The network asks for 601 gwei a unit of gas; CHAIN_MAX_FEE_GWEI allows 500. Nothing is sent at"
        " that price. | Wait until it is cheaper: what is recorded is sealed meanwhile. Or allow more:"
        " CHAIN_MAX_FEE_GWEI."
    ]
    chain.base_fee = 420 * 10**9
    assert amiss(chain) == [
        "warning | fee | The network asks for 421 gwei a unit of gas; CHAIN_MAX_FEE_GWEI allows 500. That is close. |"
        " See whether CHAIN_MAX_FEE_GWEI should allow more."
    ]


def test_a_nonce_that_somebody_else_used_is_told_with_what_to_do_either_way() -> None:
    chain = anchored()
    chain._state.nonces[OURS] += 2
    assert amiss(chain) == [
        "fault | nonce | The chain counts 5 transactions of our key, 2 more than we know of: somebody else sent one"
        " with nonce 3. The key is shared or stolen. | If it was you, run: manage.py anchor --accept-nonce. If not,"
        " hand the log over to a new key at once: manage.py handover_key"
    ]
    routes.accept_nonce(a_route(chain))
    assert amiss(chain) == []


def test_an_endpoint_that_counts_fewer_transactions_than_were_final_lags() -> None:
    chain = anchored()
    chain._state.nonces[OURS] -= 1
    assert amiss(chain) == [
        "fault | nonce | The endpoint lags: it counts 2 transactions of our key, and nonce 2 is confirmed. | Run this"
        " again in some minutes; if it stays so, put another endpoint into CHAIN_RPC_URL."
    ]


def test_a_nonce_that_was_set_aside_in_vain_needs_nobody() -> None:
    chain = anchored()
    Sender.objects.update(next_nonce=4)
    assert amiss(chain) == [
        "warning | nonce | Nonce 3 was set aside and nothing is signed for it. The next transaction takes it by itself."
        " | "
    ]


def test_a_key_that_has_anchored_nothing_yet_is_told_its_first_nonce() -> None:
    chain = a_chain()
    register(chain)
    Sender.objects.all().delete()  # as before keys were counted from the registration on
    assert "ok | nonce | The first anchor of this key gets nonce 2. | " in examined(chain)


# --- The schedule ----------------------------------------------------------------------------------------------------


def test_a_schedule_that_never_ran_stopped_or_cannot_go_on_is_told_apart() -> None:
    chain = anchored()
    Tick.objects.all().delete()
    assert amiss(chain) == ["fault | schedule | The schedule has never looked at this chain. | Start worker and beat."]
    ran_at = timezone.now() - timedelta(hours=1)
    Tick.objects.create(step="anchor", ran_at=ran_at)
    assert amiss(chain) == [
        f"fault | schedule | The schedule has not looked at this chain since {ran_at:%-d %B %Y %H:%M} UTC. | Start"
        f" worker and beat, and look at what they print."
    ]
    Tick.objects.update(ran_at=timezone.now(), problem="The moon is full.")
    [line] = amiss(chain)
    assert re.fullmatch(
        rf"fault \| schedule \| The last run, {MOMENT}, could not go on: The moon is full\. \| The lines above say"
        rf" more\. If all of them are well, the next run goes on by itself\.", line,
    )  # fmt: skip


# --- The command -----------------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, the last sentence on standard error, and standard output."""
    out = StringIO()
    config.forget_endpoints()  # as a process of its own would
    try:
        call_command("anchor_doctor", *words, stdout=out)
    except CommandError as error:
        return error.returncode, str(error), out.getvalue()
    return 0, "", out.getvalue()


@pytest.fixture
def chain_up(settings, local_chain) -> str:
    settings.CHAIN_RPC_URL = local_chain.url
    return local_chain.url


def test_the_command_is_0_when_nothing_is_to_be_done(chain_up) -> None:
    register(EthereumChain(chain_up))
    note()
    anchor_all(EthereumChain(chain_up))
    went_well()
    code, said, out = run()
    assert (code, said) == (0, "")
    assert {line[:8] for line in out.splitlines()} == {"ok      "}
    assert "ok      local, head: The registry holds the log up to size 3, as our rows say.\n" in out


def test_the_command_is_1_with_what_to_do_when_something_is(chain_up) -> None:
    code, said, out = run()
    assert (code, said) == (1, "One thing to do.")
    assert (
        "fault   local, registration: The log is not registered on this computer's local test chain yet: nothing is"
        " anchored there. What to do: Run: manage.py deploy_registry\n"
    ) in out


def test_the_command_is_3_when_nobody_answers() -> None:
    code, said, out = run()
    assert (code, said) == (3, "The chain does not answer.")
    assert (
        "fault   local, endpoint 1: http://127.0.0.1:9 cannot be reached: the connection failed. What to do: Nothing is"
        " lost: what is recorded waits. See that CHAIN_RPC_URL is right and the node or provider is up.\n"
    ) in out


def test_the_command_is_1_for_a_real_chain_that_was_started_anew_without_coin(chain_up, settings) -> None:
    register(EthereumChain(chain_up))
    with LocalChain(port=0) as poor:
        settings.CHAIN_RPC_URL = poor.url
        code, said, out = run()
    assert (code, said) == (1, "2 things to do.")
    assert "it was started anew, or is a copy with another first block." in out


def test_the_command_is_1_for_a_real_chain_on_which_our_key_has_no_coin(settings) -> None:
    with LocalChain(port=0) as poor:
        settings.CHAIN_RPC_URL = poor.url
        code, said, out = run()
    assert (code, said) == (1, "2 things to do.")
    assert f"fault   local, balance: 0x{OURS.hex()} holds 0 ETH; contract and registration may cost " in out


def test_the_command_says_the_same_as_json(chain_up) -> None:
    code, _, out = run("--json")
    told = json.loads(out)
    assert (code, list(told), told["local"][0]) == (
        1, ["local"],
        {
            "name": "network", "verdict": "ok", "sentence": "This computer's local test chain, chain 31337.",
            "advice": "",
        },
    )  # fmt: skip
    assert [(check["name"], check["advice"]) for check in told["local"] if check["advice"]] == [
        ("registration", "Run: manage.py deploy_registry")
    ]


def test_a_chain_that_is_to_follow_is_changed_over_to_and_not_deployed_on() -> None:
    checks = doctor.examine(a_route(a_chain(), step="anchor next"), LOCAL)
    [check] = [check for check in checks if check.name == "registration"]
    assert check.advice == "When you are ready, change over: manage.py migrate_chain --export FOLDER"


def test_the_command_looks_at_the_chain_that_is_to_follow_too(chain_up, settings) -> None:
    settings.NEXT_CHAIN, settings.NEXT_CHAIN_RPC_URL = "hoodi", "http://127.0.0.1:9"
    _, _, out = run()
    assert "fault   hoodi, endpoint 1: http://127.0.0.1:9 cannot be reached: the connection failed." in out
    assert "See that NEXT_CHAIN_RPC_URL is right" in out


def test_a_provider_s_key_in_the_url_is_never_shown(settings) -> None:
    settings.CHAIN_RPC_URL = "http://user:hush@127.0.0.1:9/v3/s3cret?key=hush"
    assert re.search("hush|s3cret", run()[2]) is None


# --- Amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wei", "coin", "gwei"),
    [
        (0, "0", "0"), (1, "0.000000000000000001", "0.000000001"), (61_234_567_890_123, "0.0000612", "61,200"),
        (10**18, "1", "1,000,000,000"), (10**21, "1,000", "1,000,000,000,000"), (1_500_000_000, "0.0000000015", "1.5"),
    ],
)  # fmt: skip
def test_an_amount_has_three_digits_and_never_an_exponent(wei, coin, gwei) -> None:
    assert (in_coin(wei), in_gwei(wei)) == (coin, gwei)
