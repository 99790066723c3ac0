"""The chain, seen through a port of few methods: read a head, send signed bytes, look up what became of them.

Everything that knows web3 is in this file; web3 costs seconds to import and is imported at first use. Addresses,
hashes and words are bytes here, amounts are wei. A method either answers or raises a ``ChainError`` whose text is a
sentence for people; none names more of the endpoint's URL than scheme and host, because keys live in the rest.

The pipeline signs first, stores the bytes, then sends: ``sign`` touches no network and ``send`` may be repeated.
"""

import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from eth_hash.auto import keccak

NO_CODE = keccak(b"")  # the code hash of an address at which no contract stands
NO_HEAD = bytes(32)  # the head word of a log id that nobody registered

PIECE = 65_536  # bytes of an answer that are read at once, at most
_HEAD = keccak(b"head(bytes32)")[:4]  # the one call of the registry that is read here; the others are in registry.py
_ERROR = keccak(b"Error(string)")[:4]  # what a revert with a reason begins with


# --- What can go wrong -----------------------------------------------------------------------------------------------


class ChainError(Exception):
    """The chain did not do what was asked; the text says why in a sentence."""


class ChainUnavailable(ChainError):  # noqa: N818 - the outcome is unknown, which is not an error
    """No answer, or none that makes sense. What was sent may have arrived or not: the outcome is unknown."""


class ChainRefused(ChainError):  # noqa: N818 - the node did its work
    """The node understood and said no, in its own words."""


class CallReverted(ChainRefused):
    """The contract refuses this call in the state that the chain is in."""


class NoFunds(ChainRefused):
    """The sender cannot pay for the transaction."""


class NonceTooLow(ChainRefused):
    """A transaction with this nonce is mined already: look for the receipts of all attempts that used it."""


class Underpriced(ChainRefused):
    """The offered fees are too low now, or too little above those of the transaction that is to be replaced."""


# --- What the port speaks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChainIdentity:
    """Which chain this is: ids repeat (every local chain has the same one), the genesis block's hash does not."""

    chain_id: int
    genesis: bytes


@dataclass(frozen=True)
class Fees:
    """What a transaction offers in wei per unit of gas: the miner's tip, and the most it pays in all."""

    tip: int
    cap: int


@dataclass(frozen=True)
class Call:
    """A transaction before fees, nonce and signature. ``to`` is None when it makes a contract."""

    sender: bytes
    to: bytes | None
    data: bytes


@dataclass(frozen=True)
class SignedTransaction:
    """Bytes ready to send, as often as it takes; ``hash`` is what its receipt is found by."""

    raw: bytes
    hash: bytes
    nonce: int
    fees: Fees
    gas: int


@dataclass(frozen=True)
class TxLog:
    """One event in a receipt, as the contract at ``address`` wrote it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class TxReceipt:
    """A mined transaction. ``block_hash`` may change when blocks are reorganised; ``contract`` is the one it made.

    It cost ``gas_used`` times ``gas_price`` wei.
    """

    succeeded: bool
    block_number: int
    block_hash: bytes
    index: int
    logs: tuple[TxLog, ...]
    contract: bytes | None
    gas_used: int = 0
    gas_price: int = 0


@dataclass(frozen=True)
class Block:
    """A block's place, name and time (whole seconds since 1970, UTC)."""

    number: int
    hash: bytes
    timestamp: int


Tag = Literal["latest", "finalized"]
BlockAt = int | Tag


class Chain(Protocol):
    """The port. Every method may raise ``ChainUnavailable`` and ``ChainRefused``."""

    def identity(self) -> ChainIdentity:
        """Chain id and genesis hash; ask at each session: an endpoint may have been pointed elsewhere."""

    def code_hash(self, contract: bytes) -> bytes:
        """keccak256 of the code at an address; ``NO_CODE`` where there is none."""

    def balance(self, address: bytes) -> int:
        """Wei that the address holds at the latest block."""

    def nonce(self, address: bytes, at: Tag = "latest") -> int:
        """How many transactions of the address are mined: the next nonce, if none of them waits."""

    def fees(self) -> Fees:
        """A fair offer for the next blocks: cap = tip + 2 x base fee."""

    def head(self, contract: bytes, log_id: bytes, at: Tag = "latest") -> bytes:
        """The registry's word for a log; ``NO_HEAD`` for an unknown id. ``ChainRefused`` if no contract is there."""

    def estimate(self, call: Call) -> int:
        """Gas that the call would use now, or ``CallReverted``; ``gas_limit`` makes the limit from it."""

    def simulate(self, call: Call, *, gas: int) -> None:
        """Carry the call out with that limit and forget it; ``CallReverted`` or ``ChainRefused`` if it would fail."""

    def send(self, raw: bytes) -> None:
        """Hand signed bytes to the node. Returns also when it has them already, so that a repetition is harmless."""

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        """A mined transaction's receipt. None proves nothing: the node may lag behind the one that was asked before."""

    def block(self, at: BlockAt) -> Block | None:
        """The canonical block at a height or tag; None if there is none (yet)."""


