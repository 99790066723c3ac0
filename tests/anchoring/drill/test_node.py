"""anvil does what ``Node`` says of it: blocks, pool, tags and restarts, looked at through the port that we use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anchoring.chain import (
    ChainUnavailable,
    EthereumChain,
    Fees,
    NoFunds,
    NonceTooLow,
    TxReceipt,
    Underpriced,
    address_of,
)
from anchoring.drill.anvil import find_anvil
from anchoring.drill.node import ONE_ETHER, ONE_GWEI, Node, NodeError, Waiting

ROOT = Path(__file__).resolve().parents[3]
INSURER, STRANGER = b"\x44" * 32, b"\x55" * 32  # both have funds on every node
US, SHOP = address_of(INSURER), b"\x77" * 20
POOR = b"\x66" * 32


def pay(node: Node, **options):
    """A transaction of ours that waits."""
    return node.send_from_stranger(INSURER, to=SHOP, gas=30_000, **options)


def port_of(node: Node) -> EthereumChain:
    return EthereumChain(node.url)


def receipt(node: Node, transaction) -> TxReceipt | None:
    return port_of(node).receipt(transaction.hash)


def nonces(node: Node) -> tuple[int, int]:
    """Ours: what is mined, and with what waits."""
    told = [node.ask("eth_getTransactionCount", "0x" + US.hex(), at) for at in ("latest", "pending")]
    return int(told[0], 16), int(told[1], 16)


def waiting(*transactions, ready=True) -> list[Waiting]:
    return [Waiting(US, each.nonce, each.hash, ready) for each in transactions]


def tags(node: Node) -> tuple[int, int, int]:
    return node.block_number(), node.block_number("safe"), node.block_number("finalized")


def is_alive(pid: int) -> bool:
    """A zombie is not; where there is no /proc, it is one for no longer than its new parent takes."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except ProcessLookupError:
        return False


def until_dead(pid: int) -> bool:
    ends = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    return not is_alive(pid)


# --- Tags, genesis, time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "seen"),
    [
        (0, [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (5, 5, 5)]),
        (1, [(0, 0, 0), (1, 0, 0), (2, 1, 0), (3, 2, 1), (4, 3, 2), (5, 4, 3)]),
        (2, [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 2, 0), (5, 3, 1)]),
    ],
)
def test_safe_lags_by_the_slots_and_finalized_by_twice_as_much(start_node, slots, seen) -> None:
    node = start_node(slots_in_an_epoch=slots)
    told = [tags(node)]
    for _ in range(5):
        node.mine()
        told.append(tags(node))
    assert told == seen


def test_two_nodes_that_start_at_once_are_two_chains(start_node) -> None:
    one, other = start_node(timestamp=1_700_000_000), start_node(timestamp=1_700_000_000)
    assert one.block_hash(0) != other.block_hash(0)


def test_told_gas_limit_and_timestamp_make_the_same_chain_again(start_node) -> None:
    one, other = (start_node(timestamp=1_700_000_000, gas_limit=30_000_000, chain_id=n) for n in (5, 6))
    assert one.block_hash(0) == other.block_hash(0)


def test_blocks_have_the_time_of_day(node) -> None:
    node.mine()
    assert abs(port_of(node).block("latest").timestamp - time.time()) < 3


# --- Pool ------------------------------------------------------------------------------------------------------------


def test_nothing_is_mined_until_it_is_told(node) -> None:
    transaction = pay(node)
    assert (receipt(node, transaction), node.pool(), nonces(node)) == (None, waiting(transaction), (0, 1))
    node.mine(2)
    assert (receipt(node, transaction).block_number, node.block_number()) == (1, 2)
    assert (node.pool(), nonces(node)) == ([], (1, 1))


