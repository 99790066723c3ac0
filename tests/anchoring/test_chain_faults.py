"""What a network, a gateway or a node can do wrong: each ends in one kind of error, in words, without a secret."""

import gzip
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from eth_hash.auto import keccak

from anchoring import registry
from anchoring.chain import (
    CallReverted,
    ChainError,
    ChainRefused,
    ChainUnavailable,
    EthereumChain,
    Fees,
    NoFunds,
    NonceTooLow,
    Underpriced,
    address_of,
    sign,
)
from portal.localchain import LocalChain

INSURER = b"\x11" * 32
HASH = "0x" + "ab" * 32
RAW = b"\x02raw"


class Wire:
    """A server that answers each request with what ``reply(method)`` gives: status, content type and body."""

    def __init__(self, reply, timeout):
        wire = self
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                wire.asked.append(request["method"])
                reply(self, request)

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.host = f"http://127.0.0.1:{self._server.server_port}"
        self.chain = EthereumChain(self.host + "/v3/SECRET?key=SECRET", timeout=timeout)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def local_chain():
    with LocalChain(port=0, funded=[address_of(INSURER)]) as local:
        yield local


@pytest.fixture
def wire():
    """Makes servers and closes them."""
    opened = []

    def make(reply, *, timeout=5.0):
        opened.append(Wire(reply, timeout))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def http(body, *, status=200, content_type="application/json", headers=()):
    """A reply of these bytes."""

    def reply(handler, _request):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def rpc(**answers):
    """A reply by method: its result, or an exception's text as the error; what is not named does not exist."""

    def reply(handler, request):
        answer = answers.get(request["method"], ValueError("the method does not exist/is not available"))
        outcome = {"error": {"code": -32000, "message": str(answer)}} if isinstance(answer, Exception) else {}
        body = {"jsonrpc": "2.0", "id": request["id"], **(outcome or {"result": answer})}
        http(json.dumps(body).encode())(handler, request)

    return reply


def problem(ask):
    """The one error that comes out: it names the host, no secret, and carries no cause that would be logged."""
    with pytest.raises(ChainError) as caught:
        ask()
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return type(caught.value), str(caught.value)


def test_a_chain_that_is_down_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        chain = EthereumChain(host + "/v3/SECRET")
        assert problem(chain.identity) == (ChainUnavailable, f"{host} cannot be reached: the connection failed.")


def test_an_address_that_is_no_url_is_unavailable():
    kind, _ = problem(EthereumChain("http://[SECRET").identity)
    assert kind is ChainUnavailable


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_refusing_gateway_is_unavailable_and_its_status_named(wire, status):
    server = wire(http(b"{}", status=status))
    text = f"{server.host} cannot be reached: it answered with HTTP status {status}."
    assert problem(server.chain.identity) == (ChainUnavailable, text)
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(wire):
    elsewhere = wire(rpc(eth_chainId="0x1"))
    server = wire(http(b"", status=307, headers=[("Location", elsewhere.host)]))
    assert problem(server.chain.identity)[0] is ChainUnavailable
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Sign in to the network SECRET</html>", "text/html"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"jsonrpc":"2.0","id":1,"result":"0x1"', "application/json"),
        (b"[" * 5_000, "application/json"),
    ],
)
def test_what_is_not_json_is_unavailable(wire, body, content_type):
    server = wire(http(body, content_type=content_type))
    text = f"{server.host} answered eth_getBalance with something that is not JSON."
    assert problem(lambda: server.chain.balance(b"\1" * 20)) == (ChainUnavailable, text)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"0x1"', b"{}", b'{"jsonrpc":"2.0","id":1}'])
def test_what_is_no_answer_is_unavailable(wire, body):
    server = wire(http(body))
    text = f"{server.host} answered eth_getBalance with something that cannot be one."
    assert problem(lambda: server.chain.balance(b"\1" * 20)) == (ChainUnavailable, text)


