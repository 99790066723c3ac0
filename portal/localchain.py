"""The demo's chain: a real EVM in this process behind as much JSON-RPC as our client and our verifiers speak.

Each start is a new chain with another genesis hash; nothing is kept. Every transaction is mined at once in a block of
its own, and the newest block counts as final. It listens on the loopback interface only, answers any web page (CORS),
so that a verifier in the browser can ask it, and holds no keys: it takes signed transactions and nothing else.
"""

import inspect
import json
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import rlp  # type: ignore[import-untyped]
from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.estimators.gas import binary_gas_search_1000_tolerance
from eth.exceptions import HeaderNotFound, Revert, TransactionNotFound, VMError
from eth.vm.forks import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_utils.exceptions import ValidationError

# py-evm and py_ecc raise the interpreter's recursion limit, for contracts that call contracts a thousand deep. Ours
# calls none, and at such a limit deeply nested JSON would end the process instead of raising RecursionError.
sys.setrecursionlimit(1000)

CHAIN_ID = 31337  # what development chains call themselves
GAS_LIMIT = 30_000_000
ONE_ETHER = 10**18
TIP = 10**9  # wei a unit of gas: what eth_maxPriorityFeePerGas suggests
MAX_REQUEST_BYTES = 1 << 20
CLIENT_SECONDS = 10  # a client that says nothing for so long is hung up on


