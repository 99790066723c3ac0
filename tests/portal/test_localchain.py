"""The demo's chain answers like a node: real blocks and receipts, errors in a node's words, nothing beyond its need."""

import http.client
import json
import socket
import threading
from urllib.parse import urlsplit

import pytest
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth_hash.auto import keccak

from anchoring import registry
from anchoring.chain import Fees, address_of, sign
from portal.localchain import CHAIN_ID, MAX_REQUEST_BYTES, LocalChain

ALICE, BOB = b"\x11" * 32, b"\x22" * 32
FUNDS = 1000 * 10**18
DEPLOYMENT = registry.deploy_call(sender=address_of(ALICE))


@pytest.fixture
def local():
    with LocalChain(port=0, funded=[address_of(ALICE)]) as chain:
        yield chain


def request(local, method, body=b"", **headers):
    """One HTTP exchange: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(local.url).netloc, timeout=10)
    try:
        connection.request(method, "/", body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def post(local, document):
    status, headers, body = request(local, "POST", json.dumps(document).encode())
    assert (status, headers["Content-Type"], headers["Access-Control-Allow-Origin"]) == (200, "application/json", "*")
    return json.loads(body)


def ask(local, method, *params):
    """The result of a call; a KeyError if there was none."""
    return post(local, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})["result"]


def refusal(local, method, *params):
    error = post(local, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})["error"]
    return error["code"], error["message"]


def signed(call=DEPLOYMENT, *, key=ALICE, **changes):
    terms = {"nonce": 0, "fees": Fees(10**9, 10**10), "gas": 700_000, "chain_id": CHAIN_ID}
    return sign(call, key=key, **terms | changes)


def send(local, transaction):
    assert ask(local, "eth_sendRawTransaction", _hex(transaction.raw)) == _hex(transaction.hash)
    return ask(local, "eth_getTransactionReceipt", _hex(transaction.hash))


def _hex(value):
    return "0x" + value.hex()


# --- A chain ---------------------------------------------------------------------------------------------------------


def test_each_start_is_another_chain_of_the_same_id(local):
    with LocalChain(port=0) as other:
        assert ask(local, "eth_chainId") == ask(other, "eth_chainId") == "0x7a69"
        genesis, others = (ask(chain, "eth_getBlockByNumber", "0x0", False) for chain in (local, other))
    assert genesis["hash"] != others["hash"]


def test_an_address_named_at_the_start_has_funds_and_no_other(local):
    assert ask(local, "eth_getBalance", _hex(address_of(ALICE)), "latest") == hex(FUNDS)
    assert ask(local, "eth_getBalance", _hex(address_of(BOB)), "latest") == "0x0"


def test_a_transaction_is_mined_at_once_and_final(local):
    receipt = send(local, signed())
    assert (receipt["status"], receipt["blockNumber"], receipt["transactionIndex"]) == ("0x1", "0x1", "0x0")
    assert ask(local, "eth_blockNumber") == "0x1"
    blocks = [ask(local, "eth_getBlockByNumber", at, False) for at in ("latest", "finalized", "safe", "0x1")]
    assert [block["hash"] for block in blocks] == [receipt["blockHash"]] * 4
    assert ask(local, "eth_getTransactionCount", _hex(address_of(ALICE)), "latest") == "0x1"


def test_a_block_is_what_its_hash_says(local):
    """A verifier may rebuild the header from the answer and hash it."""
    send(local, signed())
    for at in ("0x0", "0x1"):
        answer = ask(local, "eth_getBlockByNumber", at, False)
        texts = {name: value for name, value in answer.items() if isinstance(value, str)}
        data = {name: bytes.fromhex(text[2:]) for name, text in texts.items() if len(text) % 2 == 0}
        quantity = {name: int(text, 16) for name, text in texts.items() if text != "0x"}
        header = PragueBlockHeader(
            parent_hash=data["parentHash"],
            uncles_hash=data["sha3Uncles"],
            coinbase=data["miner"],
            state_root=data["stateRoot"],
            transaction_root=data["transactionsRoot"],
            receipt_root=data["receiptsRoot"],
            bloom=quantity["logsBloom"],
            difficulty=quantity["difficulty"],
            block_number=quantity["number"],
            gas_limit=quantity["gasLimit"],
            gas_used=quantity["gasUsed"],
            timestamp=quantity["timestamp"],
            extra_data=data["extraData"],
            mix_hash=data["mixHash"],
            nonce=data["nonce"],
            base_fee_per_gas=quantity["baseFeePerGas"],
            withdrawals_root=data["withdrawalsRoot"],
            blob_gas_used=quantity["blobGasUsed"],
            excess_blob_gas=quantity["excessBlobGas"],
            parent_beacon_block_root=data["parentBeaconBlockRoot"],
            requests_hash=data["requestsHash"],
        )
        assert _hex(header.hash) == answer["hash"]


def test_blocks_follow_each_other(local):
    send(local, signed())
    send(local, signed(nonce=1))
    genesis, first, second = (ask(local, "eth_getBlockByNumber", hex(at), False) for at in range(3))
    assert [first["parentHash"], second["parentHash"]] == [genesis["hash"], first["hash"]]
    assert int(genesis["timestamp"], 16) < int(first["timestamp"], 16) < int(second["timestamp"], 16)
    assert ask(local, "eth_getBlockByHash", first["hash"], False) == first
    assert first["transactions"] == [_hex(signed().hash)]


def test_a_receipt_holds_the_events_of_its_transaction(local):
    contract = bytes.fromhex(send(local, signed())["contractAddress"][2:])
    register = registry.register_call(sender=address_of(ALICE), contract=contract, salt=bytes(32))
    receipt = send(local, signed(register, nonce=1))
    log_id = registry.log_id(controller=address_of(ALICE), salt=bytes(32))
    place = {name: receipt[name] for name in ("blockHash", "blockNumber", "transactionHash", "transactionIndex")}
    assert receipt["logs"] == [
        place
        | {
            "address": _hex(contract),
            "topics": [_hex(keccak(b"Registered(bytes32,address)")), _hex(log_id)],
            "data": _hex(address_of(ALICE).rjust(32, b"\0")),
            "logIndex": "0x0",
            "removed": False,
        }
    ]
    assert (receipt["from"], receipt["to"]) == (_hex(address_of(ALICE)), _hex(contract))
    assert (receipt["contractAddress"], receipt["type"]) == (None, "0x2")


def test_a_block_gives_all_its_receipts(local):
    transaction = signed()
    send(local, transaction)
    each = ask(local, "eth_getTransactionReceipt", "0x" + transaction.hash.hex())
    assert ask(local, "eth_getBlockReceipts", "0x1") == ask(local, "eth_getBlockReceipts", "latest") == [each]
    assert ask(local, "eth_getBlockReceipts", "0x0") == []
    assert ask(local, "eth_getBlockReceipts", "0x2") is None


def test_what_is_not_there_is_null(local):
    assert ask(local, "eth_getBlockByNumber", "0x1", False) is None
    assert ask(local, "eth_getBlockByHash", "0x" + "00" * 32, False) is None
    assert ask(local, "eth_getTransactionReceipt", "0x" + "00" * 32) is None
    assert ask(local, "eth_getCode", "0x" + "00" * 20, "latest") == "0x"


def test_older_states_can_be_asked(local):
    contract = send(local, signed())["contractAddress"]
    assert ask(local, "eth_getCode", contract, "0x0") == "0x"
    assert ask(local, "eth_getTransactionCount", _hex(address_of(ALICE)), "0x0") == "0x0"
    assert refusal(local, "eth_getCode", contract, "0x2") == (-32000, "header not found")


def test_it_suggests_fees_that_it_takes(local):
    base = int(ask(local, "eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    tip = int(ask(local, "eth_maxPriorityFeePerGas"), 16)
    assert int(ask(local, "eth_gasPrice"), 16) <= base + tip
    assert send(local, signed(fees=Fees(tip, tip + 2 * base)))["status"] == "0x1"


def test_an_estimate_suffices_and_is_near(local):
    call = {"from": _hex(address_of(ALICE)), "data": _hex(DEPLOYMENT.data)}
    estimate = int(ask(local, "eth_estimateGas", call), 16)
    used = int(send(local, signed(gas=estimate))["gasUsed"], 16)
    assert used <= estimate <= used + 2_000


# --- A node's words for what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nonce": 1}, "nonce too high: next nonce 0, tx nonce 1"),
        ({"chain_id": 1}, "invalid chain id for signer"),
        ({"fees": Fees(1, 1)}, "max fee per gas less than block base fee"),
        ({"fees": Fees(1, 10**18)}, "insufficient funds for gas * price + value"),
        ({"gas": 21_000}, "intrinsic gas too low"),
    ],
)
def test_an_unfit_transaction_is_refused_and_changes_nothing(local, changes, said):
    assert refusal(local, "eth_sendRawTransaction", _hex(signed(**changes).raw)) == (-32000, said)
    assert ask(local, "eth_blockNumber") == "0x0"
    assert send(local, signed())["status"] == "0x1"


def test_a_transaction_is_taken_once(local):
    send(local, signed())
    said = "nonce too low: next nonce 1, tx nonce 0"
    assert refusal(local, "eth_sendRawTransaction", _hex(signed().raw)) == (-32000, said)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "transaction type not supported: only EIP-1559 is"),
        (b"\xf8\x6c", "transaction type not supported: only EIP-1559 is"),
        (b"\x02", "transaction cannot be decoded"),
        (b"\x02\xc0", "transaction cannot be decoded"),
        (b"\x02" + b"\xff" * 200, "transaction cannot be decoded"),
        (signed().raw[:-1], "transaction cannot be decoded"),
        (signed().raw + b"\0", "transaction cannot be decoded"),
    ],
)
def test_bytes_that_are_no_transaction_are_refused(local, raw, said):
    assert refusal(local, "eth_sendRawTransaction", _hex(raw)) == (-32000, said)


def test_a_transaction_beyond_the_blocks_gas_is_refused(local):
    code, said = refusal(local, "eth_sendRawTransaction", _hex(signed(gas=30_000_001).raw))
    assert (code, "gas" in said.lower()) == (-32000, True)
    assert send(local, signed())["status"] == "0x1"


def test_a_refusing_contract_is_quoted_with_its_data(local):
    contract = bytes.fromhex(send(local, signed())["contractAddress"][2:])
    call = registry.handover_call(
        sender=address_of(ALICE), contract=contract, log_id=bytes(32), size=0, root=bytes(32), new_controller=bytes(20)
    )
    fields = {"from": _hex(call.sender), "to": _hex(contract), "data": _hex(call.data)}
    for method in ("eth_call", "eth_estimateGas"):
        error = post(local, {"jsonrpc": "2.0", "id": 7, "method": method, "params": [fields]})["error"]
        assert (error["code"], error["message"]) == (3, "execution reverted: not the head")
        assert error["data"].startswith(_hex(keccak(b"Error(string)")[:4]))


def test_a_call_that_runs_out_of_gas_is_told_so(local):
    contract = send(local, signed())["contractAddress"]
    fields = {"to": contract, "data": _hex(keccak(b"head(bytes32)")[:4] + bytes(32)), "gas": "0x5300"}
    assert refusal(local, "eth_call", fields) == (-32000, "execution failed: OutOfGas")


# --- JSON-RPC and HTTP -----------------------------------------------------------------------------------------------


def test_an_unknown_method_is_refused_by_its_code(local):
    said = "the method eth_accounts does not exist/is not available"
    assert refusal(local, "eth_accounts") == (-32601, said)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_chainId", [1]),
        ("eth_getBalance", []),
        ("eth_getBalance", ["0x00", "latest"]),
        ("eth_getBalance", [None, "latest"]),
        ("eth_getBalance", ["0x" + "00" * 20, "newest"]),
        ("eth_getBlockByNumber", ["1", False]),
        ("eth_getBlockByNumber", [1, False]),
        ("eth_getBlockByNumber", [["latest"], False]),
        ("eth_getBlockByNumber", ["0x0", True]),
        ("eth_getTransactionReceipt", ["0x1234"]),
        ("eth_call", ["0x", "latest"]),
        ("eth_call", [{"to": 5}, "latest"]),
        ("eth_call", [{"data": "0x1"}, "latest"]),
        ("eth_sendRawTransaction", ["02"]),
    ],
)
def test_wrong_parameters_are_refused_by_their_code(local, method, params):
    assert refusal(local, method, *params)[0] == -32602


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"\xff", -32700),
        (b"[" * 5_000, -32700),
        (b"[]", -32600),
        (b"5", -32600),
        (b'{"id":1}', -32600),
        (b'{"id":1,"method":5}', -32600),
        (b'{"id":1,"method":"eth_chainId","params":{}}', -32602),
    ],
)
def test_what_is_no_request_is_answered_with_the_standards_code(local, body, code):
    status, _, answer = request(local, "POST", body)
    assert (status, json.loads(answer)["error"]["code"]) == (200, code)


def test_an_answer_carries_the_requests_id(local):
    for identifier in (7, "seven", None):
        answer = post(local, {"jsonrpc": "2.0", "id": identifier, "method": "eth_chainId", "params": []})
        assert answer == {"jsonrpc": "2.0", "id": identifier, "result": "0x7a69"}


def test_a_page_from_anywhere_may_ask(local):
    status, headers, body = request(
        local, "OPTIONS", Origin="null", **{"Access-Control-Request-Method": "POST"}
    )  # fmt: skip
    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Headers"] == "content-type"
    assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("length", "status"),
    [(str(MAX_REQUEST_BYTES + 1), 413), ("-1", 411), ("x", 411), ("1" * 30, 411), ("١", 411)],
)
def test_a_request_of_absurd_length_is_refused_unread(local, length, status):
    with socket.create_connection(("127.0.0.1", int(local.url.rsplit(":", 1)[1])), timeout=5) as wire:
        wire.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
        assert wire.recv(100).split()[1] == str(status).encode()


def test_it_listens_on_the_loopback_interface_only(local):
    assert local.url.startswith("http://127.0.0.1:")


def test_many_ask_at_once_and_each_nonce_is_taken_by_one(local):
    outcomes = []
    transactions = [signed(fees=Fees(10**9 + i, 10**10)) for i in range(6)]
    threads = [
        threading.Thread(
            target=lambda raw=transaction.raw: outcomes.append(
                post(local, {"id": 1, "method": "eth_sendRawTransaction", "params": [_hex(raw)]})
            )
        )
        for transaction in transactions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("result" in outcome for outcome in outcomes) == [False] * 5 + [True]
    assert ask(local, "eth_blockNumber") == "0x1"


def test_a_taken_port_is_an_error_at_once(local):
    with pytest.raises(OSError, match="in use"):
        LocalChain(port=int(local.url.rsplit(":", 1)[1]))


def test_after_the_stop_the_port_is_free_again():
    first = LocalChain(port=0)
    first.start()
    port = int(first.url.rsplit(":", 1)[1])
    first.stop()
    with LocalChain(port=port) as second:
        assert ask(second, "eth_blockNumber") == "0x0"


def test_a_chain_that_never_started_can_be_stopped():
    LocalChain(port=0).stop()