GARBAGE = [None, 1, True, "", "0x", "0xg1", "12", "0x" + "1" * 65, ["0x1"], {"a": "0x1"}, HASH[:-1], "0x١"]
GENESIS = {"number": "0x0", "hash": HASH, "timestamp": "0x1"}
RECEIPT = {
    "transactionHash": HASH,
    "status": "0x1",
    "blockNumber": "0x5",
    "blockHash": HASH,
    "transactionIndex": "0x0",
    "contractAddress": None,
    "logs": [{"address": "0x" + "01" * 20, "topics": [HASH], "data": "0x"}],
}


@pytest.mark.parametrize("answer", GARBAGE)
def test_garbage_for_a_number_or_a_word_is_unavailable(wire, answer):
    server = wire(rpc(**dict.fromkeys(("eth_getBalance", "eth_estimateGas", "eth_sendRawTransaction"), answer)))
    call = registry.register_call(sender=b"\1" * 20, contract=b"\2" * 20, salt=bytes(32))
    asks = [lambda: server.chain.send(RAW)]
    if answer != HASH[:-1]:  # which is a fine number
        asks += [lambda: server.chain.balance(b"\1" * 20), lambda: server.chain.estimate(call)]
    assert [problem(ask)[0] for ask in asks] == [ChainUnavailable] * len(asks)


@pytest.mark.parametrize("answer", [*(g for g in GARBAGE if g not in ("0x",)), "0x" + "00" * 31, "0x" + "00" * 64])
def test_garbage_for_a_head_is_unavailable(wire, answer):
    server = wire(rpc(eth_call=answer))
    assert problem(lambda: server.chain.head(b"\1" * 20, bytes(32)))[0] is ChainUnavailable


@pytest.mark.parametrize(
    "changes",
    [
        *({name: value} for name in ("status", "blockNumber", "transactionIndex") for value in (None, "", 5, "0x")),
        {"status": "0x2"},
        {"transactionHash": "0x" + "cd" * 32},
        {"blockHash": HASH[:-2]},
        {"contractAddress": "0x01"},
        {"logs": None},
        {"logs": [{}]},
        {"logs": [{**RECEIPT["logs"][0], "topics": ["0x01"]}]},
        {"logs": [{**RECEIPT["logs"][0], "data": "0x1"}]},
        {"logs": [{**RECEIPT["logs"][0], "address": HASH}]},
    ],
)
def test_a_receipt_with_a_wrong_member_is_garbage(wire, changes):
    good, bad = (wire(rpc(eth_getTransactionReceipt=answer)).chain.receipt for answer in (RECEIPT, RECEIPT | changes))
    assert good(bytes.fromhex("ab" * 32)).block_number == 5
    text = "answered eth_getTransactionReceipt with something that cannot be one."
    kind, said = problem(lambda: bad(bytes.fromhex("ab" * 32)))
    assert (kind, said.split(" ", 1)[1]) == (ChainUnavailable, text)


@pytest.mark.parametrize("missing", RECEIPT)
def test_a_receipt_that_lacks_a_member_is_garbage(wire, missing):
    rest = {name: value for name, value in RECEIPT.items() if name != missing}
    server = wire(rpc(eth_getTransactionReceipt=rest))
    if missing == "contractAddress":  # optional: only transactions that make a contract have one
        assert server.chain.receipt(bytes.fromhex("ab" * 32)).contract is None
    else:
        assert problem(lambda: server.chain.receipt(bytes.fromhex("ab" * 32)))[0] is ChainUnavailable


@pytest.mark.parametrize("answer", [None, RECEIPT | {"blockHash": None}])
def test_a_transaction_that_waits_has_no_receipt_yet(wire, answer):
    assert wire(rpc(eth_getTransactionReceipt=answer)).chain.receipt(bytes.fromhex("ab" * 32)) is None