class RpcError(Exception):
    """What the caller did wrong, as JSON-RPC tells it; ``data`` is what a contract reverted with."""

    def __init__(self, code: int, message: str, data: bytes | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> dict[str, Any]:
        """The answer's ``error`` member."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self.data is None else error | {"data": _hex(self.data)}


class _DevelopmentChain(MiningChain):
    chain_id = CHAIN_ID
    vm_configuration = ((0, PragueVM),)
    gas_estimator = staticmethod(binary_gas_search_1000_tolerance)

    def create_header_from_parent(self, parent_header: BlockHeaderAPI, **header_params: Any) -> BlockHeaderAPI:
        """The next header, with the same gas limit: py-evm would let it sink while blocks are empty."""
        return super().create_header_from_parent(parent_header, **{**header_params, "gas_limit": GAS_LIMIT})


class Ledger:
    """The chain itself, without the network: one lock, methods in the words of JSON-RPC.

    ``contracts`` (address → code) stand on it from the first block.
    """

    def __init__(self, funded: Iterable[bytes] = (), contracts: Mapping[bytes, bytes] | None = None) -> None:
        account = {"balance": 1000 * ONE_ETHER, "nonce": 0, "code": b"", "storage": {}}
        accounts = dict.fromkeys(funded, account)
        for address, code in (contracts or {}).items():
            accounts[address] = {"balance": 0, "nonce": 1, "code": code, "storage": {}}
        genesis = {
            "coinbase": ZERO_ADDRESS,
            "difficulty": 0,
            "extra_data": secrets.token_bytes(32),  # what makes each start another chain
            "gas_limit": GAS_LIMIT,
            "mix_hash": bytes(32),
            "nonce": bytes(8),
            "receipt_root": BLANK_ROOT_HASH,
            "timestamp": int(time.time()) - 1,
            "transaction_root": BLANK_ROOT_HASH,
        }
        self._lock = threading.Lock()
        self._chain: Any = _DevelopmentChain.from_genesis(AtomicDB(), genesis, accounts)
        self._methods: dict[str, Callable[..., Any]] = {
            "eth_blockNumber": self._block_number,
            "eth_call": self._call,
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_estimateGas": self._estimate,
            "eth_gasPrice": lambda: hex(self._base_fee() + TIP),
            "eth_getBalance": lambda address, at="latest": hex(self._state(at).get_balance(_address(address))),
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getCode": lambda address, at="latest": _hex(self._state(at).get_code(_address(address))),
            "eth_getTransactionCount": lambda address, at="latest": hex(self._state(at).get_nonce(_address(address))),
            "eth_getTransactionReceipt": self._receipt,
            "eth_maxPriorityFeePerGas": lambda: hex(TIP),
            "eth_sendRawTransaction": self._send,
            "net_version": lambda: str(CHAIN_ID),
            "web3_clientVersion": lambda: "touchstone-localchain",
        }

    def answer(self, method: str, params: list[Any]) -> Any:
        """The ``result`` of one request, or ``RpcError``."""
        handler = self._methods.get(method)
        if handler is None:
            raise RpcError(-32601, f"the method {method[:80]} does not exist/is not available")
        try:
            inspect.signature(handler).bind(*params)
        except TypeError as error:
            raise RpcError(-32602, f"invalid params: {error}") from error
        with self._lock:
            return handler(*params)

    # --- Reading ---------------------------------------------------------------------------------------------------

    def _head(self) -> BlockHeaderAPI:
        return self._chain.get_canonical_head()

    def _block_number(self) -> str:
        return hex(self._head().block_number)

    def _header(self, at: Any) -> BlockHeaderAPI:
        """The header at a height or tag; there is no pending block, and the newest one is final."""
        if at in ("latest", "finalized", "safe", "pending"):
            return self._head()
        number = 0 if at == "earliest" else _quantity(at)
        if number > self._head().block_number:
            raise HeaderNotFound
        return self._chain.get_canonical_block_header_by_number(number)

    def _state(self, at: Any) -> Any:
        try:
            return self._chain.get_vm(self._header(at)).state
        except HeaderNotFound as error:
            raise RpcError(-32000, "header not found") from error

    def _base_fee(self) -> int:
        """What the next block asks for."""
        return self._chain.header.base_fee_per_gas

    def _block_by_number(self, at: Any, full: Any = False) -> dict[str, Any] | None:
        try:
            header = self._header(at)
        except HeaderNotFound:
            return None
        return self._block_json(header, full)

    def _block_by_hash(self, block_hash: Any, full: Any = False) -> dict[str, Any] | None:
        try:
            header = self._chain.get_block_header_by_hash(_data(block_hash, size=32))
        except HeaderNotFound:
            return None
        return self._block_json(header, full)

    def _block_json(self, header: BlockHeaderAPI, full: Any) -> dict[str, Any]:
        if full is not False:
            raise RpcError(-32602, "invalid params: only transaction hashes are given")
        return _block_json(self._chain.get_block_by_header(header))

    def _receipt(self, transaction: Any) -> dict[str, Any] | None:
        wanted = _data(transaction, size=32)
        try:
            number, index = self._chain.get_canonical_transaction_index(wanted)
        except TransactionNotFound:
            return None
        block = self._chain.get_canonical_block_by_number(number)
        return _receipt_json(block, block.get_receipts(self._chain.chaindb), index)

    def _block_receipts(self, at: Any) -> list[dict[str, Any]] | None:
        try:
            block = self._chain.get_block_by_header(self._header(at))
        except HeaderNotFound:
            return None
        receipts = block.get_receipts(self._chain.chaindb)
        return [_receipt_json(block, receipts, index) for index in range(len(receipts))]

    # --- Executing -------------------------------------------------------------------------------------------------

    def _call(self, call: Any, at: Any = "latest") -> str:
        transaction = self._unsigned(call)
        try:
            return _hex(self._chain.get_transaction_result(transaction, self._header(at)))
        except HeaderNotFound as error:
            raise RpcError(-32000, "header not found") from error
        except VMError as error:
            raise _execution_error(error) from error

    def _estimate(self, call: Any, at: Any = "latest") -> str:
        transaction = self._unsigned(call)
        try:
            return hex(self._chain.estimate_gas(transaction, self._header(at)))
        except HeaderNotFound as error:
            raise RpcError(-32000, "header not found") from error
        except VMError as error:
            raise _execution_error(error) from error
        except ValidationError as error:
            raise RpcError(-32000, str(error)) from error

    def _unsigned(self, call: Any) -> Any:
        """A call's transaction, as if its sender had signed it; nobody pays for it."""
        if not isinstance(call, dict):
            raise RpcError(-32602, "invalid params: a call is an object")
        sender = _address(call.get("from", _hex(ZERO_ADDRESS)))
        to = call.get("to")
        transaction = (
            self._chain.get_vm()
            .get_transaction_builder()
            .create_unsigned_transaction(
                nonce=self._state("latest").get_nonce(sender),
                gas_price=0,
                gas=_quantity(call.get("gas", hex(GAS_LIMIT))),
                to=CREATE_CONTRACT_ADDRESS if to is None else _address(to),
                value=_quantity(call.get("value", "0x0")),
                data=_data(call.get("input", call.get("data", "0x"))),
            )
        )
        return SpoofTransaction(transaction, from_=sender)

    def _send(self, raw: Any) -> str:
        transaction = self._decoded(_data(raw))
        self._refuse_unfit(transaction)
        self._chain.set_header_timestamp(max(int(time.time()), self._head().timestamp + 1))
        try:
            self._chain.apply_transaction(transaction)
        except (ValidationError, VMError) as error:
            raise RpcError(-32000, str(error)) from error
        self._chain.mine_block(mix_hash=secrets.token_bytes(32))
        return _hex(transaction.hash)

    def _decoded(self, raw: bytes) -> SignedTransactionAPI:
        if raw[:1] != b"\x02":
            raise RpcError(-32000, "transaction type not supported: only EIP-1559 is")
        try:
            transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.check_signature_validity()
        except (rlp.exceptions.RLPException, ValidationError, ValueError, IndexError) as error:
            raise RpcError(-32000, "transaction cannot be decoded") from error
        if transaction.chain_id != CHAIN_ID:
            raise RpcError(-32000, "invalid chain id for signer")
        return transaction

    def _refuse_unfit(self, transaction: SignedTransactionAPI) -> None:
        """What a node's pool says about a transaction that cannot be mined now, in a well-known client's words."""
        state = self._state("latest")
        expected = state.get_nonce(transaction.sender)
        if transaction.nonce < expected:
            raise RpcError(-32000, f"nonce too low: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.nonce > expected:
            raise RpcError(-32000, f"nonce too high: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.max_fee_per_gas < self._base_fee():
            raise RpcError(-32000, "max fee per gas less than block base fee")
        if state.get_balance(transaction.sender) < transaction.gas * transaction.max_fee_per_gas + transaction.value:
            raise RpcError(-32000, "insufficient funds for gas * price + value")
        if transaction.gas < transaction.intrinsic_gas:
            raise RpcError(-32000, "intrinsic gas too low")


def _execution_error(error: VMError) -> RpcError:
    """A failed call in a node's words, with the contract's reason if it gave one."""
    if not isinstance(error, Revert):
        return RpcError(-32000, f"execution failed: {type(error).__name__}")
    data = error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
    reason = ""
    if data[:4] == keccak(b"Error(string)")[:4] and len(data) >= 68:
        length = int.from_bytes(data[36:68], "big")
        reason = ": " + data[68 : 68 + length].decode("utf-8", "replace")
    return RpcError(3, f"execution reverted{reason}", data)


# --- The shapes of answers -------------------------------------------------------------------------------------------


def _block_json(block: BlockAPI) -> dict[str, Any]:
    header: Any = block.header
    quantities = {
        "baseFeePerGas": header.base_fee_per_gas,
        "blobGasUsed": header.blob_gas_used,
        "difficulty": header.difficulty,
        "excessBlobGas": header.excess_blob_gas,
        "gasLimit": header.gas_limit,
        "gasUsed": header.gas_used,
        "number": header.block_number,
        "size": len(rlp.encode(block)),
        "timestamp": header.timestamp,
    }
    hashes = {
        "extraData": header.extra_data,
        "hash": header.hash,
        "logsBloom": header.bloom.to_bytes(256, "big"),
        "miner": header.coinbase,
        "mixHash": header.mix_hash,
        "nonce": header.nonce,
        "parentBeaconBlockRoot": header.parent_beacon_block_root,
        "parentHash": header.parent_hash,
        "receiptsRoot": header.receipt_root,
        "requestsHash": header.requests_hash,
        "sha3Uncles": header.uncles_hash,
        "stateRoot": header.state_root,
        "transactionsRoot": header.transaction_root,
        "withdrawalsRoot": header.withdrawals_root,
    }
    return {
        **{name: hex(value) for name, value in quantities.items()},
        **{name: _hex(value) for name, value in hashes.items()},
        "transactions": [_hex(transaction.hash) for transaction in block.transactions],
        "uncles": [],
        "withdrawals": [],
    }


def _receipt_json(block: BlockAPI, receipts: tuple[ReceiptAPI, ...], index: int) -> dict[str, Any]:
    transaction, receipt, header = block.transactions[index], receipts[index], block.header
    before = receipts[index - 1].gas_used if index else 0
    makes = transaction.to == CREATE_CONTRACT_ADDRESS
    place = {
        "blockHash": _hex(header.hash),
        "blockNumber": hex(header.block_number),
        "transactionHash": _hex(transaction.hash),
        "transactionIndex": hex(index),
    }
    first_log = sum(len(earlier.logs) for earlier in receipts[:index])
    return place | {
        "contractAddress": _hex(_contract_address(transaction)) if makes else None,
        "cumulativeGasUsed": hex(receipt.gas_used),
        "effectiveGasPrice": hex(
            min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas + header.base_fee_per_gas)
        ),
        "from": _hex(transaction.sender),
        "gasUsed": hex(receipt.gas_used - before),
        "logs": [_log_json(log, place, first_log + i) for i, log in enumerate(receipt.logs)],
        "logsBloom": _hex(receipt.bloom.to_bytes(256, "big")),
        "status": hex(int.from_bytes(receipt.state_root, "big")),
        "to": None if makes else _hex(transaction.to),
        "type": "0x2",
    }


def _log_json(log: Any, place: dict[str, str], index: int) -> dict[str, Any]:
    return place | {
        "address": _hex(log.address),
        "data": _hex(log.data),
        "logIndex": hex(index),
        "removed": False,
        "topics": [_hex(topic.to_bytes(32, "big")) for topic in log.topics],
    }


def _contract_address(transaction: SignedTransactionAPI) -> bytes:
    return keccak(rlp.encode([transaction.sender, transaction.nonce]))[12:]


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        raise RpcError(-32602, "invalid params: a quantity is 0x and hexadecimal digits")
    return int(value, 16)


def _data(value: Any, *, size: int | None = None) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x([0-9a-fA-F]{2})*", value):
        raise RpcError(-32602, "invalid params: data is 0x and pairs of hexadecimal digits")
    raw = bytes.fromhex(value[2:])
    if size is not None and len(raw) != size:
        raise RpcError(-32602, f"invalid params: {size} bytes are needed")
    return raw


def _address(value: Any) -> bytes:
    return _data(value, size=20)


# --- The network -----------------------------------------------------------------------------------------------------


class LocalChain:
    """A ``Ledger`` on ``http://127.0.0.1:<port>``; port 0 takes a free one. ``funded`` addresses own 1000 ether."""

    def __init__(
        self, *, port: int = 8545, funded: Iterable[bytes] = (), contracts: Mapping[bytes, bytes] | None = None
    ) -> None:
        self.ledger = Ledger(funded, contracts)
        self._server = _Server(("127.0.0.1", port), self.ledger)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="local chain", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer requests, in threads of their own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and give the port back. The chain is gone."""
        if self._thread.is_alive():  # else shutdown() would wait for a loop that never ran
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], ledger: Ledger) -> None:
        self.ledger = ledger
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a fault of ours and is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            self._reply(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > MAX_REQUEST_BYTES:
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            answer = _answer_json(self.server.ledger, self.rfile.read(int(length)))
            self._reply(HTTPStatus.OK, json.dumps(answer).encode())

    def do_OPTIONS(self) -> None:  # noqa: N802 - http.server's name
        self._reply(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the demo's terminal belongs to people."""

    def _reply(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "content-type")
        self.send_header("Access-Control-Allow-Methods", "POST, OPTIONS")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _answer_json(ledger: Ledger, body: bytes) -> dict[str, Any]:
    """One JSON-RPC request's answer; batches are refused."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return _answer(None, error=RpcError(-32700, "parse error"))
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _answer(None, error=RpcError(-32600, "invalid request"))
    identifier, params = request.get("id"), request.get("params", [])
    if not isinstance(params, list):
        return _answer(identifier, error=RpcError(-32602, "invalid params: a list is needed"))
    try:
        return _answer(identifier, result=ledger.answer(request["method"], params))
    except RpcError as error:
        return _answer(identifier, error=error)


def _answer(identifier: Any, *, result: Any = None, error: RpcError | None = None) -> dict[str, Any]:
    outcome = {"result": result} if error is None else {"error": error.as_json()}
    return {"jsonrpc": "2.0", "id": identifier, **outcome}
