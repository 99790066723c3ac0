"""Rows of the drill table: answers that are lost, broken, late or untrue."""

from typing import Any

from anchoring.drill.proxy import ANY, Answer, Cut, Delay, DropRequest, Lag, Lie, LoseReply, Rule
from anchoring.drill.row import row
from anchoring.drill.world import RECEIPT, SEND, World, expect, lose_replies
from anchoring.models import Attempt
from anchoring.routes import hexed

BROKEN = (
    b"<html>busy</html>", b"", b"[]", b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"result":"0xzz"}',
    b'{"jsonrpc":"2.0","id":1,"result":{"number":"none"}}',
)  # fmt: skip
SOON, LATE = 0.5, 30.0


@row(
    "The reply to the send is lost, or the request itself, once.",
    "The next tick sends the same bytes; whether the node had them makes no difference.",
)
def reply_to_the_send_lost(world: World) -> None:
    """Where the replies are kept, it is the request that is lost."""
    world.due()
    if world.replies == "kept":
        world.first.set(SEND, DropRequest(times=1))
    world.tell("request lost" if world.replies == "kept" else "reply lost")
    expect("a tick", world.tick(), "no answer")
    expect("how many wait in the pool", len(world.node.pool()), 0 if world.replies == "kept" else 1)
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("The reply to the look-up of the receipt is lost.", "Nothing is taken for not mined: the next tick looks again.")
def reply_to_the_receipt_lost(world: World) -> None:
    """Twice, then it is there."""
    world.launch()
    world.node.mine()
    before = world.signed_and_sent()
    world.first.set(RECEIPT, LoseReply(times=2))
    world.sees("no answer")
    world.sees("no answer")
    world.sees("mined")
    expect("signed and sent", world.signed_and_sent(), before)
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("The reply to the estimate is lost.", "Nothing is signed and no nonce used; the next tick asks again.")
def reply_to_the_estimate_lost(world: World) -> None:
    """Before anything exists."""
    world.due()
    world.first.set("eth_estimateGas", LoseReply(times=1))
    world.sees("no answer")
    expect("attempts", world.attempts(), [])
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


def _at_every_turn(world: World, *rules: Rule, timeout: float = 10.0) -> None:
    """Each rule for all answers, before the anchor is signed, while it waits and once it is mined."""

    def suffer(attempts: list[int]) -> None:
        usual, world.timeout = world.timeout, timeout
        for rule in rules:
            world.first.set(ANY, rule)
            world.first.set(SEND, rule)
            world.sees("no answer")
        world.timeout = usual
        world.first.clear()
        if world.replies == "lost":
            lose_replies(world.first)
        expect("attempts", world.attempts(), attempts)

    world.due()
    suffer([])
    world.sees("sent")
    world.waiting()
    suffer([1])
    world.node.mine(3)
    suffer([1])
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("All answers are garbage.", "None is believed: nothing is signed, sent or confirmed by it.")
def garbage(world: World) -> None:
    """Six kinds of it."""
    _at_every_turn(world, *(Answer(body) for body in BROKEN))


@row("All answers break off.", "None is believed: nothing is signed, sent or confirmed by it.")
def truncated(world: World) -> None:
    """After a few bytes, and before the last."""
    _at_every_turn(world, Cut(after=1), Cut(after=30))


@row("All answers come too late.", "Nothing waits for them: nothing is signed, sent or confirmed by it.")
def slow(world: World) -> None:
    """Later than the timeout."""
    _at_every_turn(world, Delay(seconds=LATE), timeout=SOON)


@row(
    "The node shows no receipt of the mined anchor, for long.",
    "Nothing is sent a second time: the registry's head says that it is there. It counts once the receipt is shown.",
)
def null_receipts(world: World) -> None:
    """First while the block is not final, then after."""
    attempt = world.launch()
    before = world.signed_and_sent()
    world.first.set(RECEIPT, Lie(tell=lambda result, params: None))
    world.node.mine()
    world.sees("mined")
    expect(
        "what it says", world.said,
        f"Nonce {attempt.nonce} is used in a block that is not final yet, and no node shows a receipt of ours yet.",
    )  # fmt: skip
    world.node.mine(3)
    world.sees("mined")
    expect("what it says", world.said, "The registry holds the anchor; no node shows its receipt yet.")
    expect("signed and sent", world.signed_and_sent(), before)
    world.first.clear(RECEIPT)
    world.sees("confirmed")
    expect("attempts", world.attempts(), [1])


