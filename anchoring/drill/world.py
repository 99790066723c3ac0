"""What a row of the drill table has: a node with a log of its own, endpoints that may fail, and hands to go on with.

Each world's node is another chain, hence each has another registration, and all rows may share one database.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from anchoring import anchors, config, handover, log, vault
from anchoring.chain import ChainError, ChainUnavailable, EthereumChain, Fees, SignedTransaction, Wallet, address_of
from anchoring.drill.node import CHAIN_ID, Node
from anchoring.drill.proxy import LoseReply, Proxy
from anchoring.endpoints import Endpoints
from anchoring.models import Anchor, Attempt, Handover, Registration
from anchoring.networks import GWEI
from anchoring.registration import register_log
from anchoring.routes import Route
from anchoring.schedule import Halted
from anchoring.seal import sequencer

Replies = Literal["kept", "lost"]
"""Whether the replies to what is sent arrive; the node takes it either way."""

SEND, RECEIPT = "eth_sendRawTransaction", "eth_getTransactionReceipt"
NEXT_KEY = b"\x07" * 32
STRANGER = b"\x99" * 20
ROUNDS = 20
BURIED = 3


class Failed(Exception):
    """The row did not go as its words say; the text says what was seen instead."""


def expect(what: str, seen: object, wanted: object) -> None:
    """Raise Failed unless both are equal."""
    if seen != wanted:
        raise Failed(f"{what}: {seen!r} instead of {wanted!r}")


@dataclass
class World:
    """One node and one log on it. ``endpoints`` are asked in their order; ``key`` is the one that anchors now.

    ``timeout`` is each request's, in seconds; ``most_fee`` is wei a unit of gas. ``story`` is what happened, in words;
    ``said`` the last tick's sentence. ``strangers`` are hashes of transactions from our keys that are not ours.
    """

    node: Node
    first: Proxy
    second: Proxy
    replies: Replies
    registration: Registration
    key: bytes = field(repr=False)
    endpoints: list[Proxy]
    timeout: float = 10.0
    most_fee: int = 500 * GWEI
    story: list[str] = field(default_factory=list)
    said: str = ""
    strangers: set[bytes] = field(default_factory=set)

    @property
    def address(self) -> bytes:
        """The address of the key that anchors now."""
        return address_of(self.key)

    def route(self) -> Route:
        """The node as the log is anchored on it, by endpoints of which nobody knows any ill: none of them rests."""
        chains = [EthereumChain(proxy.url, timeout=self.timeout) for proxy in self.endpoints]
        return Route((CHAIN_ID,), Endpoints(chains), Wallet(self.key), most_fee=self.most_fee)

    # --- What the schedule does --------------------------------------------------------------------------------------

    def due(self) -> None:
        """Record three events and close them by a state leaf, so that the next tick has something to anchor."""
        record(3)
        sequencer.close_now()

    def tick(self) -> str:
        """One tick: its outcome's word, or ``no answer``, ``refused`` or ``halted``."""
        try:
            outcome = anchors.tick(self.route())
        except ChainUnavailable as trouble:
            word, self.said = "no answer", str(trouble)
        except ChainError as trouble:
            word, self.said = "refused", str(trouble)
        except Halted as trouble:
            word, self.said = "halted", str(trouble)
        else:
            word, self.said = outcome.word, outcome.sentence
        self.tell(word)
        return word

    def sees(self, word: str) -> None:
        """A tick with that word; in place of ``sent`` it is ``no answer`` where the replies are lost."""
        wanted = "no answer" if word == "sent" and self.replies == "lost" else word
        seen = self.tick()
        if seen != wanted:
            raise Failed(f"a tick: {seen!r} instead of {wanted!r}. It said: {self.said}")

    def halts(self, sentence: str) -> None:
        """A tick that halts in exactly these words, and signs and sends nothing."""
        before = self.signed_and_sent()
        self.sees("halted")
        expect("the words it halts in", self.said, sentence)
        expect("signed and sent while halted", self.signed_and_sent(), before)

    def launch(self) -> Attempt:
        """Something new is due and sent: what waits in the node's pool now."""
        self.due()
        self.sees("sent")
        return self.waiting()

    def waiting(self) -> Attempt:
        """The newest attempt, which the node's pool must hold, and nothing else of ours."""
        newest = Attempt.objects.order_by("-pk").select_related("anchor")[0]
        mine = [each.hash for each in self.node.pool() if each.sender == self.address]
        expect("what waits in the pool", mine, [bytes(newest.transaction)])
        return newest

    def finish(self) -> None:
        """Blocks come and ticks go until nothing is left to do; in the middle of it no tick may halt."""
        for _ in range(ROUNDS):
            self.node.mine()
            word = self.tick()
            if word == "idle":
                return
            if word in ("halted", "refused") or (word == "no answer" and self.replies == "kept"):
                raise Failed(f"a tick: {word!r} on the way to the end. It said: {self.said}")
        raise Failed(f"no end after {ROUNDS} blocks. The last tick said: {self.said}")

    def hand_over(self, to: bytes) -> bool:
        """One step of the handover to that key; whether it is done."""
        try:
            step = handover.step(self.route(), to=address_of(to))
        except ChainUnavailable:
            if self.replies == "kept":
                raise
            self.tell("handover sent")
            return False
        self.tell("handed over" if step.done else "handover sent")
        return step.done

    def hand_over_in_full(self, to: bytes) -> None:
        """Blocks come until a final one holds the handover; from then on that key anchors."""
        for _ in range(ROUNDS):
            if self.hand_over(to):
                self.key = to
                return
            self.node.mine()
        raise Failed(f"the handover is not done after {ROUNDS} blocks")

    # --- What others do ----------------------------------------------------------------------------------------------

    def stranger(self, *, nonce: int | None = None, fees: Fees | None = None) -> SignedTransaction:
        """A transaction from our key that is not ours waits at the node."""
        sent = self.node.send_from_stranger(self.key, to=STRANGER, nonce=nonce, fees=fees, gas=30_000)
        self.strangers.add(sent.hash)
        self.tell("stranger")
        return sent

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """An anchor that waits for a block has waited long enough for more to be offered."""
        before = settings.FEE_BUMP_AFTER_SECONDS
        settings.FEE_BUMP_AFTER_SECONDS = 0
        try:
            yield
        finally:
            settings.FEE_BUMP_AFTER_SECONDS = before

    # --- What can be counted -----------------------------------------------------------------------------------------

    def signed_and_sent(self) -> tuple[int, int, int]:
        """How many attempts and handovers were ever signed, and how many requests to send came to the endpoints."""
        sent = sum(len(proxy.sent(SEND)) for proxy in (self.first, self.second))
        return Attempt.objects.count(), Handover.objects.count(), sent

    def attempts(self) -> list[int]:
        """How many attempts each anchor of this log took, in the anchors' order."""
        return [anchor.attempts.count() for anchor in self.anchors()]

    def anchors(self) -> list[Anchor]:
        """This log's anchors on this node, oldest first."""
        return list(Anchor.objects.filter(registration=self.registration).order_by("checkpoint"))

    def tell(self, what: str) -> None:
        """Go on with the story."""
        self.story.append(what)