def test_automine_mines_what_waits_and_what_comes_until_it_ends(node) -> None:
    first = pay(node)
    node.automine()
    second = pay(node)
    ends = time.monotonic() + 5
    while receipt(node, second) is None and time.monotonic() < ends:
        time.sleep(0.01)
    assert [receipt(node, each).block_number for each in (first, second)] == [1, 2]
    node.mine_by_hand()
    third = pay(node)
    time.sleep(0.1)
    assert node.pool() == waiting(third)


def test_a_dropped_transaction_is_gone_and_may_be_sent_again(node) -> None:
    transaction = pay(node)
    node.drop(transaction.hash)
    assert (node.pool(), nonces(node)) == ([], (0, 0))
    assert node.ask("eth_getTransactionByHash", "0x" + transaction.hash.hex()) is None
    node.send(transaction.raw)
    assert node.pool() == waiting(transaction)
    node.drop_all()
    assert node.pool() == []


def test_what_does_not_wait_cannot_be_dropped(node) -> None:
    transaction = pay(node)
    node.mine()
    with pytest.raises(NodeError, match="does not wait in the pool: it is mined, replaced or was never sent"):
        node.drop(transaction.hash)


def test_a_nonce_gap_waits_until_it_is_closed(node) -> None:
    later = pay(node, nonce=1)
    node.mine()
    assert (node.pool(), receipt(node, later)) == (waiting(later, ready=False), None)
    first = pay(node, nonce=0)
    node.mine()
    assert [receipt(node, each).block_number for each in (first, later)] == [2, 2]


