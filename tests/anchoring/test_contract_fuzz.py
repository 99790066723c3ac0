"""Random calls of the registry, judged a second time by a reading of RFC 9162 that shares nothing with any other here.

Trees, proofs, calldata and verdicts are made in this file: the trees and proofs from sections 2.1.1 and 2.1.4.1, the
verdict from the numbered steps of section 2.1.4.2, the rest from docs/protocol.md, section 6. The seed is fixed.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256

from eth_hash.auto import keccak

from anchoring.chain import Call, address_of
from tests.anchoring.contract_world import World

SEED = 9162
CALLS = 3_000
KEYS = [b"\x11" * 32, b"\x22" * 32]  # two people, both with money on World's chain
PEOPLE = [address_of(key) for key in KEYS]
REGISTER = keccak(b"register(bytes32)")[:4]
ANCHOR = keccak(b"anchor(bytes32,bytes32,bytes32)")[:4]
HANDOVER = keccak(b"handover(bytes32,uint256,bytes32,address)")[:4]
HEAD = keccak(b"head(bytes32)")[:4]


def pair(left, right):
    return sha256(b"\x01" + left + right).digest()


# --- What is lawful --------------------------------------------------------------------------------------------------


def is_consistent(first, second, first_hash, second_hash, path):
    """Section 2.1.4.2, step by step, for 0 < first < second."""
    if not path:
        return False
    if first & (first - 1) == 0:
        path = [first_hash, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = pair(c, fr), pair(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = pair(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr, sn) == (first_hash, second_hash, 0)


@dataclass
class Book:
    """What a registry holds that keeps the rules: log id → controller, size and root."""

    logs: dict = field(default_factory=dict)

    def after(self, sender, data):
        """The entry that a call writes, as (log id, entry); None if the call is to be refused."""
        functions = {REGISTER: self._register, ANCHOR: self._anchor, HANDOVER: self._handover, HEAD: self._head}
        function = functions.get(data[:4])
        return function(sender, data[4:]) if function else None

    def _register(self, sender, body):
        log_id = keccak(bytes(12) + sender + body[:32])
        return (log_id, (sender, 0, bytes(32))) if len(body) >= 32 and log_id not in self.logs else None

    def _anchor(self, sender, body):
        log_id, old_root, new_root = body[:32], body[32:64], body[64:96]
        first, second = int.from_bytes(body[96:104], "big"), int.from_bytes(body[104:112], "big")
        hashes, rest = divmod(len(body) - 112, 32)
        if rest or not 0 <= hashes <= 64 or self.logs.get(log_id) != (sender, first, old_root):
            return None
        if second <= first or second >> 63:
            return None
        path = [body[112 + 32 * i : 144 + 32 * i] for i in range(hashes)]
        lawful = is_consistent(first, second, old_root, new_root, path) if first else not path
        return (log_id, (sender, second, new_root)) if lawful else None

    def _handover(self, sender, body):
        log_id, size, root, to = (body[i : i + 32] for i in range(0, 128, 32))
        entry = (sender, int.from_bytes(size, "big"), root)
        if len(to) != 32 or to[:12] != bytes(12) or self.logs.get(log_id) != entry:
            return None
        return log_id, (to[12:], *entry[1:])

    def _head(self, _, body):
        return (None, None) if len(body) >= 32 else None


# --- Logs that grow --------------------------------------------------------------------------------------------------


@dataclass
class Tree:
    """A log of any size whose whole subtrees are random hashes, as large as the sizes it has had allow."""

    size: int = 0
    known: dict = field(default_factory=dict)  # (first leaf, leaf after the last) → hash

    def grown(self, rng, size):
        """The same log with more leaves."""
        known, at = dict(self.known), self.size
        while at < size:
            width = at & -at or 1 << 63
            while at + width > size:
                width >>= 1
            known[at, at + width] = rng.randbytes(32)
            at += width
        return Tree(size, known)

    def root(self):
        return self._mth(0, self.size)

    def proof(self, first):
        """Section 2.1.4.1: PROOF(first, D[size])."""
        return self._subproof(first, 0, self.size, True)

    def _mth(self, lo, hi):
        if (lo, hi) not in self.known:
            middle = lo + largest_power_below(hi - lo)
            return pair(self._mth(lo, middle), self._mth(middle, hi))
        return self.known[lo, hi]

    def _subproof(self, first, lo, hi, is_start):
        if first == hi - lo:
            return [] if is_start else [self._mth(lo, hi)]
        k = largest_power_below(hi - lo)
        if first <= k:
            return [*self._subproof(first, lo, lo + k, is_start), self._mth(lo + k, hi)]
        return [*self._subproof(first - k, lo + k, hi, False), self._mth(lo, lo + k)]


def largest_power_below(n):
    return 1 << (n - 1).bit_length() - 1


# --- Calls, honest and bent ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Anchor:
    """An anchor call, before it is bytes."""

    sender: bytes
    log_id: bytes
    old: int
    old_root: bytes
    new: int
    new_root: bytes
    path: tuple
    selector: bytes = ANCHOR
    cut: int = 0  # bytes taken away at the end
    more: bytes = b""  # bytes added there

    def data(self):
        sizes = self.old.to_bytes(8, "big") + self.new.to_bytes(8, "big")
        whole = self.selector + self.log_id + self.old_root + self.new_root + sizes + b"".join(self.path)
        return whole[: len(whole) - self.cut] + self.more


def flipped(rng, value):
    return (int.from_bytes(value, "big") ^ 1 << rng.randrange(8 * len(value))).to_bytes(len(value), "big")


def another_size(rng, size):
    others = [size - 1, size + 1, size ^ 1 << rng.randrange(64), 2 * size, size // 2, 0, 1, 2**63 - 1, 2**63]
    return rng.choice(others) % 2**64


def bent_path(rng, path):
    """One hash of it flipped, dropped, doubled, moved, put in or all of them turned round."""
    path, at = list(path), rng.randrange(len(path) + 1)
    some = slice(at, at + 1)
    ways = [
        lambda: path[:at] + [flipped(rng, h) for h in path[some]] + path[at + 1 :],
        lambda: path[:at] + path[at + 1 :],
        lambda: path[:at] + path[some] * 2 + path[at + 1 :],
        lambda: path[:at] + [rng.randbytes(32)] + path[at:],
        lambda: path[at:] + path[:at],
        lambda: path[::-1],
        lambda: path + [bytes(32)] * rng.randrange(70),
    ]
    return tuple(rng.choice(ways)())


def bent(rng, call, strangers):
    """The call with something else in one or two places; now and then it is lawful nevertheless."""
    ways = [
        lambda c: replace(c, sender=rng.choice(PEOPLE)),
        lambda c: replace(c, log_id=rng.choice([*strangers, flipped(rng, c.log_id)])),
        lambda c: replace(c, old=another_size(rng, c.old)),
        lambda c: replace(c, new=another_size(rng, c.new)),
        lambda c: replace(c, old_root=rng.choice([c.new_root, bytes(32), flipped(rng, c.old_root)])),
        lambda c: replace(c, new_root=rng.choice([c.old_root, bytes(32), flipped(rng, c.new_root)])),
        lambda c: replace(c, path=bent_path(rng, c.path)),
        lambda c: replace(c, path=bent_path(rng, c.path)),
        lambda c: replace(c, path=bent_path(rng, c.path)),
        lambda c: replace(c, cut=rng.choice([1, 8, 16, 31, 32, 33, rng.randrange(1, 117)])),
        lambda c: replace(c, more=rng.randbytes(rng.choice([1, 8, 16, 31, 32, 33]))),
        lambda c: replace(c, old=c.new, new=c.old, old_root=c.new_root, new_root=c.old_root),
        lambda c: replace(c, selector=rng.choice([REGISTER, HANDOVER, rng.randbytes(4)])),
    ]
    for way in rng.choices(ways, k=rng.choice([1, 1, 1, 2])):
        call = way(call)
    return call


def a_later_size(rng, size):
    """Mostly a little larger, now and then by magnitudes, a power of two more often than chance has it."""
    later = size + rng.choice(
        [1, rng.randrange(1, 4), rng.randrange(1, 40), rng.randrange(1, 2 ** rng.randrange(1, 62))]
    )
    return min(rng.choice([later, later, later, 1 << later.bit_length()]), 2**63 - 1)


# --- The run ---------------------------------------------------------------------------------------------------------


class Run:
    """A book, the registry on the EVM, and logs that grow in both."""

    def __init__(self):
        self.rng = random.Random(SEED)
        self.world, self.book, self.trees, self.seen = World(), Book(), {}, Counter()

    def check(self, kind, sender, data):
        """The EVM takes the call exactly if the book does."""
        lawful = self.book.after(sender, data) is not None
        call = Call(sender=sender, to=self.world.contract, data=data)
        assert (self.world.refusal_on_the_evm(call) is None) == lawful, (kind, sender.hex(), data.hex())
        self.seen[kind, lawful] += 1
        return lawful

    def carry_out(self, sender, data):
        """Send it: the EVM's word for the log is then the book's."""
        log_id, entry = self.book.after(sender, data)
        self.world.send(Call(sender=sender, to=self.world.contract, data=data), key=KEYS[PEOPLE.index(sender)])
        self.book.logs[log_id] = entry
        controller, size, root = entry
        assert self.world.head(log_id) == keccak(bytes(12) + controller + size.to_bytes(32, "big") + root)
        return log_id

    def register(self):
        sender, salt = self.rng.choice(PEOPLE), bytes([self.rng.randrange(24)]) * 32
        if self.check("register", sender, REGISTER + salt):
            self.trees[self.carry_out(sender, REGISTER + salt)] = Tree()

    def handover(self):
        log_id = self.rng.choice(list(self.trees))
        controller, size, root = self.book.logs[log_id]
        words = [log_id, size.to_bytes(32, "big"), root, bytes(12) + self.rng.choice(PEOPLE)]
        assert self.check("honest handover", controller, HANDOVER + b"".join(words))
        if self.rng.random() < 0.2:
            self.carry_out(controller, HANDOVER + b"".join(words))
        place = self.rng.randrange(4)
        words[place] = flipped(self.rng, words[place])
        self.check("bent handover", self.rng.choice(PEOPLE), HANDOVER + b"".join(words))

    def noise(self):
        selector = self.rng.choice([REGISTER, ANCHOR, HANDOVER, HEAD, b""])
        self.check("noise", self.rng.choice(PEOPLE), selector + self.rng.randbytes(self.rng.randrange(260)))

    def anchor(self):
        log_id = self.rng.choice(list(self.trees))
        controller, size, root = self.book.logs[log_id]
        tree = self.trees[log_id].grown(self.rng, a_later_size(self.rng, size))
        if tree.size == size:
            return  # the largest there can be
        path = tuple(tree.proof(size)) if size else ()
        honest = Anchor(controller, log_id, size, root, tree.size, tree.root(), path)
        assert self.check("honest anchor", controller, honest.data())
        for _ in range(4):
            other = bent(self.rng, honest, list(self.trees))
            self.check("bent anchor", other.sender, other.data())
        if self.rng.random() < 0.3:
            self.carry_out(controller, honest.data())
            self.trees[log_id] = tree


def test_the_contract_and_another_reading_of_the_standard_agree_on_thousands_of_random_calls():
    run = Run()
    run.register()
    while sum(run.seen.values()) < CALLS:
        step = run.rng.choices([run.register, run.handover, run.noise, run.anchor], weights=[2, 2, 2, 10])[0]
        step()
    print(f"{sum(run.seen.values()):,} random calls; lawful, not lawful:")
    for kind in sorted({kind for kind, _ in run.seen}):
        print(f"  {kind}: {run.seen[kind, True]:,}, {run.seen[kind, False]:,}")
    assert (run.seen["honest anchor", False], run.seen["honest handover", False]) == (0, 0)
    assert run.seen["honest anchor", True] > CALLS // 8
    assert run.seen["bent anchor", False] > CALLS // 3
    assert min(run.seen["register", lawful] for lawful in (True, False)) > 0


def test_the_other_reading_takes_every_growth_of_a_small_log_and_no_proof_of_another_one():
    """What the fuzzer's verdict is worth: all pairs of sizes, with each one's proof tried on each."""
    rng = random.Random(SEED)
    trees = [Tree()]
    for size in range(1, 18):
        trees.append(trees[-1].grown(rng, size))
    pairs = [(first, second) for second in range(2, 18) for first in range(1, second)]
    proofs = {(first, second): trees[second].proof(first) for first, second in pairs}
    for first, second in pairs:
        roots = trees[first].root(), trees[second].root()
        taken = [sizes for sizes in pairs if is_consistent(first, second, *roots, proofs[sizes])]
        assert (first, second) in taken
        assert all(proofs[sizes] == proofs[first, second] for sizes in taken)