# --- Keys and signatures ---------------------------------------------------------------------------------------------


def address_of(key: bytes) -> bytes:
    """The address that a 32-byte private key controls."""
    return bytes.fromhex(_account(key).address[2:])


def gas_limit(estimate: int, data: bytes) -> int:
    """An estimate made safe: a quarter more, and never below what the calldata alone may cost.

    Forks raise the calldata floor (64 a byte is the highest one that is scheduled); unused gas is not charged.
    """
    return max(-(-estimate * 5 // 4), 21_000 + 64 * len(data))


def sign(call: Call, *, key: bytes, nonce: int, fees: Fees, gas: int, chain_id: int) -> SignedTransaction:
    """Sign as an EIP-1559 transaction that is good on that chain only. ``gas`` is the limit."""
    fields = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "maxPriorityFeePerGas": fees.tip,
        "maxFeePerGas": fees.cap,
        "gas": gas,
        "value": 0,
        "data": call.data,
        "to": call.to or b"",
    }
    account = _account(key)
    assert bytes.fromhex(account.address[2:]) == call.sender
    signed = account.sign_transaction(fields)
    return SignedTransaction(bytes(signed.raw_transaction), bytes(signed.hash), nonce, fees, gas)


class Wallet:
    """A private key of 32 bytes: the address that it controls, and its signature. Touches no network."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def address(self) -> bytes:
        """Where the coin lies that pays for anchors."""
        return address_of(self._key)

    def sign(self, call: Call, *, nonce: int, fees: Fees, gas: int, chain_id: int) -> SignedTransaction:
        """As the function ``sign``."""
        return sign(call, key=self._key, nonce=nonce, fees=fees, gas=gas, chain_id=chain_id)

    def __repr__(self) -> str:
        return "<Wallet>"


@cache
def _web3() -> Any:
    """web3, imported at the first need because it costs seconds.

    A library of its raises the interpreter's recursion limit to 100,000, at which deeply nested JSON from anywhere ends
    the process instead of raising RecursionError; the limit is put back.
    """
    limit = sys.getrecursionlimit()
    import web3  # noqa: PLC0415 - see above

    sys.setrecursionlimit(limit)
    return web3


def _account(key: bytes) -> Any:
    try:
        return _web3().Account.from_key(key)
    except ValueError:  # never with its text: it may repeat the key
        raise ChainError("The chain key is not a private key of this kind of chain: 32 bytes are needed.") from None


# --- Ethereum over JSON-RPC ------------------------------------------------------------------------------------------


def redact(url: str) -> str:
    """Scheme, host and port of an endpoint; providers' keys stand in the path, the query or the user's name."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an endpoint that is not a URL"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


# Nodes agree neither on codes nor on words; these are the words in use, matched loosely.
_SAYS_KNOWN = re.compile(
    r"already known|already imported|already[_ ]exists|already in mempool|\bknown transaction", re.I
)
_SAYS_BUSY = re.compile(r"rate limit|too many requests|limit exceeded|capacity|timed? ?out|try again", re.I)
_SAYS_NO_METHOD = re.compile(r"not (found|supported|available|implemented)|does not exist|unsupported", re.I)
_SAYS_NO_BLOCK = re.compile(r"(block|header).*not found|unknown block", re.I)
_REFUSALS: tuple[tuple[re.Pattern[str], type[ChainRefused], str], ...] = (
    (re.compile(r"revert", re.I), CallReverted, "The contract refuses the call"),
    (re.compile(r"insufficient ?(funds|balance)|enough funds", re.I), NoFunds, "The chain key's address has no funds"),
    (re.compile(r"nonce.*too low|old ?nonce|nonce.*(already|been) used", re.I), NonceTooLow, "The nonce is used"),
    (
        re.compile(r"underpriced|fee ?too ?low|less than block base fee|below.*(minimum|base fee)", re.I),
        Underpriced,
        "The offered fee is too low",
    ),
)


class EthereumChain:
    """A node or provider behind an ``http(s)://`` URL. Making it asks the network nothing.

    ``timeout`` bounds each request in seconds, also against a server that answers a byte at a time (then up to twice).
    Nothing is retried here: the pipeline's next tick is the retry.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = url
        self._timeout = timeout
        self._host = redact(url)

    @property
    def name(self) -> str:
        """Scheme and host: all of the URL that may be shown."""
        return self._host

    def identity(self) -> ChainIdentity:
        genesis = self.block(0)
        if genesis is None:
            raise ChainUnavailable(f"{self._host} does not know its chain's first block.")
        return ChainIdentity(chain_id=self._quantity("eth_chainId"), genesis=genesis.hash)

    def code_hash(self, contract: bytes) -> bytes:
        return keccak(self._data("eth_getCode", _hex(contract), "latest"))

    def balance(self, address: bytes) -> int:
        return self._quantity("eth_getBalance", _hex(address), "latest")

    def nonce(self, address: bytes, at: Tag = "latest") -> int:
        return self._quantity("eth_getTransactionCount", _hex(address), at)

    def fees(self) -> Fees:
        base = self._base_fee()
        try:
            tip = self._quantity("eth_maxPriorityFeePerGas")
        except ChainRefused as refusal:
            if not _SAYS_NO_METHOD.search(str(refusal)):
                raise
            tip = max(0, self._quantity("eth_gasPrice") - base)
        return Fees(tip=tip, cap=tip + 2 * base)

    def head(self, contract: bytes, log_id: bytes, at: Tag = "latest") -> bytes:
        word = self._data("eth_call", {"to": _hex(contract), "data": _hex(_HEAD + log_id)}, at)
        if not word:
            raise ChainRefused(f"No registry contract stands at {_hex(contract)}.")
        if len(word) != 32:
            raise self._garbage("eth_call")
        return word

    def estimate(self, call: Call) -> int:
        # without a block some nodes take what waits in their pool into account, our own transactions too
        return self._quantity("eth_estimateGas", _fields(call), "latest")

    def simulate(self, call: Call, *, gas: int) -> None:
        self._data("eth_call", _fields(call) | {"gas": hex(gas)}, "latest")

    def send(self, raw: bytes) -> None:
        try:
            answered = self._data("eth_sendRawTransaction", _hex(raw))
        except ChainRefused as refusal:
            if not _SAYS_KNOWN.search(str(refusal)):
                raise
        else:
            if answered != keccak(raw):
                raise self._garbage("eth_sendRawTransaction")

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        answer = self._ask("eth_getTransactionReceipt", _hex(transaction))
        if answer is None or (isinstance(answer, dict) and answer.get("blockHash", "") is None):
            return None  # some nodes answer a receipt without block while the transaction waits
        try:
            if _bytes(answer["transactionHash"], size=32) != transaction:
                raise ValueError("another transaction's")
            return _parse_receipt(answer)
        except (KeyError, TypeError, ValueError):
            raise self._garbage("eth_getTransactionReceipt") from None

    def block(self, at: BlockAt) -> Block | None:
        try:
            answer = self._header(at)
        except ChainRefused as refusal:
            if _SAYS_NO_BLOCK.search(str(refusal)):
                return None
            raise
        if answer is None:
            return None
        try:
            block = Block(
                number=_int(answer["number"]),
                hash=_bytes(answer["hash"], size=32),
                timestamp=_int(answer["timestamp"]),
            )
        except (KeyError, TypeError, ValueError):
            raise self._garbage("eth_getBlockByNumber") from None
        if isinstance(at, int) and block.number != at:
            raise self._garbage("eth_getBlockByNumber")
        return block

    def _base_fee(self) -> int:
        header = self._header("latest")
        try:
            return _int(header["baseFeePerGas"])
        except KeyError:
            raise ChainRefused(f"The chain behind {self._host} has no base fee (EIP-1559).") from None
        except (TypeError, ValueError):
            raise self._garbage("eth_getBlockByNumber") from None

    def _header(self, at: BlockAt) -> Any:
        return self._ask("eth_getBlockByNumber", hex(at) if isinstance(at, int) else at, False)

    def _quantity(self, method: str, *params: Any) -> int:
        try:
            return _int(self._ask(method, *params))
        except ValueError:
            raise self._garbage(method) from None

    def _data(self, method: str, *params: Any) -> bytes:
        try:
            return _bytes(self._ask(method, *params))
        except ValueError:
            raise self._garbage(method) from None

    def _garbage(self, method: str) -> ChainUnavailable:
        return ChainUnavailable(f"{self._host} answered {method} with something that cannot be one.")

    @cached_property
    def _provider(self) -> Any:
        # Streaming makes web3 count the time of the whole answer, not of each read.
        hooks = {"response": _read_as_it_comes}
        options = {"timeout": self._timeout, "stream": True, "allow_redirects": False, "hooks": hooks}
        return _web3().HTTPProvider(self._url, request_kwargs=options, exception_retry_configuration=None)

    def _ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC request. The causes are cut off: their texts repeat the URL with its keys."""
        try:
            answer = self._provider.make_request(method, params)
        except OSError as error:  # all of requests' exceptions are
            raise ChainUnavailable(f"{self._host} cannot be reached: {_transport(error)}.") from None
        except _web3().exceptions.Web3Exception:
            raise ChainUnavailable(f"{self._host} took longer than {self._timeout:g} seconds.") from None
        except (ValueError, RecursionError):
            raise ChainUnavailable(f"{self._host} answered {method} with something that is not JSON.") from None
        if not isinstance(answer, dict):
            raise self._garbage(method)
        if answer.get("error") is not None:
            raise self._refusal(answer["error"])
        if "result" not in answer:
            raise self._garbage(method)
        return answer["result"]

    def _refusal(self, error: Any) -> ChainError:
        """A node's error object as the exception that it means."""
        text = str(error.get("message", "")) if isinstance(error, dict) else str(error)
        text = _printable(_revert_reason(error) or text)
        for pattern, kind, meaning in _REFUSALS:
            if pattern.search(str(error)):
                return kind(f"{meaning}: {text}")
        if _SAYS_BUSY.search(text):
            return ChainUnavailable(f"{self._host} is busy: {text}")
        return ChainRefused(f"{self._host} refused: {text}")


def _read_as_it_comes(response: Any, **_: Any) -> None:
    """Have an answer read in the pieces that arrive: web3 asks for one byte at a time, 4 ms for each 1,000."""
    raw = response.raw
    raw.stream = lambda _size, decode_content: iter(partial(raw.read1, PIECE, decode_content=decode_content), b"")


def _fields(call: Call) -> dict[str, str]:
    """A call as JSON-RPC takes it."""
    fields = {"from": _hex(call.sender), "data": _hex(call.data)}
    return fields | ({"to": _hex(call.to)} if call.to else {})


def _transport(error: OSError) -> str:
    """What happened on the wire, from the kind of the exception alone."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"it answered with HTTP status {status}"
    return "it did not answer in time" if "Timeout" in type(error).__name__ else "the connection failed"


def _revert_reason(error: Any) -> str | None:
    """The contract's own words, if the node passes on the data of a revert with ``Error(string)``."""
    data = error.get("data") if isinstance(error, dict) else None
    try:
        raw = _bytes(data)
    except ValueError:
        return None
    if raw[:4] != _ERROR or len(raw) < 68:
        return None
    length = int.from_bytes(raw[36:68], "big")
    return raw[68 : 68 + min(length, 200)].decode("utf-8", "replace")


def _printable(text: str) -> str:
    """A node's words made safe to show: one short line, URLs without what may be a key."""
    text = re.sub(r"\w+://\S+", lambda url: redact(url[0]), text)
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _parse_receipt(answer: Any) -> TxReceipt:
    status = _int(answer["status"])
    if status not in (0, 1):
        raise ValueError("status")
    made = answer.get("contractAddress")
    return TxReceipt(
        succeeded=status == 1,
        block_number=_int(answer["blockNumber"]),
        block_hash=_bytes(answer["blockHash"], size=32),
        index=_int(answer["transactionIndex"]),
        logs=tuple(_parse_log(log) for log in answer["logs"]),
        contract=None if made is None else _bytes(made, size=20),
        gas_used=_int(answer.get("gasUsed", "0x0")),
        gas_price=_int(answer.get("effectiveGasPrice", "0x0")),
    )


def _parse_log(log: Any) -> TxLog:
    topics = tuple(_bytes(topic, size=32) for topic in log["topics"])
    return TxLog(address=_bytes(log["address"], size=20), topics=topics, data=_bytes(log["data"]))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _int(value: Any) -> int:
    """A JSON-RPC quantity, at most a word long."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        raise ValueError("quantity")
    return int(value, 16)


def _bytes(value: Any, *, size: int | None = None) -> bytes:
    """JSON-RPC data, of that many bytes if said."""
    if not isinstance(value, str) or not re.fullmatch(r"0x([0-9a-fA-F]{2})*", value):
        raise ValueError("data")
    raw = bytes.fromhex(value[2:])
    if size is not None and len(raw) != size:
        raise ValueError("size")
    return raw
