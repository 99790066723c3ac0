"""One or two nodes of a chain behind the chain's port: who answers, who rests, and whether they agree.

Reads and sends go to the first endpoint that answers, in the order of the settings. An endpoint that fails rests,
longer each time (``REST`` seconds doubled up to ``LONGEST_REST``), so that an outage costs neither time nor the
provider's patience; when all of them rest, nobody is asked. A refusal is an answer: no other endpoint is asked then.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anchoring.chain import (
    Block,
    BlockAt,
    Call,
    Chain,
    ChainError,
    ChainIdentity,
    ChainUnavailable,
    Fees,
    RawBlock,
    Tag,
    TxReceipt,
)

REST = 5.0
LONGEST_REST = 300.0


class Named(Chain, Protocol):
    """One endpoint, with a name that may be shown."""

    @property
    def name(self) -> str:
        """Scheme and host."""


@dataclass
class _Line:
    """An endpoint and how it has been doing in this process; ``rests_until`` is on the monotonic clock."""

    chain: Named
    failures: int = 0
    rests_until: float = 0.0
    problem: str = ""

    def failed(self, problem: str, now: float) -> None:
        self.failures += 1
        self.problem = problem
        self.rests_until = now + min(REST * 2 ** (self.failures - 1), LONGEST_REST)

    def answered(self) -> None:
        self.failures, self.rests_until, self.problem = 0, 0.0, ""


@dataclass(frozen=True)
class Health:
    """How an endpoint did when it was last asked; ``rests`` is how many seconds it is left alone for."""

    name: str
    problem: str
    failures: int
    rests: int


class Endpoints:
    """The chain's port over one or more endpoints of the same chain. ``clock`` gives seconds and never goes back."""

    def __init__(self, chains: Sequence[Named], *, clock: Callable[[], float] = time.monotonic) -> None:
        assert chains
        self._lines = [_Line(chain) for chain in chains]
        self._clock = clock

    # --- The port, from whoever answers first ------------------------------------------------------------------------

    def identity(self) -> ChainIdentity:
        answer: ChainIdentity = self._ask("identity")
        return answer

    def code_hash(self, contract: bytes) -> bytes:
        answer: bytes = self._ask("code_hash", contract)
        return answer

    def balance(self, address: bytes) -> int:
        answer: int = self._ask("balance", address)
        return answer

    def nonce(self, address: bytes, at: Tag = "latest") -> int:
        answer: int = self._ask("nonce", address, at)
        return answer

    def fees(self) -> Fees:
        answer: Fees = self._ask("fees")
        return answer

    def head(self, contract: bytes, log_id: bytes, at: Tag = "latest") -> bytes:
        answer: bytes = self._ask("head", contract, log_id, at)
        return answer

    def estimate(self, call: Call) -> int:
        answer: int = self._ask("estimate", call)
        return answer

    def simulate(self, call: Call, *, gas: int) -> None:
        self._ask("simulate", call, gas=gas)

    def send(self, raw: bytes) -> None:
        self._ask("send", raw)

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        """From the first endpoint that has it: a node that lags has none, which proves nothing."""
        answer: TxReceipt | None = self._ask("receipt", transaction, enough=_is_something)
        return answer

    def block(self, at: BlockAt) -> Block | None:
        answer: Block | None = self._ask("block", at)
        return answer

    def raw_block(self, block_hash: bytes) -> RawBlock | None:
        answer: RawBlock | None = self._ask("raw_block", block_hash, enough=_is_something)
        return answer

    # --- What only several can tell ----------------------------------------------------------------------------------

    def blocks(self, at: BlockAt) -> dict[str, Block | None]:
        """What every endpoint says of a block, by endpoint's name. Raises ChainUnavailable if any does not answer."""
        return {line.chain.name: self._ask_line(line, "block", (at,), {}) for line in self._lines}

    def each(self) -> list[Named]:
        """The endpoints themselves, rested or not, in the settings' order: for a look at each of them."""
        return [line.chain for line in self._lines]

    def receipts(self, transaction: bytes) -> dict[str, TxReceipt | None]:
        """What every endpoint shows of a transaction, as ``blocks`` does of a block."""
        return {line.chain.name: self._ask_line(line, "receipt", (transaction,), {}) for line in self._lines}

    def health(self) -> list[Health]:
        """How each endpoint has been doing in this process."""
        now = self._clock()
        return [
            Health(line.chain.name, line.problem, line.failures, max(0, round(line.rests_until - now)))
            for line in self._lines
        ]

    # --- Inside ------------------------------------------------------------------------------------------------------

    def _ask(
        self, method: str, *arguments: Any, enough: Callable[[Any], bool] = lambda answer: True, **named: Any
    ) -> Any:
        """The first answer that is ``enough``, else the last one; ChainUnavailable when nobody answers."""
        problems, answers = [], []
        for line in self._lines:
            try:
                answers.append(self._ask_line(line, method, arguments, named))
            except ChainUnavailable as problem:
                problems.append(str(problem))
                continue
            if enough(answers[-1]):
                break
        if not answers:
            raise ChainUnavailable(" ".join(problems))
        return answers[-1]

    def _ask_line(self, line: _Line, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        wait = line.rests_until - self._clock()
        if wait > 0:
            raise ChainUnavailable(f"{line.problem} It is asked again in {max(1, round(wait))} seconds.")
        try:
            answer = getattr(line.chain, method)(*arguments, **named)
        except ChainUnavailable as problem:
            line.failed(str(problem), self._clock())
            raise
        except ChainError:
            line.answered()
            raise
        line.answered()
        return answer


def _is_something(answer: object) -> bool:
    return answer is not None
