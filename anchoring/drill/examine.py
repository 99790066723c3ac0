"""The examination that every row ends with: nothing lost, nothing doubled, and every witness says the same."""

from collections.abc import Iterator

from eth_hash.auto import keccak

from anchoring import fsck, registry
from anchoring.chain import EthereumChain, TxLog
from anchoring.drill.world import World
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Entry,
    Handover,
    Leaf,
    Pending,
    Sender,
    State,
)
from anchoring.registry import Anchored
from anchoring.stages import confirmations


def examine(world: World) -> list[str]:
    """Whatever is wrong, a sentence each. Asks the node itself, past all proxies."""
    return [
        *_sealed(), *_one_chain(world), *_on_chain(world), *_nonces(world), *_transactions(world), *_bytes(),
        *_findings(world),
    ]  # fmt: skip


def _sealed() -> Iterator[str]:
    """Every entry has its place and lies under a signature."""
    unplaced = Entry.objects.filter(leaf=None).count()
    if unplaced:
        yield f"lost: {unplaced} entries have no place in the log ({Pending.objects.count()} of them wait)"
    newest = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first()
    if newest != Leaf.objects.count():
        yield f"not sealed: the newest checkpoint is of size {newest}, and there are {Leaf.objects.count()} leaves"


def _one_chain(world: World) -> Iterator[str]:
    """One anchor for a size, one confirmation that counts for each, each on top of the one before, up to the end."""
    place = (0, registry.EMPTY_ROOT)
    sizes = [anchor.checkpoint_id for anchor in world.anchors()]
    if len(sizes) != len(set(sizes)):
        yield f"doubled: two anchors are of one size among {sizes}"
    for anchor in world.anchors():
        count = confirmations().filter(anchor=anchor).count()
        if count != 1:
            yield f"the anchor of size {anchor.checkpoint_id} has {count} confirmations that count instead of one"
        if (anchor.old_size, bytes(anchor.old_root)) != place:
            yield f"the anchor of size {anchor.checkpoint_id} does not stand on the one before, of size {place[0]}"
        place = _place(anchor)
    last = State.objects.order_by("-size").values_list("size", flat=True).first()
    if place[0] != last:
        yield f"lost: the newest state leaf closes size {last}, and anchored is size {place[0]}"


def _place(anchor: Anchor) -> tuple[int, bytes]:
    return anchor.checkpoint_id, bytes(anchor.checkpoint.root)


def _on_chain(world: World) -> Iterator[str]:
    """The registry holds our newest anchor in our hand, and wrote one event for each anchor that counts."""
    counting = list(_counting(world))
    size, root = _place(counting[-1].anchor) if counting else (0, registry.EMPTY_ROOT)
    node = EthereumChain(world.node.url)
    word = node.head(bytes(world.registration.contract), bytes(world.registration.log_id))
    if word != registry.head_word(controller=world.address, size=size, root=root):
        yield f"the registry's head is not size {size} in the hand of our key"
    ours = [(bytes(c.attempt.transaction), bytes(c.block_hash), c.anchor.old_size, *_place(c.anchor)) for c in counting]
    theirs = [(where, block, e.old_size, e.new_size, e.new_root) for where, block, e in events(world)]
    if ours != theirs:
        yield f"events on chain: sizes {[e[3] for e in theirs]}; anchors that count: {[e[3] for e in ours]}" + (
            "; in other transactions or blocks" if [e[3] for e in theirs] == [e[3] for e in ours] else ""
        )


def _counting(world: World) -> Iterator[Confirmation]:
    yield from (
        confirmations().filter(anchor__registration=world.registration)
        .select_related("anchor__checkpoint", "attempt").order_by("anchor__checkpoint")
    )  # fmt: skip


def events(world: World) -> list[tuple[bytes, bytes, Anchored]]:
    """The log's Anchored events on the node: the transaction's hash, the block's, and what the event says."""
    asked = {
        "address": "0x" + bytes(world.registration.contract).hex(), "fromBlock": "0x0", "toBlock": "latest",
        "topics": [None, "0x" + bytes(world.registration.log_id).hex()],
    }  # fmt: skip
    found = []
    for told in world.node.ask("eth_getLogs", asked):
        topics = tuple(bytes.fromhex(topic[2:]) for topic in told["topics"])
        log = TxLog(bytes(world.registration.contract), topics, bytes.fromhex(told["data"][2:]))
        event = registry.parse_anchored(log)
        if event is not None:
            found.append((bytes.fromhex(told["transactionHash"][2:]), bytes.fromhex(told["blockHash"][2:]), event))
    return found


def _nonces(world: World) -> Iterator[str]:
    """What our keys have sent is as much as we have given out numbers for, and nothing waits."""
    node, genesis = EthereumChain(world.node.url), bytes(world.registration.genesis)
    keys = Sender.objects.filter(genesis=genesis).order_by("pk")
    for sender in keys:
        used = node.nonce(bytes(sender.address))
        if used != sender.next_nonce:
            yield f"nonces: the chain counts {used}, and the next one that we give out is {sender.next_nonce}"
    ours = {bytes(sender.address) for sender in keys}
    if world.address not in ours:
        yield "nonces: our key has sent nothing"
    waiting = [each.nonce for each in world.node.pool() if each.sender in ours]
    if waiting:
        yield f"the node's pool still holds transactions of our keys, with nonces {waiting}"


def _transactions(world: World) -> Iterator[str]:
    """Every transaction of our keys since the registration is one that we wrote down, or the row's own stranger's."""
    genesis = bytes(world.registration.genesis)
    ours = {"0x" + bytes(s.address).hex() for s in Sender.objects.filter(genesis=genesis)}
    known = {*map(bytes, Attempt.objects.values_list("transaction", flat=True)), *world.strangers}
    known |= set(map(bytes, Handover.objects.values_list("transaction", flat=True)))
    registering = 2  # making the contract, and registering with it
    for height in range(1, world.node.block_number() + 1):
        for told in world.node.ask("eth_getBlockByNumber", hex(height), True)["transactions"]:
            theirs = told["from"] in ours and bytes.fromhex(told["hash"][2:]) not in known
            if theirs and not (int(told["nonce"], 16) < registering and told["from"] == _registrar(world)):
                yield f"transaction {told['hash']} of our key is none that we wrote down"


def _registrar(world: World) -> str:
    return "0x" + bytes(world.registration.controller).hex()


def _bytes() -> Iterator[str]:
    """What was signed is kept byte for byte under its own name."""
    signed: list[Attempt | Handover] = [*Attempt.objects.order_by("pk"), *Handover.objects.order_by("pk")]
    for row in signed:
        if keccak(bytes(row.raw)) != bytes(row.transaction):
            yield f"{row}: its bytes are not those of its transaction"


def _findings(world: World) -> Iterator[str]:
    """The scan of all rows, and of the rows against the chain."""
    for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None):
        yield f"fsck: {finding}"
    for finding in fsck.check_chain(chain=EthereumChain(world.node.url)):
        yield f"fsck of the chain: {finding}"
