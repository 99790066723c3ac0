"""The subject map by the letter of docs/protocol.md §10: recursive, slow, and sharing no line with the product.

A log is a list of ``(subject, leaf hash)``; an entry's index is its place in the list.
"""

from hashlib import sha256


def sha(*parts):
    return sha256(b"".join(parts)).digest()


def u64(number):
    return number.to_bytes(8, "big")


def bit(subject, position):
    """0 or 1; bit 0 is the most significant of the first byte."""
    return subject[position // 8] >> (7 - position % 8) & 1


def merkle(datas):
    """RFC 9162 §2.1.1 over byte strings."""
    if not datas:
        return sha(b"")
    if len(datas) == 1:
        return sha(b"\x00", datas[0])
    k = 1
    while 2 * k < len(datas):
        k *= 2
    return sha(b"\x01", merkle(datas[:k]), merkle(datas[k:]))


def values(log):
    """Subject → count, index of the last entry, mini-root."""
    places = {}
    for index, (subject, _) in enumerate(log):
        places.setdefault(subject, []).append(index)
    return {
        subject: (len(indexes), indexes[-1], merkle([u64(index) + log[index][1] for index in indexes]))
        for subject, indexes in places.items()
    }


def leaf(subject, value):
    count, last, mini_root = value
    return sha(b"\x00", subject, u64(count), u64(last), mini_root)


def trie(leaves, position=0):
    """The root over ``leaves`` (subject → value), which agree in all bits before ``position``."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        ((subject, value),) = leaves.items()
        return leaf(subject, value)
    left, right = halves(leaves, position)
    if not left or not right:
        return trie(leaves, position + 1)
    return inner(position, trie(left, position + 1), trie(right, position + 1))


def halves(leaves, position):
    left = {subject: value for subject, value in leaves.items() if bit(subject, position) == 0}
    return left, {subject: value for subject, value in leaves.items() if subject not in left}


def inner(position, left, right):
    return sha(b"\x01", position.to_bytes(2, "big"), left, right)


def path(leaves, wanted, position=0):
    """Where the bits of ``wanted`` lead: the subject found, and (position, sibling) from the leaf up."""
    if len(leaves) == 1:
        return next(iter(leaves)), []
    left, right = halves(leaves, position)
    if not left or not right:
        return path(leaves, wanted, position + 1)
    near, far = (right, left) if bit(wanted, position) else (left, right)
    found, below = path(near, wanted, position + 1)
    return found, [*below, (position, trie(far, position + 1))]


def climb(subject, value, steps):
    """The root that a leaf and its steps lead to; None if the positions do not fall from the leaf up."""
    node, before = leaf(subject, value), 256
    for position, sibling in steps:
        if not 0 <= position < before:
            return None
        node = inner(position, sibling, node) if bit(subject, position) else inner(position, node, sibling)
        before = position
    return node


def root(log):
    return trie(values(log))