def _other_hash(result: Any, params: list[Any]) -> Any:
    """A block of the asked height with a name of its own."""
    asked_by_height = bool(params) and str(params[0]).startswith("0x") and params[0] != "0x0"
    return result | {"hash": "0x" + "ab" * 32} if result and asked_by_height else result


@row(
    "Two endpoints show different blocks at one height.",
    "It halts and names both; nothing counts until they agree.",
)
def endpoints_disagree(world: World) -> None:
    """The second one lies."""
    attempt = world.launch()
    world.endpoints = [world.first, world.second]
    world.node.mine(3)
    world.second.set("eth_getBlockByNumber", Lie(tell=_other_hash))
    number = world.node.block_number() - 2
    world.halts(
        f"The endpoints disagree about block {number}: {world.first.url} shows {hexed(world.node.block_hash(number))};"
        f" {world.second.url} shows 0x{'ab' * 32}. Nothing counts until they agree. If one of them is wrong for long,"
        " replace it."
    )
    expect("confirmations", attempt.confirmations.count(), 0)
    world.second.clear("eth_getBlockByNumber")
    world.sees("confirmed")
    expect("attempts", world.attempts(), [1])


@row(
    "An endpoint shows a receipt of an anchor that no block holds; the other one does not.",
    "It does not count on one endpoint's word; the anchor is mined, and then counts.",
)
def receipt_invented(world: World) -> None:
    """Copied from an anchor before, in a true and final block."""
    world.launch()
    world.finish()
    before = world.node.ask(RECEIPT, hexed(Attempt.objects.order_by("-pk")[0].transaction))
    world.endpoints = [world.first, world.second]
    attempt = world.launch()
    event = before["logs"][0] | {
        "topics": [*before["logs"][0]["topics"][:2], f"0x{attempt.anchor.checkpoint_id:064x}"],
        "data": hexed(bytes(attempt.anchor.checkpoint.root)) + before["logs"][0]["data"][66:],
    }
    invented = before | {"transactionHash": hexed(attempt.transaction), "logs": [event]}
    world.first.set(RECEIPT, Lie(tell=lambda result, params: invented))
    world.sees("no answer")
    expect("confirmations", attempt.confirmations.count(), 0)
    world.first.clear(RECEIPT)
    world.finish()
    expect("attempts", world.attempts(), [1, 1])


@row(
    "The first endpoint lags behind the second.",
    "Its silence proves nothing; the anchor counts once the block is final on both.",
)
def endpoint_lags(world: World) -> None:
    """By two blocks, from before the send to the end."""
    world.endpoints = [world.first, world.second]
    world.due()
    world.first.set(ANY, Lag(blocks=2))
    world.sees("sent")
    world.waiting()
    world.node.mine()
    world.sees("mined")
    world.node.mine(2)
    world.sees("mined")
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The only endpoint goes back to before the last anchor.",
    "It is taken for late, not for the truth: nothing is retracted, signed or sent until it has caught up.",
)
def endpoint_goes_back(world: World) -> None:
    """As when a provider's other node answers."""
    world.launch()
    world.finish()
    number = world.node.block_number()
    world.due()
    before = world.signed_and_sent()
    world.first.set(ANY, Lag(blocks=number - 4))
    world.sees("no answer")
    expect("that it is called late", world.said.startswith("The endpoint lags: block "), True)
    expect("signed and sent", world.signed_and_sent(), before)
    world.first.clear(ANY)
    world.sees("sent")
    world.waiting()


ROWS = (
    reply_to_the_send_lost, reply_to_the_receipt_lost, reply_to_the_estimate_lost, garbage, truncated, slow,
    null_receipts, endpoints_disagree, receipt_invented, endpoint_lags, endpoint_goes_back,
)  # fmt: skip
