"""Rows of the drill table: two workers at once, and workers that are killed without warning at an exact point."""

from anchoring.drill import child
from anchoring.drill.row import row
from anchoring.drill.world import World, expect
from anchoring.models import Attempt, Sighting


@row("Two workers sign for the same anchor at the same moment.", "One of them wins: one anchor, one attempt.")
def two_workers_sign(world: World) -> None:
    """Both have looked at everything when they meet."""
    world.due()
    child.two_at_once(world, child.MeetBeforeSigning)
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("Two workers offer more for the same anchor at the same moment.", "One dearer attempt is made, not two.")
def two_workers_bump(world: World) -> None:
    """Both know the same last attempt when they meet."""
    world.launch()
    with world.impatient():
        child.two_at_once(world, child.MeetBeforeBumping)
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [2])


@row("Two workers confirm the same anchor at the same moment.", "It is confirmed once.")
def two_workers_confirm(world: World) -> None:
    """Both have seen the receipt in a final block when they meet."""
    world.launch()
    world.node.mine(3)
    child.two_at_once(world, child.MeetBeforeConfirming)
    world.sees("idle")
    expect("attempts", world.attempts(), [1])


@row(
    "kill -9 between the signature and the commit.",
    "Nothing was written down, nothing is lost: the next tick signs, and no nonce is left out.",
)
def killed_after_signing(world: World) -> None:
    """The transaction of the database is open."""
    world.due()
    child.killed(world, wallet=child.KilledAfterSigning)
    expect("attempts", world.attempts(), [])
    expect("the pool", world.node.pool(), [])
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("kill -9 between the commit and the send.", "The next tick sends what was signed.")
def killed_after_the_commit(world: World) -> None:
    """No node knows of it yet."""
    world.due()
    child.killed(world, endpoint=child.KilledBeforeSending)
    expect("attempts", world.attempts(), [1])
    expect("the pool", world.node.pool(), [])
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("kill -9 right after the send.", "The next tick finds it by its hash; nothing is signed a second time.")
def killed_after_the_send(world: World) -> None:
    """The node has it."""
    world.due()
    child.killed(world, endpoint=child.KilledAfterSending)
    world.waiting()
    world.sees("sent")
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("kill -9 as the first receipt is seen.", "The next tick sees it again.")
def killed_once_mined(world: World) -> None:
    """Nothing of it is noted."""
    attempt = world.launch()
    world.node.mine()
    child.killed(world, endpoint=child.KilledOnceMined)
    expect("blocks that it was seen in", Sighting.objects.filter(attempt=attempt).count(), 0)
    world.sees("mined")
    world.finish()
    expect("attempts", world.attempts(), [1])


@row("kill -9 between the last look at the chain and the confirmation.", "The next tick confirms it, once.")
def killed_while_confirming(world: World) -> None:
    """All was asked."""
    attempt: Attempt = world.launch()
    world.node.mine(3)
    child.killed(world, endpoint=child.KilledWhileConfirming)
    expect("confirmations", attempt.confirmations.count(), 0)
    world.sees("confirmed")
    world.finish()
    expect("attempts", world.attempts(), [1])


ROWS = (
    two_workers_sign, two_workers_bump, two_workers_confirm, killed_after_signing, killed_after_the_commit,
    killed_after_the_send, killed_once_mined, killed_while_confirming,
)  # fmt: skip
