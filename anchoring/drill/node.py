"""A real development node, anvil, that does what a drill asks: mine, reorganise, forget, fall silent, be another chain.

It runs on loopback, holds no keys, and is gone when its ``with`` block or this process ends, however it ends. What was
seen of anvil 1.7.1 and what a drill must know:

- **Tags.** With n slots in an epoch, safe = head - n and finalized = head - 2n, both block 0 while the head is lower.
  They are heights only: a reorganisation below ``finalized`` is done without a word, and other blocks are final then.
- **Genesis.** Its hash comes from timestamp, gas limit and base fee; chain id and funds do not change it. Two anvils
  that start within a second are the same chain; a ``Node`` takes a gas limit of its own so that it is another one.
- **Genesis, again.** It is made anew at every start, beside the one that a state file brings: ``start`` has it made
  the same.
- **Time.** Blocks mined within one second have the same timestamp.
- **Pool.** It mines what it can and forgets, at the next block, whatever is not valid there: below the base fee, or
  with a nonce gap that a reorganisation opened. Real nodes keep both: ``mine_past_the_pool`` and
  ``reorganise_into_the_pool`` do as they do. A nonce gap that was there when the transaction came is kept.
- **Replacement.** A cap one wei above the waiting transaction's is enough, whatever the tip; real nodes want 10 percent
  more of both. The replaced transaction is unknown from then on.
- **Words** (all with code -32003): "transaction already imported" while it waits; "nonce too low" once it is mined,
  also for the same bytes; "replacement transaction underpriced"; "max fee per gas less than block base fee", judged
  by the next block's base fee; "Insufficient funds for gas * price + value"; "invalid chain id for signer".
- **Receipts.** After a reorganisation there is none for a transaction that fell out, and neither the transaction nor
  the old block is known by its hash any more.
"""

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from anchoring.chain import Call, Fees, SignedTransaction, address_of, sign
from anchoring.drill.anvil import NoAnvil, find_anvil
from anchoring.drill.ports import free_port, is_free

ONE_ETHER = 10**18
ONE_GWEI = 10**9
CHAIN_ID = 31337  # what development chains call themselves
GAS_LIMIT = 30_000_000  # a block's, at least
START_SECONDS = 30  # 0.03 are usual; a thousand blocks of history take two more
STOP_SECONDS = 60
GROUP_SECONDS = 5
ASK_SECONDS = 30

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a web proxy
# Ends anvil and removes its folder when this process is gone, however it went: the pipe it reads then closes.
_WATCH = 'read -r _; kill -9 "-$0"; rm -rf "$1"'

At = int | Literal["latest", "safe", "finalized", "pending"]


class NodeError(Exception):
    """The node did not do what was asked; the text says why, and what to do about it."""


@dataclass(frozen=True)
class Waiting:
    """A transaction in the node's pool. ``ready`` is false while an earlier nonce of its sender is missing."""

    sender: bytes
    nonce: int
    hash: bytes
    ready: bool


