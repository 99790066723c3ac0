"""Rows of the drill table: what a block costs, and what there is to pay it with."""

from anchoring.drill.node import ONE_ETHER
from anchoring.drill.row import row
from anchoring.drill.world import World, expect
from anchoring.models import Attempt
from anchoring.networks import GWEI
from anchoring.routes import hexed

CAP = 20 * GWEI
SPIKE = 300 * GWEI


def _base_fee(world: World, wei: int) -> None:
    """The next block has that base fee, and all that waits goes on waiting."""
    world.node.next_base_fee(wei)
    world.node.mine_past_the_pool()
    world.tell(f"base fee {wei / GWEI:g} gwei")


def _too_dear(world: World, then: str) -> str:
    """The sentence for a base fee above what we offer; the node's own tip comes on top."""
    asked = SPIKE + world.route().chain.fees().tip
    return (
        f"The network asks for {asked / GWEI:.3g} gwei a unit of gas, more than CHAIN_MAX_FEE_GWEI allows (20). Wait"
        f" until it is cheaper, or allow more. {then}"
    )


@row(
    "The base fee is above our cap when an anchor is due; later it falls.",
    "It halts and says so; nothing is signed until it is cheap enough.",
)
def base_fee_spike(world: World) -> None:
    """Nothing is under way."""
    world.most_fee = CAP
    world.due()
    _base_fee(world, SPIKE)
    world.halts(_too_dear(world, "Nothing is signed until it asks for less."))
    expect("attempts", world.attempts(), [])
    _base_fee(world, GWEI)
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The base fee rises above our cap while the anchor waits; later it falls.",
    "It halts and says so; nothing dearer is signed, the same bytes go on being sent, and are mined.",
)
def base_fee_spike_in_flight(world: World) -> None:
    """It has waited long enough for more to be offered."""
    world.most_fee = CAP
    attempt = world.launch()
    _base_fee(world, SPIKE)
    with world.impatient():
        if world.replies == "kept":
            world.sees("halted")
            expect("its words", world.said, _too_dear(world, "What is signed is sent again as it is."))
        else:
            world.sees("no answer")
    expect("attempts", world.attempts(), [1])
    _base_fee(world, GWEI)
    world.sees("sent")
    expect("what waits", world.waiting(), attempt)
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The base fee rises above what the waiting anchor offers, below our cap.",
    "More is offered at the same nonce, by both fees an eighth at least; one of the two is mined.",
)
def base_fee_rises(world: World) -> None:
    """The first offer would wait for long."""
    first = world.launch()
    _base_fee(world, 50 * GWEI)
    with world.impatient():
        world.sees("sent")
    second = world.waiting()
    expect("nonce of the dearer attempt", second.nonce, first.nonce)
    expect("whether both fees are an eighth higher", _eighth_higher(first, second), True)
    world.finish()
    expect("attempts", world.attempts(), [2])
    expect("confirmations of the dearer one", second.confirmations.count(), 1)


def _eighth_higher(first: Attempt, second: Attempt) -> bool:
    return 8 * second.tip >= 9 * first.tip and 8 * second.cap >= 9 * first.cap


@row(
    "More was offered for the anchor, and a block takes the first offer all the same.",
    "The first attempt counts; the dearer one can never be mined.",
)
def cheaper_attempt_mined(world: World) -> None:
    """Somebody else's node still held it."""
    first = world.launch()
    with world.impatient():
        world.sees("sent")
    second = world.waiting()
    world.node.drop(bytes(second.transaction))
    world.node.send(bytes(first.raw))
    world.finish()
    expect("attempts", world.attempts(), [2])
    expect("confirmations of each", [first.confirmations.count(), second.confirmations.count()], [1, 0])


@row("The key has no coin when an anchor is due; later it has.", "It halts and says what to do; nothing is signed.")
def no_funds(world: World) -> None:
    """Nothing is under way."""
    world.due()
    world.node.fund(world.address, 0)
    before = world.signed_and_sent()
    world.sees("halted")
    _expect_poor(world)
    expect("signed and sent while halted", world.signed_and_sent(), before)
    world.node.fund(world.address, ONE_ETHER)
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The key's coin is gone while the anchor waits, and the node forgets the anchor; later there is coin again.",
    "It says that the coin is missing; the same bytes are sent again once it is there.",
)
def funds_gone_in_flight(world: World) -> None:
    """A node drops what cannot be paid, and takes it no more."""
    attempt = world.launch()
    world.node.drop(bytes(attempt.transaction))
    world.node.fund(world.address, 0)
    if world.replies == "kept":
        world.sees("halted")
        _expect_poor(world)
    else:
        world.sees("no answer")
    expect("attempts", world.attempts(), [1])
    world.node.fund(world.address, ONE_ETHER)
    world.sees("sent")
    expect("what waits", world.waiting(), attempt)
    world.finish()
    expect("attempts", world.attempts(), [1])


def _expect_poor(world: World) -> None:
    """The sentence, but for what one anchor may cost, which the node's fees decide."""
    begins = f"The anchoring key {hexed(world.address)} holds 0 wei, less than one anchor may cost ("
    ends = " wei). Send it some of the network's coin."
    expect("the beginning of its words", world.said[: len(begins)], begins)
    expect("the end of its words", world.said[-len(ends) :], ends)


ROWS = (
    base_fee_spike, base_fee_spike_in_flight, base_fee_rises, cheaper_attempt_mined, no_funds, funds_gone_in_flight,
)  # fmt: skip
