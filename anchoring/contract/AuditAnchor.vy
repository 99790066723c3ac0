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

FIXED: constant(uint256) = 4 + 3 * 32 + 2 * 8  # bytes of an anchor call before its hashes: selector, words, sizes
MAX_HASHES: constant(uint256) = 64
NODE: constant(bytes1) = 0x01  # what an inner node's hash begins with
IDENTITY: constant(address) = 0x0000000000000000000000000000000000000004  # copies a whole call into memory at once


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
def anchor(logId: bytes32, oldRoot: bytes32, newRoot: bytes32):
    """
    @notice Move the log's head from (oldSize, oldRoot) to (newSize, newRoot).
    @dev Each byte of a call costs gas, zeros too, so what follows the three words is packed: oldSize and newSize in
         8 bytes each, big-endian, then up to 64 hashes of 32 bytes: the RFC 9162 consistency proof, empty for the first
         anchor, which is taken on trust.
    """
    length: uint256 = unsafe_sub(len(msg.data), FIXED)
    assert length <= MAX_HASHES * 32 and length & 31 == 0, "bad length"
    sizes: uint256 = convert(slice(msg.data, FIXED - 16, 16), uint256)
    oldSize: uint256 = sizes >> 64
    newSize: uint256 = sizes & (2**64 - 1)
    assert self.head[logId] == self._word(msg.sender, oldSize, oldRoot), "not the head"
    assert newSize > oldSize and newSize < 2**63, "bad size"
    if oldSize == 0:
        assert length == 0, "not consistent"
    else:
        self._check_consistency(oldSize, oldRoot, newSize, newRoot, length >> 5)
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
@view
def _check_consistency(oldSize: uint256, oldRoot: bytes32, newSize: uint256, newRoot: bytes32, hashes: uint256):
    """
    @dev RFC 9162 section 2.1.4.2 for 0 < oldSize < newSize, with the hashes that end the call. `old` is the path of the
         old tree's last leaf, cut at the largest subtree that ends the old tree (`aligned` leaves wide): a power of two
         has that subtree's hash in its root already. `differing` are the bits in which the new tree's path is another.
         While there are any, the old path's bits say on which side a hash stands. When there are none left, all that
         is to come are left neighbours, one for each bit set.
         The unchecked operations cannot wrap: oldSize is at least 1, so aligned is too, and newSize is larger.
    """
    call: Bytes[FIXED + MAX_HASHES * 32] = raw_call(
        IDENTITY, msg.data, max_outsize=FIXED + MAX_HASHES * 32, is_static_call=True
    )
    aligned: uint256 = oldSize & unsafe_add(~oldSize, 1)
    old: uint256 = unsafe_div(unsafe_sub(oldSize, 1), aligned)
    differing: uint256 = unsafe_div(unsafe_sub(newSize, 1), aligned) ^ old
    oldHash: bytes32 = oldRoot
    first: uint256 = 0
    if aligned != oldSize:
        assert hashes != 0, "not consistent"
        oldHash = extract32(call, FIXED)
        first = 1
    newHash: bytes32 = oldHash
    for i: uint256 in range(first, hashes, bound=MAX_HASHES):
        sibling: bytes32 = extract32(call, unsafe_add(FIXED, i << 5))
        if differing == 0:
            assert old != 0, "not consistent"
            old &= unsafe_sub(old, 1)
        else:
            right: bool = old & 1 == 0
            old >>= 1
            differing >>= 1
            if right:
                newHash = sha256(concat(NODE, newHash, sibling))
                continue
        oldHash = sha256(concat(NODE, sibling, oldHash))
        newHash = sha256(concat(NODE, sibling, newHash))
    assert differing | old == 0 and oldHash == oldRoot and newHash == newRoot, "not consistent"