@pytest.mark.parametrize("changes", [{"number": "0x1"}, {"hash": "0x"}, {"timestamp": None}, {"timestamp": "1"}])
def test_a_block_with_a_wrong_member_is_garbage(wire, changes):
    assert wire(rpc(eth_getBlockByNumber=GENESIS)).chain.block(0).timestamp == 1
    server = wire(rpc(eth_getBlockByNumber=GENESIS | changes))
    assert problem(lambda: server.chain.block(0))[0] is ChainUnavailable


def test_a_chain_without_its_first_block_is_unavailable(wire):
    server = wire(rpc(eth_getBlockByNumber=None, eth_chainId="0x1"))
    text = f"{server.host} does not know its chain's first block."
    assert problem(server.chain.identity) == (ChainUnavailable, text)


@pytest.mark.parametrize("answer", [None, ValueError("finalized block not found"), ValueError("Unknown block")])
def test_a_young_chain_has_no_final_block(wire, answer):
    assert wire(rpc(eth_getBlockByNumber=answer)).chain.block("finalized") is None


def test_an_answer_that_never_comes_is_given_up(wire):
    done = threading.Event()
    server = wire(lambda _handler, _request: done.wait(5), timeout=0.3)
    start = time.monotonic()
    text = f"{server.host} cannot be reached: it did not answer in time."
    assert problem(lambda: server.chain.balance(b"\1" * 20)) == (ChainUnavailable, text)
    done.set()
    assert time.monotonic() - start < 2


def test_an_answer_that_drips_is_given_up(wire):
    def drip(handler, _request):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(30):
            time.sleep(0.05)
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    server = wire(drip, timeout=0.3)
    start = time.monotonic()
    text = f"{server.host} took longer than 0.3 seconds."
    assert problem(lambda: server.chain.balance(b"\1" * 20)) == (ChainUnavailable, text)
    assert time.monotonic() - start < 1


def test_a_lost_reply_leaves_the_outcome_open_and_the_receipt_tells_it(wire, local_chain):
    direct = EthereumChain(local_chain.url)
    call = registry.deploy_call(sender=address_of(INSURER))
    transaction = sign(call, key=INSURER, nonce=0, fees=direct.fees(), gas=1_000_000, chain_id=31337)

    def pass_on_and_hang_up(handler, request):
        direct.send(bytes.fromhex(request["params"][0][2:]))
        handler.close_connection = True

    server = wire(pass_on_and_hang_up)
    text = f"{server.host} cannot be reached: the connection failed."
    assert problem(lambda: server.chain.send(transaction.raw)) == (ChainUnavailable, text)
    assert direct.receipt(transaction.hash).succeeded


@pytest.mark.parametrize(
    "said", ["already known", "transaction already imported", "ALREADY_EXISTS: already known", "known transaction: ab"]
)
def test_a_node_that_has_the_bytes_already_is_content(wire, said):
    assert wire(rpc(eth_sendRawTransaction=ValueError(said))).chain.send(RAW) is None


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ("nonce too low: next nonce 5, tx nonce 4", NonceTooLow, "The nonce is used"),
        ("OldNonce", NonceTooLow, "The nonce is used"),
        ("insufficient funds for gas * price + value", NoFunds, "The chain key's address has no funds"),
        ("replacement transaction underpriced", Underpriced, "The offered fee is too low"),
        ("max fee per gas less than block base fee", Underpriced, "The offered fee is too low"),
        ("FeeTooLow, EffectivePriorityFeePerGas too low", Underpriced, "The offered fee is too low"),
        ("execution reverted", CallReverted, "The contract refuses the call"),
    ],
)
def test_a_refusal_is_understood_by_its_words(wire, said, kind, text):
    server = wire(rpc(eth_sendRawTransaction=ValueError(said)))
    assert problem(lambda: server.chain.send(RAW)) == (kind, f"{text}: {said}")


def test_a_refusal_in_unknown_words_is_passed_on_without_keys(wire):
    said = "see https://me:SECRET@docs.example/SECRET\nfor unknown transaction types " + "x" * 500
    server = wire(rpc(eth_sendRawTransaction=ValueError(said)))
    kind, text = problem(lambda: server.chain.send(RAW))
    shown = ("see https://docs.example for unknown transaction types " + "x" * 500)[:200]
    assert (kind, text) == (ChainRefused, f"{server.host} refused: {shown}")


