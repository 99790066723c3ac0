"""Each fault of the proxy, as our port to the chain meets it; in front of the local chain, which is always there."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from anchoring.chain import (
    Call,
    ChainUnavailable,
    EthereumChain,
    Fees,
    SignedTransaction,
    Underpriced,
    address_of,
    sign,
)
from anchoring.drill.node import Node
from anchoring.drill.proxy import (
    ANY,
    Answer,
    Cut,
    Delay,
    DropRequest,
    Lag,
    Lie,
    LoseReply,
    Pass,
    Proxy,
    ProxyError,
    Redirect,
    Refuse,
    Sent,
)
from portal.localchain import LocalChain

INSURER = b"\x44" * 32
US, SHOP = address_of(INSURER), b"\x77" * 20
SEND, RECEIPT, ID, BLOCK = "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_chainId", "eth_getBlockByNumber"


@pytest.fixture
def local() -> Iterator[LocalChain]:
    with LocalChain(port=0, funded=[US]) as local:
        yield local


@pytest.fixture
def proxy(local) -> Iterator[Proxy]:
    with Proxy(local.url) as proxy:
        yield proxy


@pytest.fixture
def chain(proxy) -> EthereumChain:
    return EthereumChain(proxy.url, timeout=5)


def payment(nonce: int) -> SignedTransaction:
    call = Call(sender=US, to=SHOP, data=b"")
    return sign(call, key=INSURER, nonce=nonce, fees=Fees(tip=10**9, cap=10**10), gas=30_000, chain_id=31337)


def trouble(chain: EthereumChain, proxy: Proxy) -> str:
    """What asking for the balance ends in, without the place."""
    with pytest.raises(ChainUnavailable) as caught:
        chain.balance(US)
    return str(caught.value).removeprefix(proxy.url)


# --- Passing on ------------------------------------------------------------------------------------------------------


def test_without_rules_all_passes_and_is_recorded_in_order(chain, proxy, local) -> None:
    direct = EthereumChain(local.url)
    transaction = payment(0)
    chain.send(transaction.raw)
    assert chain.receipt(transaction.hash) == direct.receipt(transaction.hash)
    assert chain.balance(US) == direct.balance(US)
    assert proxy.sent() == [
        Sent(SEND, ["0x" + transaction.raw.hex()], "passed"),
        Sent(RECEIPT, ["0x" + transaction.hash.hex()], "passed"),
        Sent("eth_getBalance", ["0x" + US.hex(), "latest"], "passed"),
    ]
    proxy.forget()
    assert proxy.sent() == []


def test_what_the_node_refuses_is_refused(chain, proxy) -> None:
    low = sign(Call(US, SHOP, b""), key=INSURER, nonce=0, fees=Fees(1, 1), gas=30_000, chain_id=31337)
    with pytest.raises(Underpriced, match="max fee per gas less than block base fee"):
        chain.send(low.raw)
    assert proxy.outcomes(SEND) == ["passed"]


def test_a_node_that_is_down_is_a_bad_gateway(chain, proxy, local) -> None:
    local.stop()
    assert "HTTP status 502" in trouble(chain, proxy)
    assert proxy.outcomes("eth_getBalance") == ["unreachable"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b'{"method": 5}', b'{"method": "a", "params": {}}', b"[" * 9999]
)
def test_what_is_no_single_request_is_a_bad_request(proxy, body) -> None:
    request = urllib.request.Request(proxy.url, body, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as answer:
        assert (answer.code, answer.read()) == (400, b"one JSON-RPC request is taken at a time")
    assert proxy.sent() == []


# --- Faults ----------------------------------------------------------------------------------------------------------


def test_a_lost_reply_leaves_the_transaction_at_the_node(chain, proxy, local) -> None:
    proxy.set(SEND, LoseReply(times=1))
    transaction = payment(0)
    with pytest.raises(ChainUnavailable, match="cannot be reached: the connection failed"):
        chain.send(transaction.raw)
    assert EthereumChain(local.url).receipt(transaction.hash).succeeded
    assert proxy.outcomes(SEND) == ["reply lost"]


def test_a_dropped_request_never_reaches_the_node(chain, proxy, local) -> None:
    proxy.set(SEND, DropRequest(times=1))
    transaction = payment(0)
    with pytest.raises(ChainUnavailable, match="cannot be reached: the connection failed"):
        chain.send(transaction.raw)
    assert EthereumChain(local.url).receipt(transaction.hash) is None
    chain.send(transaction.raw)
    assert chain.receipt(transaction.hash).succeeded
    assert proxy.outcomes(SEND) == ["dropped", "passed"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Answer(b"<html>", status=200), "not JSON"),
        (Answer(b'{"jsonrpc":"2.0","id":1,"resu'), "not JSON"),
        (Answer(b'{"jsonrpc":"2.0","id":1,"result":"0xzz"}'), "something that cannot be one"),
        (Answer(b"slow down", status=429), "HTTP status 429"),
        (Answer(b"", status=500), "HTTP status 500"),
        (Answer(b"", status=502), "HTTP status 502"),
        (Cut(after=0), "the connection failed"),
        (Cut(after=20), "the connection failed"),
        (Refuse("rate limit exceeded"), "is busy: rate limit exceeded"),
    ],
)
def test_a_bad_answer_is_met_once_and_then_all_is_well(chain, proxy, local, rule, said) -> None:
    proxy.set("eth_getBalance", type(rule)(**(vars(rule) | {"times": 1})))
    assert said in trouble(chain, proxy)
    assert chain.balance(US) == EthereumChain(local.url).balance(US)
    assert proxy.outcomes("eth_getBalance") == [rule.outcome, "passed"]


def test_a_delayed_answer_comes_too_late_for_the_client_but_reached_the_node(proxy, local) -> None:
    proxy.set(SEND, Delay(0.5))
    transaction = payment(0)
    with pytest.raises(ChainUnavailable, match="did not answer in time"):
        EthereumChain(proxy.url, timeout=0.2).send(transaction.raw)
    assert EthereumChain(local.url).receipt(transaction.hash).succeeded


def test_a_delayed_answer_comes_in_the_end(chain, proxy) -> None:
    proxy.set("eth_getBalance", Delay(0.2))
    begun = time.monotonic()
    assert chain.balance(US) == 1000 * 10**18
    assert time.monotonic() - begun >= 0.2


# --- Lies ------------------------------------------------------------------------------------------------------------


def test_a_lie_is_made_of_the_truth_and_the_question(chain, proxy) -> None:
    proxy.set("eth_getTransactionCount", Lie(lambda result, params: hex(int(result, 16) + len(params))))
    assert chain.nonce(US) == 2
    proxy.set(RECEIPT, Lie(lambda result, params: None))
    transaction = payment(0)
    chain.send(transaction.raw)
    assert chain.receipt(transaction.hash) is None
    assert proxy.outcomes(RECEIPT) == ["lied"]


def test_what_the_node_refuses_is_no_lie(chain, proxy) -> None:
    proxy.set(SEND, Lie(lambda result, params: "0x" + "00" * 32))
    with pytest.raises(Underpriced):
        chain.send(sign(Call(US, SHOP, b""), key=INSURER, nonce=0, fees=Fees(1, 1), gas=30_000, chain_id=31337).raw)


def test_of_two_endpoints_on_one_node_one_lies(proxy, local) -> None:
    with Proxy(local.url) as other:
        other.set(BLOCK, Lie(lambda block, params: block | {"hash": "0x" + "ab" * 32}))
        honest, liar = EthereumChain(proxy.url).block("finalized"), EthereumChain(other.url).block("finalized")
    assert (honest.number, honest.hash != liar.hash) == (liar.number, True)
    assert liar.hash == b"\xab" * 32


def test_a_url_that_leads_to_another_chain_for_a_while(chain, proxy) -> None:
    here = chain.identity()
    with LocalChain(port=0) as elsewhere:
        there = EthereumChain(elsewhere.url).identity()
        proxy.set(ANY, Redirect(elsewhere.url))
        assert chain.identity() == there != here
        proxy.clear(ANY)
    assert chain.identity() == here


def test_a_lagging_endpoint_tells_all_as_it_was(chain, proxy, local) -> None:
    transactions = [payment(nonce) for nonce in range(4)]
    for transaction in transactions:
        chain.send(transaction.raw)
    direct = EthereumChain(local.url)
    proxy.set(ANY, Lag(2))
    assert chain.block("latest") == chain.block("finalized") == direct.block(2)
    assert (chain.block(2), chain.block(3)) == (direct.block(2), None)
    assert [chain.receipt(each.hash) is None for each in transactions] == [False, False, True, True]
    assert (chain.nonce(US), direct.nonce(US)) == (2, 4)
    later = payment(4)
    chain.send(later.raw)
    assert (direct.receipt(later.hash).succeeded, chain.block("latest").number) == (True, 3)
    told = urllib.request.Request(proxy.url, b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}')
    assert json.load(urllib.request.urlopen(told, timeout=5))["result"] == "0x3"
    assert set(proxy.outcomes(RECEIPT)) == {"lagged"}


def test_a_lag_beyond_the_first_block_shows_the_first_block(chain, proxy) -> None:
    chain.send(payment(0).raw)
    proxy.set(ANY, Lag(9))
    assert chain.block("latest") == chain.block(0)


# --- Rules -----------------------------------------------------------------------------------------------------------


def test_rules_stand_in_line_and_the_last_may_stay(chain, proxy) -> None:
    proxy.set("eth_getBalance", Pass(times=1), DropRequest(times=2), Refuse("try again"))
    told = []
    for _ in range(5):
        try:
            told.append(chain.balance(US))
        except ChainUnavailable as error:
            told.append(str(error).removeprefix(proxy.url))
    broken, busy = " cannot be reached: the connection failed.", " is busy: try again"
    assert told == [1000 * 10**18, broken, broken, busy, busy]
    assert proxy.outcomes("eth_getBalance") == ["passed", "dropped", "dropped", "refused", "refused"]


def test_a_method_without_rules_of_its_own_follows_those_for_any(chain, proxy) -> None:
    proxy.set(ANY, Refuse("try again"))
    proxy.set("eth_getBalance", Pass())
    assert chain.balance(US) == 1000 * 10**18
    with pytest.raises(ChainUnavailable, match="is busy: try again"):
        chain.nonce(US)
    proxy.clear()
    assert chain.nonce(US) == 0


def test_new_rules_take_the_place_of_the_old_and_cleared_ones_are_gone(chain, proxy) -> None:
    proxy.set("eth_getBalance", Refuse("try again"))
    proxy.set("eth_getBalance", Answer(b"", status=500))
    assert "HTTP status 500" in trouble(chain, proxy)
    proxy.clear("eth_getBalance")
    proxy.clear("eth_getBalance")
    assert chain.balance(US) == 1000 * 10**18


def test_rules_that_could_never_be_used_are_refused(proxy) -> None:
    with pytest.raises(ProxyError, match="A rule for eth_call stands behind one without end: give that one its times"):
        proxy.set("eth_call", DropRequest(), Pass())
    with pytest.raises(ProxyError, match=r"No rule was given for eth_call: clear\(\) takes rules away"):
        proxy.set("eth_call")


# --- Waiting and outages ---------------------------------------------------------------------------------------------


def test_a_drill_can_wait_until_something_was_sent(chain, proxy) -> None:
    proxy.set(SEND, Delay(30))
    transaction = payment(0)
    client = threading.Thread(target=lambda: pytest.raises(ChainUnavailable, chain.send, transaction.raw))
    client.start()
    proxy.wait_for(SEND, seconds=5)
    assert proxy.outcomes(SEND) == ["delayed"]
    proxy.stop()  # which wakes what waits
    client.join(timeout=3)
    assert not client.is_alive()


def test_waiting_for_what_does_not_come_ends(chain, proxy) -> None:
    chain.balance(US)
    with pytest.raises(ProxyError, match="eth_getBalance did not come 2 times within 0.1 seconds"):
        proxy.wait_for("eth_getBalance", count=2, seconds=0.1)


def test_an_outage_refuses_connections_and_keeps_rules_and_record(chain, proxy) -> None:
    proxy.set("eth_getBalance", Pass(times=1), Refuse("try again"))
    chain.balance(US)
    proxy.stop()
    proxy.stop()
    assert trouble(chain, proxy) == " cannot be reached: the connection failed."
    proxy.start()
    proxy.start()
    assert trouble(chain, proxy) == " is busy: try again"
    assert proxy.outcomes("eth_getBalance") == ["passed", "refused"]


# --- On a real node --------------------------------------------------------------------------------------------------


def test_in_front_of_a_real_node_a_lag_shows_older_tags_and_receipts(node: Node) -> None:
    transaction = node.send_from_stranger(INSURER, to=SHOP, gas=30_000)
    node.mine(6)
    with Proxy(node.url) as proxy:
        chain = EthereumChain(proxy.url)
        assert (chain.block("latest").number, chain.block("finalized").number) == (6, 4)
        proxy.set(ANY, Lag(3))
        assert (chain.block("latest").number, chain.block("finalized").number) == (3, 1)
        assert (chain.receipt(transaction.hash).block_number, chain.nonce(US)) == (1, 1)
        proxy.set(ANY, Lag(6))
        assert (chain.receipt(transaction.hash), chain.nonce(US)) == (None, 0)


def test_in_front_of_a_real_node_a_lost_reply_leaves_the_transaction_in_the_pool(start_node) -> None:
    node, other = start_node(), start_node()
    transaction = other.send_from_stranger(INSURER, to=SHOP, gas=30_000)
    with Proxy(node.url) as proxy:
        proxy.set(SEND, LoseReply(times=1))
        with pytest.raises(ChainUnavailable):
            EthereumChain(proxy.url).send(transaction.raw)
        assert [each.hash for each in node.pool()] == [transaction.hash]
        EthereumChain(proxy.url).send(transaction.raw)  # it has it already
    node.mine()
    assert EthereumChain(node.url).receipt(transaction.hash).succeeded