def record(count: int) -> None:
    """So many events that concern nobody."""
    for number in range(count):
        with transaction.atomic():
            log.record(
                kind="drill.noted", subject=log.Subject("drill", str(number)), at=timezone.now(),
                facts={vault.HOUSE: {"number": number}},
            )  # fmt: skip


@contextmanager
def world(replies: Replies) -> Iterator[World]:
    """A new node, with the log newly registered on it, a few blocks deep."""
    key = config.chain_key()
    with ExitStack() as stack:
        node = stack.enter_context(Node(funded=[address_of(key), address_of(NEXT_KEY)]))
        first, second = (stack.enter_context(Proxy(node.url)) for _ in range(2))
        registration = register(node, key)
        if replies == "lost":
            lose_replies(first, second)
        yield World(node, first, second, replies, registration, key, [first])


def register(node: Node, key: bytes) -> Registration:
    """What ``deploy_registry`` does, on a node that mines at once meanwhile."""
    node.automine()
    registration = register_log(chain=EthereumChain(node.url), key=key)
    node.mine_by_hand()
    node.mine(BURIED)
    return registration


def lose_replies(*proxies: Proxy) -> None:
    """From now on the node takes what is sent, and nobody hears of it."""
    for proxy in proxies:
        proxy.set(SEND, LoseReply())
