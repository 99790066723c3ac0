"""Rows of the drill table: blocks that are replaced, transactions that are forgotten, nodes that fall silent."""

from anchoring.drill.row import row
from anchoring.drill.world import World, expect
from anchoring.models import Attempt, Confirmation, Retraction, Sighting


def _blocks_of(attempt: Attempt) -> int:
    return Sighting.objects.filter(attempt=attempt).count()


def _confirmations(world: World) -> list[int]:
    """How often each anchor was confirmed."""
    return [Confirmation.objects.filter(anchor=anchor).count() for anchor in world.anchors()]


def _depth_of_all(world: World) -> int:
    """How many blocks go back to the first anchor's, itself included."""
    first = Confirmation.objects.filter(anchor=world.anchors()[0]).order_by("nth")[0]
    return world.node.block_number() - first.block_number + 1


@row("The chain is reorganised while the anchor waits.", "It goes on waiting, and is mined once.")
def reorganised_before_inclusion(world: World) -> None:
    """The two newest blocks are replaced."""
    world.launch()
    world.node.reorganise(2)
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The block that took the anchor is replaced before it is final; the anchor waits again.",
    "The same bytes are mined in another block; both blocks are remembered.",
)
def reorganised_after_inclusion(world: World) -> None:
    """As real nodes do it."""
    attempt = world.launch()
    world.node.mine()
    world.sees("mined")
    world.node.reorganise_into_the_pool(1)
    world.sees("sent")
    world.finish()
    expect("attempts", world.attempts(), [1])
    expect("blocks that it was seen in", _blocks_of(attempt), 2)


@row(
    "The block that took the anchor is replaced before it is final, and the node forgets the transaction.",
    "The same bytes are sent again and mined in another block.",
)
def forgotten_by_a_reorganisation(world: World) -> None:
    """Neither a receipt nor a place in the pool is left."""
    attempt = world.launch()
    world.node.mine()
    world.sees("mined")
    world.node.reorganise(1)
    expect("the pool", world.node.pool(), [])
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])
    expect("blocks that it was seen in", _blocks_of(attempt), 2)


@row(
    "The anchor moves to another block without ever missing a receipt.",
    "The move is seen by the block's hash; the block that counts is the one that is final.",
)
def moved_silently(world: World) -> None:
    """One block further down."""
    attempt = world.launch()
    world.node.mine()
    world.sees("mined")
    number = world.node.block_number()
    world.node.reorganise(2, with_transactions=[(bytes(attempt.raw), 0)])
    world.sees("mined")
    moved = f"stands in block {number - 1} (it moved there from block {number}, which the chain gave up)"
    expect("that the move is said", moved in world.said, True)
    world.finish()
    expect("attempts", world.attempts(), [1])
    expect("blocks that it was seen in", _blocks_of(attempt), 2)


@row(
    "A final block is replaced all the same; its anchor waits again.",
    "The confirmation is retracted, the same bytes are mined and confirmed anew.",
)
def reorganised_below_final(world: World) -> None:
    """What we took for impossible."""
    world.launch()
    world.finish()
    world.node.reorganise_into_the_pool(_depth_of_all(world))
    world.sees("retracted")
    world.sees("sent")
    world.finish()
    expect("attempts", world.attempts(), [1])
    expect("confirmations", _confirmations(world), [2])


@row(
    "Final blocks with two anchors are replaced, and the node forgets both.",
    "Both confirmations are retracted; both anchors are sent again in their order and confirmed anew.",
)
def two_lost_below_final(world: World) -> None:
    """The second is worth nothing without the first."""
    for _ in range(2):
        world.launch()
        world.finish()
    retracted = Retraction.objects.count()
    world.node.reorganise(_depth_of_all(world))
    world.sees("retracted")
    world.sees("retracted")
    world.finish()
    expect("attempts", world.attempts(), [1, 1])
    expect("confirmations", _confirmations(world), [2, 2])
    expect("retractions", Retraction.objects.count() - retracted, 2)


@row(
    "A final block is replaced by another one that holds the anchor too.",
    "The confirmation is retracted, and the other block confirmed; nothing is sent.",
)
def moved_below_final(world: World) -> None:
    """The same transactions, other hashes."""
    world.launch()
    world.finish()
    depth, sent = _depth_of_all(world), world.signed_and_sent()
    world.node.reorganise(depth, with_transactions=world.node.transactions(depth))
    world.sees("retracted")
    world.sees("confirmed")
    expect("signed and sent", world.signed_and_sent(), sent)
    expect("confirmations", _confirmations(world), [2])


@row("The node forgets the waiting anchor.", "The same bytes are sent again.")
def dropped(world: World) -> None:
    """As nodes do that are full."""
    attempt = world.launch()
    world.node.drop(bytes(attempt.transaction))
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The node is down before anything is signed, and again while the anchor waits; it forgets its pool.",
    "Nothing is signed without it; afterwards the same bytes are sent again.",
)
def outage(world: World) -> None:
    """Connections are refused."""
    world.due()
    world.node.stop()
    world.sees("no answer")
    expect("attempts", world.attempts(), [])
    world.node.start()
    world.sees("sent")
    world.waiting()
    world.node.stop()
    world.sees("no answer")
    world.node.start()
    expect("the pool", world.node.pool(), [])
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


ROWS = (
    reorganised_before_inclusion, reorganised_after_inclusion, forgotten_by_a_reorganisation, moved_silently,
    reorganised_below_final, two_lost_below_final, moved_below_final, dropped, outage,
)  # fmt: skip
