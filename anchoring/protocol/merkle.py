"""The Merkle tree of RFC 9162 §2.1 with SHA-256: proofs made and checked (protocol.md §3).

A *node* ``(level, index)`` is the root of the complete subtree over leaves ``[index << level, (index + 1) << level)``.
Every prover works out which nodes it needs, asks for all of them in one read, and folds the answer. Throughout,
``D[lo:hi]`` are leaves as in the RFC, and a *range* is such a pair.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, NoReturn

Node = tuple[int, int]
Range = tuple[int, int]

# The port to storage: the hashes of these nodes, in their order. One call per proof or batch of proofs.
Read = Callable[[Sequence[Node]], Sequence[bytes]]

EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63  # sizes stay below, as in the registry contract
MAX_HASHES = 64


class ProofInvalid(ValueError):  # noqa: N818 (reads as the verdict it is)
    """The proof does not show what it should. It never says which hash was wrong: there is no telling."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# Checking ------------------------------------------------------------------------------------------------------------


def check_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofInvalid unless the leaf hash *leaf* is number *index* of the *size* under *root* (§2.1.3.2)."""
    _require_sizes(index, size)
    _require_hashes(proof, leaf, root)
    if index >= size:
        _fail()
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border:
        _fail()
    if _climb(leaf, proof[:inner], proof[inner:], turns=index) != root:
        _fail()


def check_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises ProofInvalid unless the tree of *old_size* is the beginning of that of *new_size* (§2.1.4.2).

    From size 0 only the empty proof passes. It vouches for nothing, so that *old_root* is not looked at.
    """
    _require_sizes(old_size, new_size)
    _require_hashes(proof, old_root, new_root)
    if old_size > new_size:
        _fail()
    if old_size == new_size or old_size == 0:
        if proof or (old_size == new_size and old_root != new_root):
            _fail()
        return
    _check_growth(old_size, new_size, old_root, new_root, proof)


def _check_growth(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Both roots are climbed to from one seed: the largest complete subtree that ends where the old tree ends."""
    last = old_size - 1
    shift = (old_size & -old_size).bit_length() - 1  # the seed's level: zeros at the end of old_size
    inner = (last ^ (new_size - 1)).bit_length()
    border = (last >> inner).bit_count()
    inner -= shift
    is_whole = old_size == 1 << shift  # then the seed is the old root itself and not part of the proof
    if len(proof) != inner + border + (not is_whole):
        _fail()
    seed, path = (old_root, proof) if is_whole else (proof[0], proof[1:])
    turns = last >> shift
    lefts = [sibling for bit, sibling in enumerate(path[:inner]) if turns >> bit & 1]
    if _climb(seed, (), [*lefts, *path[inner:]], turns=0) != old_root:
        _fail()
    if _climb(seed, path[:inner], path[inner:], turns=turns) != new_root:
        _fail()


def _climb(seed: bytes, inner: Iterable[bytes], border: Iterable[bytes], *, turns: int) -> bytes:
    """The root over *seed*: *inner* siblings stand left where the bit of *turns* is set, *border* ones always."""
    for sibling in inner:
        seed = sha256(b"\x01" + sibling + seed if turns & 1 else b"\x01" + seed + sibling).digest()
        turns >>= 1
    for sibling in border:
        seed = sha256(b"\x01" + sibling + seed).digest()
    return seed


def _require_sizes(*sizes: Any) -> None:
    for size in sizes:
        if type(size) is not int or not 0 <= size < MAX_SIZE:
            _fail()


def _require_hashes(proof: Any, *roots: Any) -> None:
    if not isinstance(proof, (list, tuple)) or len(proof) > MAX_HASHES:
        _fail()
    for value in (*proof, *roots):
        if not isinstance(value, bytes) or len(value) != 32:
            _fail()


def _fail() -> NoReturn:
    raise ProofInvalid("the proof does not fit")


# Proving -------------------------------------------------------------------------------------------------------------


def root(*, size: int, read: Read) -> bytes:
    """The root of the first *size* leaves."""
    assert 0 <= size < MAX_SIZE
    if size == 0:
        return EMPTY_ROOT
    return _hash_ranges([(0, size)], read)[0]


def prove_inclusion(*, index: int, size: int, read: Read) -> list[bytes]:
    """The path of leaf *index* in the tree of *size*, the leaf's sibling first (§2.1.3.1)."""
    return prove_inclusions(indexes=[index], size=size, read=read)[0]


def prove_inclusions(*, indexes: Sequence[int], size: int, read: Read) -> list[list[bytes]]:
    """The paths of many leaves, in the order of *indexes*, over one read."""
    paths = [_inclusion_ranges(index, size) for index in indexes]
    wanted = list(dict.fromkeys(lo_hi for path in paths for lo_hi in path))
    hashes = dict(zip(wanted, _hash_ranges(wanted, read), strict=True))
    return [[hashes[lo_hi] for lo_hi in path] for path in paths]


def prove_consistency(*, old_size: int, new_size: int, read: Read) -> list[bytes]:
    """The proof that the first *old_size* leaves still begin the tree of *new_size* (§2.1.4.1); empty from size 0."""
    assert 0 <= old_size <= new_size < MAX_SIZE
    if old_size == 0:
        return []
    return _hash_ranges(_consistency_ranges(old_size, new_size), read)


def _inclusion_ranges(index: int, size: int) -> list[Range]:
    """PATH of §2.1.3.1 as ranges, from the leaf's sibling upwards."""
    assert 0 <= index < size < MAX_SIZE
    lo, hi = 0, size
    siblings = []
    while hi - lo > 1:
        middle = lo + _split(hi - lo)
        if index < middle:
            siblings.append((middle, hi))
            hi = middle
        else:
            siblings.append((lo, middle))
            lo = middle
    return siblings[::-1]


def _consistency_ranges(old_size: int, new_size: int) -> list[Range]:
    """SUBPROOF of §2.1.4.1 as ranges, from the seed upwards."""
    lo, hi = 0, new_size
    siblings = []
    while hi != old_size:
        middle = lo + _split(hi - lo)
        if old_size <= middle:
            siblings.append((middle, hi))
            hi = middle
        else:
            siblings.append((lo, middle))
            lo = middle
    if lo:  # at lo = 0 the seed is the old root, which the checker has
        siblings.append((lo, hi))
    return siblings[::-1]


def _split(count: int) -> int:
    """The largest power of two below *count*."""
    return 1 << (count - 1).bit_length() - 1


def _cover(lo: int, hi: int) -> list[Node]:
    """The complete subtrees that make up ``D[lo:hi]``, from the left: each is larger than the next.

    *lo* must be a multiple of the largest, as it is wherever the RFC splits a tree.
    """
    nodes = []
    while lo < hi:
        level = (hi - lo).bit_length() - 1
        nodes.append((level, lo >> level))
        lo += 1 << level
    return nodes


def _hash_ranges(ranges: Sequence[Range], read: Read) -> list[bytes]:
    """The root of each range, all over one read."""
    covers = [_cover(lo, hi) for lo, hi in ranges]
    wanted = list(dict.fromkeys(node for cover in covers for node in cover))
    if not wanted:
        return []
    hashes = dict(zip(wanted, read(wanted), strict=True))
    return [_fold([hashes[node] for node in cover]) for cover in covers]


def _fold(subtrees: list[bytes]) -> bytes:
    """The root over complete subtrees of falling size: the smallest pair up first."""
    result = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        result = node_hash(left, result)
    return result