@pytest.mark.parametrize("said", ["rate limit exceeded", "Too Many Requests", "request timed out"])
def test_a_busy_node_is_unavailable(wire, said):
    server = wire(rpc(eth_getBalance=ValueError(said)))
    text = f"{server.host} is busy: {said}"
    assert problem(lambda: server.chain.balance(b"\1" * 20)) == (ChainUnavailable, text)


def test_a_node_that_answers_a_send_with_another_hash_is_not_believed(wire):
    server = wire(rpc(eth_sendRawTransaction=HASH))
    assert problem(lambda: server.chain.send(RAW))[0] is ChainUnavailable


def test_without_a_suggested_tip_the_gas_price_gives_it(wire):
    latest = GENESIS | {"baseFeePerGas": "0x64"}
    server = wire(rpc(eth_getBlockByNumber=latest, eth_gasPrice="0x6e"))
    assert server.chain.fees() == Fees(tip=10, cap=210)


def test_a_tip_that_is_refused_for_another_reason_is_not_guessed(wire):
    latest = GENESIS | {"baseFeePerGas": "0x64"}
    server = wire(rpc(eth_getBlockByNumber=latest, eth_maxPriorityFeePerGas=ValueError("no"), eth_gasPrice="0x6e"))
    assert problem(server.chain.fees) == (ChainRefused, f"{server.host} refused: no")


def test_a_chain_without_a_base_fee_is_refused(wire):
    server = wire(rpc(eth_getBlockByNumber=GENESIS, eth_maxPriorityFeePerGas="0x1"))
    text = f"The chain behind {server.host} has no base fee (EIP-1559)."
    assert problem(server.chain.fees) == (ChainRefused, text)


def test_a_block_that_is_refused_for_another_reason_is_not_taken_for_absent(wire):
    server = wire(rpc(eth_getBlockByNumber=ValueError("no")))
    assert problem(lambda: server.chain.block("finalized")) == (ChainRefused, f"{server.host} refused: no")


@pytest.mark.parametrize("latest", [None, GENESIS | {"baseFeePerGas": None}, GENESIS | {"baseFeePerGas": "100"}])
def test_a_base_fee_that_is_none_is_garbage(wire, latest):
    server = wire(rpc(eth_getBlockByNumber=latest, eth_maxPriorityFeePerGas="0x1"))
    assert problem(server.chain.fees)[0] is ChainUnavailable


@pytest.mark.parametrize("data", ["0x", "0x08c379a0", "0x" + "ff" * 68, "junk", 5, {"data": "0x"}])
def test_a_revert_without_a_readable_reason_is_still_one(wire, data):
    error = {"code": 3, "message": "execution reverted", "data": data}
    server = wire(http(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()))
    call = registry.deploy_call(sender=address_of(INSURER))
    text = "The contract refuses the call: execution reverted"
    assert problem(lambda: server.chain.estimate(call)) == (CallReverted, text)


def test_an_answer_in_packed_chunks_is_read_to_its_end(wire):
    def in_chunks(handler, request):
        body = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "0x" + "cd" * 5000}).encode())
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), 7):
            piece = body[start : start + 7]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    assert wire(in_chunks).chain.code_hash(b"\1" * 20) == keccak(b"\xcd" * 5000)


def test_a_long_answer_that_breaks_off_is_unavailable(wire):
    def broken_off(handler, _request):
        handler.send_response(200)
        handler.send_header("Content-Length", "300000")
        handler.end_headers()
        handler.wfile.write(b'{"jsonrpc": "2.0", "id": 1, "result": "0x' + b"ab" * 50_000)

    server = wire(broken_off)
    text = f"{server.host} cannot be reached: the connection failed."
    assert problem(lambda: server.chain.code_hash(b"\1" * 20)) == (ChainUnavailable, text)