class Node:
    """An anvil of our own behind ``url``, in a ``with`` block. It mines when told to, until ``automine()``.

    ``funded`` addresses own 1000 ether from block 0 on, also after ``restart_…``; no reorganisation takes it away.
    ``slots_in_an_epoch`` sets how far safe and finalized lag behind (0: not at all). ``base_fee`` is block 0's in wei.
    ``gas_limit`` and ``timestamp`` make the genesis hash: give both to get the same one again. ``state`` is a file
    that keeps the chain beyond the ``with`` block; without it a temporary one carries it over ``stop`` and ``start``.
    Raises ``NoAnvil`` where there is none.
    """

    def __init__(
        self,
        *,
        chain_id: int = CHAIN_ID,
        slots_in_an_epoch: int = 1,
        base_fee: int = ONE_GWEI,
        gas_limit: int | None = None,
        timestamp: int | None = None,
        funded: Iterable[bytes] = (),
        state: Path | None = None,
    ) -> None:
        anvil = find_anvil()
        if anvil is None:
            raise NoAnvil("No anvil was found: run `make anvil`, or set ANVIL to its path.")
        self.chain_id = chain_id
        self.port = free_port()
        self._anvil, self._slots, self._base_fee, self._timestamp = anvil, slots_in_an_epoch, base_fee, timestamp
        self._gas_limit = _any_gas_limit() if gas_limit is None else gas_limit
        self._funded = tuple(funded)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._given_state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="touchstone-anvil-")
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._given_state is None:
            self._end(signal.SIGKILL)  # nobody will read the state that a gentler signal has it write
        self.stop()
        assert self._folder is not None
        self._folder.cleanup()

    # --- Running -----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it answers, also after each restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of anvil; None while it is stopped."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Answer again, with the chain as ``stop`` left it. The pool is empty then; blocks are mined by hand."""
        assert self._folder is not None, "a Node runs inside its with block"
        if self._process is not None:
            return
        if not is_free(self.port):  # else whoever has it would be taken for our anvil until that has given up
            raise NodeError(f"Somebody else listens on port {self.port} now: end that, and start again.")
        fresh = not self._state.exists()
        command = self._command(self._genesis(fresh=fresh))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env={"HOME": self._folder.name, "PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._watcher = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH, str(self._process.pid), self._folder.name],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._wait_until_it_answers()
            if not fresh:
                self.ask("evm_setTime", max(int(time.time()), int(self._block("latest")["timestamp"], 16)))
            else:
                for address in self._funded:
                    self.fund(address, 1000 * ONE_ETHER)
        except BaseException:
            self._end(signal.SIGKILL)
            raise

    def stop(self) -> None:
        """Fall silent: connections are refused. The chain is kept for ``start``, what waits in the pool is not."""
        self._end(signal.SIGTERM)

    def restart_empty(self) -> None:
        """Become a new chain behind the same URL, with another genesis hash and the same chain id, as after a reset."""
        self._end(signal.SIGKILL)
        self._state.unlink(missing_ok=True)
        before = self._gas_limit
        while self._gas_limit == before:
            self._gas_limit = _any_gas_limit()
        self.start()

    # --- Blocks ------------------------------------------------------------------------------------------------------

    def mine(self, blocks: int = 1) -> None:
        """Mine that many blocks now; the first takes what waits, the others are empty."""
        self.ask("anvil_mine", hex(blocks))

    def mine_past_the_pool(self, blocks: int = 1) -> None:
        """Mine empty blocks while what waits goes on waiting, as when others pay better or the base fee is above it.

        anvil would forget what the base fee excludes; it is taken out and put back, so for a few milliseconds the pool
        is empty. For a node that mines by hand.
        """
        raws = [self._raw(waiting.hash) for waiting in self.pool()]
        self.drop_all()
        self.mine(blocks)
        self._put_back(raws)

    def automine(self) -> None:
        """Mine each transaction at once in a block of its own; one that waits is mined now.

        The answer to eth_sendRawTransaction may come before its block: wait for the receipt.
        """
        self.ask("evm_setAutomine", True)

    def mine_by_hand(self) -> None:
        """Mine when told to, and never otherwise."""
        self.ask("evm_setAutomine", False)

    def next_base_fee(self, wei: int) -> None:
        """Set the next block's base fee; it falls by an eighth with each empty block after that.

        A waiting transaction with a lower cap is forgotten when that block is mined by ``mine``, not by
        ``mine_past_the_pool``; a new one is refused at once. What ``latest`` shows changes when the block is mined.
        """
        self.ask("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def reorganise(self, depth: int, *, with_transactions: Iterable[tuple[bytes, int]] = ()) -> None:
        """Replace the newest blocks by as many others, of other hashes, at the same heights.

        ``with_transactions`` are raw transactions, each with the index (0 is the lowest) of the new block that takes
        it, in the order of their nonces; the same bytes keep their hash and get another block. All other transactions
        of the old blocks are forgotten: not mined, not in the pool, nonces free again. What waits in the pool is left
        alone: it may get a nonce gap, and the next ``mine`` forgets it then. Raises NodeError, with the new blocks in
        place, if one of the transactions was not valid in its block.
        """
        pairs = list(with_transactions)
        lowest = self.block_number() - depth + 1
        self.ask("anvil_reorg", depth, [[_hex(raw), index] for raw, index in pairs])
        for raw, index in pairs:
            if not self._is_in(lowest + index, raw):
                raise NodeError(
                    f"A transaction is not valid in new block {index} of the reorganisation: give every earlier"
                    " transaction of its sender too, in the order of the nonces."
                )

    def reorganise_into_the_pool(self, depth: int) -> None:
        """Reorganise as real nodes do: the transactions of the replaced blocks wait in the pool again.

        For a node that mines by hand: ``automine`` would mine them at once.
        """
        raws = [raw for raw, _ in self.transactions(depth)]
        raws += [self._raw(waiting.hash) for waiting in self.pool()]
        self.drop_all()
        self.reorganise(depth)
        self._put_back(raws)

    def rollback(self, depth: int) -> None:
        """Take the newest blocks away: the head is lower then, and their transactions are forgotten."""
        self.ask("anvil_rollback", depth)

    def transactions(self, depth: int) -> list[tuple[bytes, int]]:
        """Raw transactions of the newest blocks, each with its block's index: what ``reorganise`` takes."""
        lowest = self.block_number() - depth + 1
        return [
            (self._raw(bytes.fromhex(name[2:])), index)
            for index in range(depth)
            for name in self._block(lowest + index)["transactions"]
        ]

    def block_number(self, at: At = "latest") -> int:
        """The height of a tag."""
        return int(self._block(at)["number"], 16)

    def block_hash(self, at: At = "latest") -> bytes:
        """The name of the block at a height or tag."""
        return bytes.fromhex(self._block(at)["hash"][2:])

    def snapshot(self) -> str:
        """Remember blocks and state for ``revert``, which uses it up."""
        return str(self.ask("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Be again what the snapshot shows. The pool stays as it is, and what is not valid in it is forgotten later."""
        if self.ask("evm_revert", snapshot) is not True:
            raise NodeError(f"Snapshot {snapshot} is not known or used up: take another one.")

    # --- Transactions and money --------------------------------------------------------------------------------------

    def send(self, raw: bytes) -> bytes:
        """Hand signed bytes to the pool; their hash. Repeating what it has is refused."""
        return bytes.fromhex(self.ask("eth_sendRawTransaction", _hex(raw))[2:])

    def send_from_stranger(
        self,
        key: bytes,
        *,
        to: bytes | None,
        data: bytes = b"",
        nonce: int | None = None,
        fees: Fees | None = None,
        gas: int = 1_000_000,
    ) -> SignedTransaction:
        """Sign with any key and send: a stranger's call, or a second owner of our own key.

        The nonce is the next after what waits, the fees are 1 gwei of tip above twice the base fee, if not given.
        """
        sender = address_of(key)
        if nonce is None:
            nonce = int(self.ask("eth_getTransactionCount", _hex(sender), "pending"), 16)
        if fees is None:
            fees = Fees(tip=ONE_GWEI, cap=ONE_GWEI + 2 * self._next_base_fee())
        call = Call(sender=sender, to=to, data=data)
        signed = sign(call, key=key, nonce=nonce, fees=fees, gas=gas, chain_id=self.chain_id)
        self.send(signed.raw)
        return signed

    def fund(self, address: bytes, wei: int) -> None:
        """Set what the address owns, at once and without a block.

        It belongs to the state after the newest block: a reorganisation that replaces that block takes it away.
        """
        self.ask("anvil_setBalance", _hex(address), hex(wei))

    def pool(self) -> list[Waiting]:
        """What waits, ordered by sender and nonce."""
        content = self.ask("txpool_content")
        waiting = [
            Waiting(bytes.fromhex(sender[2:]), int(nonce), bytes.fromhex(transaction["hash"][2:]), kind == "pending")
            for kind in ("pending", "queued")
            for sender, by_nonce in content[kind].items()
            for nonce, transaction in by_nonce.items()
        ]
        return sorted(waiting, key=lambda each: (each.sender, each.nonce))

    def drop(self, transaction: bytes) -> None:
        """Forget a waiting transaction, as nodes do that are full or were restarted. It may be sent again."""
        if self.ask("anvil_dropTransaction", _hex(transaction)) is None:
            raise NodeError(f"{_hex(transaction)} does not wait in the pool: it is mined, replaced or was never sent.")

    def drop_all(self) -> None:
        """Forget all that waits."""
        self.ask("anvil_dropAllTransactions")

    def ask(self, method: str, *params: Any) -> Any:
        """The result of any JSON-RPC request, or NodeError with the node's own words."""
        request = urllib.request.Request(
            self.url,
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with _DIRECT.open(request, timeout=ASK_SECONDS) as answer:
                told = json.load(answer)
        except OSError as error:
            raise NodeError(f"The node at {self.url} does not answer ({error}): was it stopped?") from error
        if "error" in told:
            raise NodeError(f"The node refuses {method}: {told['error'].get('message')}")
        return told["result"]

    # --- Inside ------------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> Path:
        assert self._folder is not None
        return self._given_state or Path(self._folder.name) / "state.json"

    @property
    def _log(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / "log"

    def _genesis(self, *, fresh: bool) -> dict[str, int | None]:
        """What makes the first block. anvil makes it at every start, also of a chain that it then loads from the state:
        if it came out otherwise there would be two of them, and block 0 now one, now the other."""
        if fresh:
            return {
                "gas-limit": self._gas_limit,
                "block-base-fee-per-gas": self._base_fee,
                "timestamp": self._timestamp,
            }
        headers = [block["header"] for block in json.loads(self._state.read_text())["blocks"]]
        [first] = [header for header in headers if int(header["number"], 16) == 0]
        names = {"gas-limit": "gasLimit", "block-base-fee-per-gas": "baseFeePerGas", "timestamp": "timestamp"}
        return {option: int(first[name], 16) for option, name in names.items()}

    def _command(self, genesis: dict[str, int | None]) -> list[str]:
        assert self._folder is not None
        words = [
            str(self._anvil), "--quiet", "--host", "127.0.0.1", "--port", str(self.port), "--accounts", "0",
            "--no-mining", "--chain-id", str(self.chain_id), "--slots-in-an-epoch", str(self._slots),
            "--state", str(self._state), "--cache-path", self._folder.name,
            "--preserve-historical-states",  # else no reorganisation across a stop
        ]  # fmt: skip
        for option, value in genesis.items():
            words += [] if value is None else [f"--{option}", str(value)]
        return words

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        ends = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise NodeError(f"anvil ended at its start: {self._log.read_text(errors='replace').strip()[-500:]}")
            try:
                self.ask("eth_chainId")
                return
            except NodeError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.005)

    def _end(self, how: signal.Signals) -> None:
        """End anvil and all of its process group, which may be a wrapper and the program, then the watcher.

        The watcher goes before anvil is waited for: until then nobody else can get the number that it would kill.
        """
        process, watcher = self._process, self._watcher
        if process is None:
            return
        with suppress(ProcessLookupError):  # it ended by itself at its start
            os.killpg(process.pid, how)
        if watcher is not None:
            watcher.kill()
            watcher.wait()
            assert watcher.stdin is not None
            watcher.stdin.close()
        self._process = self._watcher = None
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _wait_until_gone(process.pid)

    def _block(self, at: At) -> Any:
        block = self.ask("eth_getBlockByNumber", hex(at) if isinstance(at, int) else at, False)
        if block is None:
            raise NodeError(f"There is no block {at}: mine it first.")
        return block

    def _next_base_fee(self) -> int:
        return int(self._block("pending")["baseFeePerGas"], 16)

    def _raw(self, transaction: bytes) -> bytes:
        return bytes.fromhex(self.ask("eth_getRawTransactionByHash", _hex(transaction))[2:])

    def _is_in(self, height: int, raw: bytes) -> bool:
        return any(self._raw(bytes.fromhex(name[2:])) == raw for name in self._block(height)["transactions"])

    def _put_back(self, raws: list[bytes]) -> None:
        """Into the pool, whatever the base fee is: it refuses new transactions that offer less."""
        base_fee = self._next_base_fee()
        self.next_base_fee(0)
        try:
            for raw in raws:
                self.send(raw)
        finally:
            self.next_base_fee(base_fee)


def _wait_until_gone(group: int) -> None:
    """Until no process of the group is left; a wrapper may end before the program that it started."""
    ends = time.monotonic() + GROUP_SECONDS
    while time.monotonic() < ends:
        try:
            os.killpg(group, signal.SIGKILL if time.monotonic() > ends - 1 else 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)


def _any_gas_limit() -> int:
    """What makes each start another chain: the gas limit stands in the genesis block."""
    return GAS_LIMIT + secrets.randbelow(1 << 24)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
