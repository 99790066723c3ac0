"""Rows of the drill table: another chain behind the URL, a stranger with our key, the log on its way to a new key."""

from anchoring.chain import Fees
from anchoring.drill.node import CHAIN_ID, Node
from anchoring.drill.proxy import ANY, Redirect
from anchoring.drill.row import row
from anchoring.drill.world import NEXT_KEY, World, expect, register
from anchoring.models import Handover
from anchoring.networks import GWEI
from anchoring.routes import accept_nonce, hexed

OTHER_CHAIN = 5
DEAR = Fees(tip=40 * GWEI, cap=90 * GWEI)


def _leads_elsewhere(chain_id: int) -> str:
    other = (
        "the same number as that of the chain that the log is registered on, but another chain: it was started anew, or"
        " is a copy with another first block" if chain_id == CHAIN_ID else
        f"but the log is registered on chain {CHAIN_ID}"
    )  # fmt: skip
    return f"CHAIN_RPC_URL leads to chain {chain_id}, {other}. Correct the URL, or run: manage.py deploy_registry"


def _led_astray(world: World, chain_id: int) -> None:
    """While the URL leads to that other chain, on which our key has coin, every tick halts."""
    with Node(chain_id=chain_id, funded=[world.address]) as other:
        other.mine(9)
        world.first.set(ANY, Redirect(other.url))
        world.halts(_leads_elsewhere(chain_id))
        world.halts(_leads_elsewhere(chain_id))
        world.first.clear(ANY)
        expect("what waits on the other chain", other.pool(), [])


@row("Another chain answers behind the URL when an anchor is due.", "It halts; nothing is signed or sent.")
def wrong_chain(world: World) -> None:
    """Of another id."""
    world.due()
    _led_astray(world, OTHER_CHAIN)
    world.sees("sent")
    world.waiting()


@row(
    "A chain of the same id, but another one, answers behind the URL while the first anchor waits.",
    "It halts; nothing is signed for it or sent to it, and the anchor goes on where it is.",
)
def wrong_chain_in_flight(world: World) -> None:
    """Our signature would be good there."""
    attempt = world.launch()
    _led_astray(world, CHAIN_ID)
    world.sees("sent")
    expect("what waits", world.waiting(), attempt)
    world.finish()
    expect("attempts", world.attempts(), [1])


@row(
    "The node is started anew, empty, when all was anchored.",
    "It halts and names deploy_registry; after that everything is anchored anew.",
)
def restarted_empty(world: World) -> None:
    """As test chains do."""
    world.launch()
    world.finish()
    world.due()
    _started_anew(world)


@row(
    "The node is started anew, empty, while the anchor waits.",
    "It halts and names deploy_registry; after that everything is anchored anew.",
)
def restarted_empty_in_flight(world: World) -> None:
    """Nothing was confirmed before."""
    world.launch()
    _started_anew(world)


def _started_anew(world: World) -> None:
    """The new chain grows as high as the old one was, which must convince nobody."""
    world.node.restart_empty()
    world.tell("started anew")
    world.node.mine(20)
    world.halts(_leads_elsewhere(CHAIN_ID))
    world.registration = register(world.node, world.key)
    world.due()
    world.sees("sent")
    world.waiting()
    world.finish()
    expect("attempts", world.attempts(), [1])


def _stranger_said(world: World, nonce: int) -> str:
    return (
        f"Nonce {nonce} of our key {hexed(world.address)} was used by a transaction that is not ours: the key is shared"
        " or stolen. Nothing is sent. If it was you, run: manage.py anchor --accept-nonce. If not, hand the log over to"
        " a new key at once: manage.py handover_key"
    )


@row(
    "A stranger's transaction from our key is mined before an anchor is due.",
    "It halts; once a person says that it was theirs, the anchor goes on with the next nonce.",
)
def stranger_before(world: World) -> None:
    """One anchor was confirmed before."""
    attempt = world.launch()
    world.finish()
    world.stranger()
    world.node.mine(3)
    world.due()
    world.halts(_stranger_said(world, attempt.nonce + 1))
    accept_nonce(world.route())
    world.sees("sent")
    expect("nonce", world.waiting().nonce, attempt.nonce + 2)
    world.finish()
    expect("attempts", world.attempts(), [1, 1])


@row(
    "A stranger's transaction from our key takes the nonce of the waiting anchor.",
    "It halts once that is final; when a person says that it was theirs, the anchor is signed for the next nonce.",
)
def stranger_in_flight(world: World) -> None:
    """It pays more than ours."""
    attempt = world.launch()
    world.stranger(nonce=attempt.nonce, fees=DEAR)
    world.node.mine()
    world.sees("mined")
    world.node.mine(2)
    world.halts(_stranger_said(world, attempt.nonce))
    accept_nonce(world.route())
    world.sees("sent")
    expect("nonce", world.waiting().nonce, attempt.nonce + 1)
    world.finish()
    expect("attempts", world.attempts(), [2])


@row(
    "A stranger's transaction from our key takes the nonce of the waiting anchor; the log is handed over.",
    "It halts; after the handover the new key anchors what waited.",
)
def stranger_then_handover(world: World) -> None:
    """The key is given up."""
    attempt = world.launch()
    world.stranger(nonce=attempt.nonce, fees=DEAR)
    world.node.mine(3)
    world.halts(_stranger_said(world, attempt.nonce))
    world.hand_over_in_full(NEXT_KEY)
    world.finish()
    expect("attempts", world.attempts(), [2])


@row(
    "The log is handed over while an anchor waits; the handover is mined in its place.",
    "The old key halts; the new key signs the anchor anew.",
)
def handover_before_the_anchor(world: World) -> None:
    """Both have the same nonce, and the handover pays more."""
    old = world.key
    attempt = world.launch()
    world.hand_over(NEXT_KEY)
    expect("nonce of the handover", Handover.objects.order_by("-pk")[0].nonce, attempt.nonce)
    world.sees("sent")
    world.hand_over_in_full(NEXT_KEY)
    world.key = old
    world.halts(_in_another_hand(world))
    world.key = NEXT_KEY
    world.finish()
    expect("attempts", world.attempts(), [2])
    expect("handovers", Handover.objects.filter(registration=world.registration).count(), 1)


def _in_another_hand(world: World) -> str:
    new = hexed(Handover.objects.order_by("-pk")[0].controller)
    return (
        f"The log is in the hand of {new}, but CHAIN_KEY is the key of {hexed(world.address)}."
        f" Put the key of {new} into CHAIN_KEY."
    )


@row(
    "The log is handed over while an anchor waits; a block takes the anchor all the same.",
    "The anchor counts; the handover is signed again on top of it.",
)
def anchor_before_the_handover(world: World) -> None:
    """Somebody else's node still held the anchor."""
    attempt = world.launch()
    world.hand_over(NEXT_KEY)
    handover = Handover.objects.order_by("-pk")[0]
    world.node.drop(bytes(handover.transaction))
    world.node.send(bytes(attempt.raw))
    world.node.mine()
    world.hand_over_in_full(NEXT_KEY)
    world.finish()
    expect("attempts", world.attempts(), [1])
    expect("handovers", Handover.objects.filter(registration=world.registration).count(), 2)


ROWS = (
    wrong_chain, wrong_chain_in_flight, restarted_empty, restarted_empty_in_flight, stranger_before,
    stranger_in_flight, stranger_then_handover, handover_before_the_anchor, anchor_before_the_handover,
)  # fmt: skip