def test_a_cap_one_wei_higher_replaces(node) -> None:
    old = pay(node, fees=Fees(tip=ONE_GWEI, cap=10 * ONE_GWEI))
    new = pay(node, nonce=0, fees=Fees(tip=ONE_GWEI // 2, cap=10 * ONE_GWEI + 1))
    assert node.pool() == waiting(new)
    assert node.ask("eth_getTransactionByHash", "0x" + old.hash.hex()) is None


def test_the_node_says_no_in_words_that_the_port_understands(node) -> None:
    chain = port_of(node)
    mined = pay(node)
    node.mine()
    assert pytest.raises(NonceTooLow, chain.send, mined.raw).value.args == ("The nonce is used: nonce too low",)
    waits = pay(node, fees=Fees(tip=ONE_GWEI, cap=10 * ONE_GWEI))
    assert chain.send(waits.raw) is None  # "transaction already imported"
    with pytest.raises(NodeError, match="refuses eth_sendRawTransaction: transaction already imported"):
        node.send(waits.raw)
    with pytest.raises(NodeError, match="replacement transaction underpriced"):
        pay(node, nonce=1, fees=Fees(tip=2 * ONE_GWEI, cap=10 * ONE_GWEI))
    with pytest.raises(NodeError, match="Insufficient funds for gas"):
        node.send_from_stranger(POOR, to=SHOP)
    node.chain_id = 1
    with pytest.raises(NodeError, match="invalid chain id for signer"):
        pay(node)


@pytest.mark.parametrize(
    ("key", "fees", "kind"),
    [(POOR, Fees(tip=1, cap=10 * ONE_GWEI), NoFunds), (INSURER, Fees(tip=1, cap=1), Underpriced)],
)
def test_an_offer_that_cannot_be_mined_is_refused_by_its_kind(start_node, key, fees, kind) -> None:
    node, elsewhere = start_node(), start_node(funded=[address_of(key)], base_fee=1)
    signed = elsewhere.send_from_stranger(key, to=SHOP, fees=fees)  # there it can
    with pytest.raises(kind):
        port_of(node).send(signed.raw)


# --- Base fee --------------------------------------------------------------------------------------------------------


def base_fee(node: Node) -> int:
    return int(node.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)


def test_the_next_base_fee_is_as_told_and_falls_by_an_eighth(node) -> None:
    node.next_base_fee(80 * ONE_GWEI)
    assert base_fee(node) == ONE_GWEI
    node.mine()
    assert base_fee(node) == 80 * ONE_GWEI
    node.mine()
    assert base_fee(node) == 70 * ONE_GWEI


def test_mining_forgets_what_offers_less_than_the_base_fee(node) -> None:
    transaction = pay(node, fees=Fees(tip=ONE_GWEI, cap=2 * ONE_GWEI))
    node.next_base_fee(50 * ONE_GWEI)
    node.mine()
    assert (node.pool(), receipt(node, transaction)) == ([], None)


def test_mining_past_the_pool_lets_it_wait_for_the_base_fee_to_fall(node) -> None:
    low = pay(node, fees=Fees(tip=ONE_GWEI, cap=2 * ONE_GWEI))
    after = pay(node, fees=Fees(tip=ONE_GWEI, cap=2 * ONE_GWEI))
    node.next_base_fee(50 * ONE_GWEI)
    node.mine_past_the_pool(3)
    assert (node.pool(), node.block_number(), receipt(node, low)) == (waiting(low, after), 3, None)
    assert base_fee(node) == 50 * ONE_GWEI * 49 // 64
    with pytest.raises(NodeError, match="max fee per gas less than block base fee"):
        pay(node, fees=Fees(tip=ONE_GWEI, cap=2 * ONE_GWEI))
    node.next_base_fee(ONE_GWEI)
    node.mine()
    assert [receipt(node, each).block_number for each in (low, after)] == [4, 4]


# --- Reorganisations -------------------------------------------------------------------------------------------------


def test_a_reorganisation_forgets_transactions_and_keeps_the_height(node) -> None:
    node.mine(2)
    transaction = pay(node)
    node.mine(2)
    old = [node.block_hash(height) for height in range(5)]
    node.reorganise(2)
    new = [node.block_hash(height) for height in range(5)]
    assert [a == b for a, b in zip(old, new, strict=True)] == [True, True, True, False, False]
    assert (receipt(node, transaction), node.pool(), nonces(node)) == (None, [], (0, 0))
    assert node.ask("eth_getTransactionByHash", "0x" + transaction.hash.hex()) is None
    assert node.ask("eth_getBlockByHash", "0x" + old[4].hex(), False) is None
    node.send(transaction.raw)
    node.mine()
    assert receipt(node, transaction).block_number == 5


def test_empty_blocks_of_the_same_second_are_others_after_a_reorganisation(node) -> None:
    node.mine(3)
    old = node.block_hash()
    node.reorganise(1)
    assert node.block_hash() != old


def test_the_same_bytes_are_silently_mined_in_another_block(node) -> None:
    transaction = pay(node)
    node.mine()
    before = receipt(node, transaction)
    node.mine()
    node.reorganise(2, with_transactions=[(transaction.raw, 0)])
    same_height = receipt(node, transaction)
    assert (same_height.block_number, same_height.block_hash != before.block_hash) == (1, True)
    node.reorganise(2, with_transactions=[(transaction.raw, 1)])
    assert (receipt(node, transaction).block_number, nonces(node), node.pool()) == (2, (1, 1), [])


def test_transactions_are_given_back_in_the_shape_that_a_reorganisation_takes(node) -> None:
    one, two = pay(node), pay(node)
    node.mine(2)
    three = pay(node)
    node.mine()
    assert node.transactions(3) == [(one.raw, 0), (two.raw, 0), (three.raw, 2)]
    node.reorganise(3, with_transactions=node.transactions(3))
    assert [receipt(node, each).block_number for each in (one, two, three)] == [1, 1, 3]


def test_a_transaction_that_is_not_valid_where_it_is_put_is_told(node) -> None:
    one, two = pay(node), pay(node)
    node.mine(2)
    with pytest.raises(NodeError, match="not valid in new block 1 of the reorganisation: give every earlier"):
        node.reorganise(2, with_transactions=[(two.raw, 1)])
    assert (receipt(node, one), receipt(node, two)) == (None, None)


def test_real_nodes_let_what_fell_out_wait_again(node) -> None:
    mined = pay(node)
    node.mine(2)
    waits = pay(node)
    node.next_base_fee(2000 * ONE_GWEI)  # above what both offer
    node.reorganise_into_the_pool(2)
    assert (node.pool(), nonces(node), node.block_number()) == (waiting(mined, waits), (0, 2), 2)
    node.next_base_fee(ONE_GWEI)
    node.mine()
    assert [receipt(node, each).block_number for each in (mined, waits)] == [3, 3]


def test_anvil_alone_forgets_what_waits_behind_the_gap_that_a_reorganisation_opens(node) -> None:
    mined = pay(node)
    node.mine()
    waits = pay(node)
    node.reorganise(1)
    assert node.pool() == waiting(waits)
    node.mine()
    assert (node.pool(), receipt(node, mined), receipt(node, waits)) == ([], None, None)


def test_a_reorganisation_below_finalized_is_done_without_a_word(node) -> None:
    node.mine(5)
    final = node.block_hash("finalized")
    node.reorganise(5)
    assert (tags(node), node.block_hash("finalized") == final) == ((5, 4, 3), False)


def test_a_reorganisation_cannot_reach_below_the_first_block(node) -> None:
    node.mine(2)
    with pytest.raises(NodeError, match="refuses anvil_reorg: Reorg depth must not exceed current chain height"):
        node.reorganise(3)
    with pytest.raises(NodeError, match="Block number 2 must not exceed"):
        node.reorganise(2, with_transactions=[(b"\x02", 2)])


def test_a_rollback_lowers_the_head_and_the_tags(node) -> None:
    node.mine(3)
    transaction = pay(node)
    node.mine()
    assert tags(node) == (4, 3, 2)
    node.rollback(2)
    assert (tags(node), receipt(node, transaction), node.pool()) == ((2, 1, 0), None, [])


def test_funds_of_block_0_outlive_each_reorganisation_and_later_ones_do_not(node) -> None:
    node.mine(2)
    node.fund(address_of(POOR), ONE_ETHER)
    node.mine(2)
    node.reorganise(2)
    assert port_of(node).balance(address_of(POOR)) == ONE_ETHER
    node.reorganise(3)
    assert port_of(node).balance(address_of(POOR)) == 0
    node.reorganise(4)
    assert port_of(node).balance(US) == 1000 * ONE_ETHER


def test_a_snapshot_brings_blocks_back_once(node) -> None:
    snapshot = node.snapshot()
    transaction = pay(node)
    node.mine(2)
    node.revert(snapshot)
    assert (node.block_number(), receipt(node, transaction), nonces(node)) == (0, None, (0, 0))
    with pytest.raises(NodeError, match=f"Snapshot {snapshot} is not known or used up"):
        node.revert(snapshot)


def test_a_block_that_is_not_there_yet_is_told(node) -> None:
    with pytest.raises(NodeError, match="There is no block 7: mine it first"):
        node.block_hash(7)


# --- Outages and other chains ----------------------------------------------------------------------------------------


def test_an_outage_keeps_the_chain_and_loses_the_pool(node) -> None:
    transaction = pay(node)
    node.mine(3)
    pay(node)
    known = [node.block_hash(height) for height in range(4)]
    node.stop()
    with pytest.raises(ChainUnavailable, match="cannot be reached: the connection failed"):
        port_of(node).balance(US)
    with pytest.raises(NodeError, match="does not answer .*: was it stopped?"):
        node.mine()
    node.start()
    assert [node.block_hash(height) for height in range(4)] == known
    assert (node.pool(), nonces(node), receipt(node, transaction).block_number) == ([], (1, 1), 1)
    node.reorganise(3)
    assert (receipt(node, transaction), nonces(node), port_of(node).balance(US)) == (None, (0, 0), 1000 * ONE_ETHER)


def test_stopping_twice_and_starting_twice_change_nothing(node) -> None:
    pid = node.pid
    node.start()
    assert node.pid == pid
    node.stop()
    node.stop()
    assert node.pid is None


def test_a_reset_leaves_another_chain_of_the_same_id_behind_the_url(node) -> None:
    node.mine(3)
    url, before = node.url, port_of(node).identity()
    node.restart_empty()
    after = port_of(node).identity()
    assert (node.url, after.chain_id, after.genesis == before.genesis, node.block_number()) == (url, 31337, False, 0)
    assert port_of(node).balance(US) == 1000 * ONE_ETHER


def test_after_many_stops_it_is_the_same_chain_and_time_goes_on(node) -> None:
    """Whatever anvil makes of block 0 at a start must not show: without care a third of the starts below would."""
    node.mine(2)
    genesis, newest = node.block_hash(0), node.block_hash()
    for _ in range(8):
        node.stop()
        node.start()
        assert (node.block_hash(0), node.block_hash()) == (genesis, newest)
    node.mine()
    told = int(node.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    assert abs(told - time.time()) < 20


def test_a_given_state_file_keeps_the_chain_beyond_the_block(start_node, tmp_path) -> None:
    with Node(state=tmp_path / "state.json") as first:
        first.mine(2)
        known = first.block_hash()
    assert start_node(state=tmp_path / "state.json", funded=[]).block_hash() == known


def test_the_port_that_somebody_else_took_is_told(start_node) -> None:
    node, other = start_node(), start_node()
    node.stop()
    node.port = other.port
    with pytest.raises(NodeError, match=f"Somebody else listens on port {other.port} now"):
        node.start()
    assert node.pid is None


# --- Nothing stays behind --------------------------------------------------------------------------------------------


def test_the_end_of_the_block_ends_the_process_also_after_a_fault(anvil) -> None:
    with pytest.raises(ZeroDivisionError), Node() as node:
        pid = node.pid
        assert is_alive(pid)
        _ = 1 / 0
    assert not is_alive(pid)


HOLDS_A_NODE = """
import signal, time
from anchoring.drill.node import Node
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with SIGINT ignored
with Node() as node:
    print(node.pid, flush=True)
    time.sleep(60)
"""


def until_empty(folder: Path) -> bool:
    ends = time.monotonic() + 5
    while any(folder.iterdir()) and time.monotonic() < ends:
        time.sleep(0.02)
    return not any(folder.iterdir())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_end_of_our_process_ends_the_node_and_leaves_no_folder(anvil, tmp_path, how) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_NODE], cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as holder:  # fmt: skip
        pid = int(holder.stdout.readline())
        assert is_alive(pid) and any(tmp_path.iterdir())
        holder.send_signal(how)
        holder.wait(timeout=10)
    assert until_dead(pid) and until_empty(tmp_path)


def test_a_wrapper_and_what_it_started_end_together(anvil, monkeypatch, tmp_path) -> None:
    wrapper = tmp_path / "anvil"
    wrapper.write_text(f'#!/bin/sh\n"{find_anvil()}" "$@" &\necho $! > {tmp_path}/pid\nwait\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("ANVIL", str(wrapper))
    with Node() as node:
        pid = int((tmp_path / "pid").read_text())
        assert node.pid != pid and is_alive(pid)
    assert until_dead(pid)


# --- A bad start ------------------------------------------------------------------------------------------------------


def test_a_program_that_is_no_anvil_is_told_with_what_it_said(monkeypatch, tmp_path) -> None:
    (tmp_path / "anvil").write_text("#!/bin/sh\necho GLIBC_2.35 not found\nexit 1\n")
    (tmp_path / "anvil").chmod(0o755)
    monkeypatch.setenv("ANVIL", str(tmp_path / "anvil"))
    with pytest.raises(NodeError, match="anvil ended at its start: GLIBC_2.35 not found"), Node():
        pass
