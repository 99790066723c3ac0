"""The Merkle tree by the letter of RFC 9162 §2.1: recursive, slow, and sharing no line with the product.

``verify_*`` rebuild roots along the same recursions as the provers, so that they know nothing of bit patterns.
"""

from functools import cache
from hashlib import sha256

LEAVES = [sha256(b"\x00" + b"leaf %d" % i).digest() for i in range(700)]


def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


@cache
def mth(lo, hi):
    """MTH(D[lo:hi]) over LEAVES."""
    if lo == hi:
        return sha256(b"").digest()
    if hi - lo == 1:
        return LEAVES[lo]
    k = split(hi - lo)
    return node(mth(lo, lo + k), mth(lo + k, hi))


def path(m, n, lo=0):
    """PATH(m, D[n]) of the n leaves from lo."""
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, k, lo), mth(lo + k, lo + n)]
    return [*path(m - k, n - k, lo + k), mth(lo, lo + k)]


def consistency(m, n):
    """PROOF(m, D[n])."""
    return subproof(m, n, 0, True)


def subproof(m, n, lo, is_whole):
    if m == n:
        return [] if is_whole else [mth(lo, lo + n)]
    k = split(n)
    if m <= k:
        return [*subproof(m, k, lo, is_whole), mth(lo + k, lo + n)]
    return [*subproof(m - k, n - k, lo + k, False), mth(lo, lo + k)]


def verify_inclusion(m, n, leaf, proof, root):
    return 0 <= m < n and inclusion_root(m, n, leaf, proof) == root


def inclusion_root(m, n, leaf, proof):
    if n == 1:
        return leaf if not proof else None
    if not proof:
        return None
    k = split(n)
    below = inclusion_root(m, k, leaf, proof[:-1]) if m < k else inclusion_root(m - k, n - k, leaf, proof[:-1])
    if below is None:
        return None
    return node(below, proof[-1]) if m < k else node(proof[-1], below)


def verify_consistency(m, n, old_root, new_root, proof):
    return 0 < m <= n and consistency_roots(m, n, old_root, proof, True) == (old_root, new_root)


def consistency_roots(m, n, old_root, proof, is_whole):
    if m == n:
        if is_whole:
            return (old_root, old_root) if not proof else None
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k = split(n)
    if m <= k:
        below = consistency_roots(m, k, old_root, proof[:-1], is_whole)
        return below and (below[0], node(below[1], proof[-1]))
    below = consistency_roots(m - k, n - k, old_root, proof[:-1], False)
    return below and (node(proof[-1], below[0]), node(proof[-1], below[1]))
