# pragma version 0.4.3

"""
@title AuditAnchor
@license Apache-2.0
@notice Keeps append-only logs honest: for each log id one word that commits to who may speak for the log, its size
        and its Merkle root. A new root is taken only with proof that the old tree is its beginning (RFC 9162 section
        2.1.4), so a log whose past was rewritten cannot be anchored again, not even by the holder of its key.
@dev No owner, no pause, no upgrade, no ether. The caller supplies what the word commits to, so an anchor overwrites
     one storage slot and takes no new one. Docs: docs/protocol.md, section 6.
"""

event Registered:
    logId: indexed(bytes32)
    controller: address

event Anchored:
    logId: indexed(bytes32)
    newSize: indexed(uint256)
    newRoot: bytes32
    oldSize: uint256
    oldRoot: bytes32

event HandedOver:
    logId: indexed(bytes32)
    newController: address


head: public(HashMap[bytes32, bytes32])


@external
def register(salt: bytes32) -> bytes32:
    """
    @notice Start an empty log that the caller controls.
    @dev The id holds the caller's address, so nobody can take another's.
    """
    logId: bytes32 = keccak256(abi_encode(msg.sender, salt))
    assert self.head[logId] == empty(bytes32), "log exists"
    self.head[logId] = self._word(msg.sender, 0, empty(bytes32))
    log Registered(logId=logId, controller=msg.sender)
    return logId


@external
def anchor(
    logId: bytes32, oldSize: uint256, oldRoot: bytes32, newSize: uint256, newRoot: bytes32, proof: DynArray[bytes32, 64]
):
    """
    @notice Move the log's head from (oldSize, oldRoot) to (newSize, newRoot).
    @param proof RFC 9162 consistency proof; empty for the first anchor, which is taken on trust.
    """
    assert self.head[logId] == self._word(msg.sender, oldSize, oldRoot), "not the head"
    assert newSize > oldSize and newSize < 2**63, "bad size"
    if oldSize == 0:
        assert len(proof) == 0, "not consistent"
    else:
        self._check_consistency(oldSize, oldRoot, newSize, newRoot, proof)
    self.head[logId] = self._word(msg.sender, newSize, newRoot)
    log Anchored(logId=logId, newSize=newSize, newRoot=newRoot, oldSize=oldSize, oldRoot=oldRoot)


@external
def handover(logId: bytes32, size: uint256, root: bytes32, newController: address):
    """
    @notice Give the log to another address; the caller's power over it ends here.
    """
    assert self.head[logId] == self._word(msg.sender, size, root), "not the head"
    self.head[logId] = self._word(newController, size, root)
    log HandedOver(logId=logId, newController=newController)


@internal
@pure
def _word(controller: address, size: uint256, root: bytes32) -> bytes32:
    return keccak256(abi_encode(controller, size, root))


@internal
@pure
def _check_consistency(
    oldSize: uint256, oldRoot: bytes32, newSize: uint256, newRoot: bytes32, proof: DynArray[bytes32, 64]
):
    """
    @dev RFC 9162 section 2.1.4.2 for 0 < oldSize < newSize. `old` and `new` are the paths of both trees' last leaves,
         cut at the largest subtree that ends the old tree (`aligned` leaves wide): a power of two has that subtree's
         hash in its root already. While the paths differ, the old path's bits say on which side a hash stands. Where
         they are the same, all that is left are left neighbours, one for each bit set.
         The unchecked operations cannot wrap: oldSize is at least 1, so aligned is too.
    """
    aligned: uint256 = oldSize & unsafe_add(~oldSize, 1)
    old: uint256 = unsafe_div(unsafe_sub(oldSize, 1), aligned)
    new: uint256 = unsafe_div(unsafe_sub(newSize, 1), aligned)
    oldHash: bytes32 = oldRoot
    first: uint256 = 0
    if aligned != oldSize:
        assert len(proof) != 0, "not consistent"
        oldHash = proof[0]
        first = 1
    newHash: bytes32 = oldHash
    for i: uint256 in range(first, len(proof), bound=64):
        sibling: bytes32 = proof[i]
        if old == new:
            assert old != 0, "not consistent"
            old &= unsafe_sub(old, 1)
            new = old
            oldHash = self._node(sibling, oldHash)
            newHash = self._node(sibling, newHash)
        else:
            if old & 1 == 1:
                oldHash = self._node(sibling, oldHash)
                newHash = self._node(sibling, newHash)
            else:
                newHash = self._node(newHash, sibling)
            old >>= 1
            new >>= 1
    assert new == 0 and oldHash == oldRoot and newHash == newRoot, "not consistent"


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    return sha256(concat(b"\x01", left, right))
