"""Anchor calls bent in every small way: the EVM, the twin in Python and RFC 9162's own recursion judge each alike.

The twin (memory_chain.py) checks proofs with the product's ``check_consistency``; the recursion shares no line with it.
"""

import random
from typing import NamedTuple

import pytest

from anchoring import registry
from anchoring.chain import address_of
from tests.anchoring.contract_world import (
    ALICE,
    BAD_LENGTH,
    BAD_SIZE,
    BOB,
    LARGEST,
    LOG_EXISTS,
    NOT_CONSISTENT,
    NOT_THE_HEAD,
    Growth,
    World,
    made_up_growth,
    real_growth,
    root,
    sizes_below,
)
from tests.anchoring.protocol import mutations, reference

AT_LEAST = 4_000  # calls that this file judges
WHOLE = 2**24  # up to so many entries every damaged proof is tried, above it a sample
SAMPLE = 16

SMALL = [(old, new) for old in range(1, 11) for new in range(old + 1, 13)]
POWERS_OF_TWO = [(2**bits, 2 ** (bits + 1) + 2**bits // 2 + 1) for bits in (3, 4, 7, 8, 10, 12, 16, 20, 24)]
TO_POWERS_OF_TWO = [(15, 16), (100, 128), (1000, 1024), (2**20 - 3, 2**20)]
MAGNITUDES = [sizes_below(random.Random(bits), 2**bits) for bits in (8, 10, 12, 16, 20, 24)]
HUGE = [
    (2**32 + 5, 2**33), (2**39 - 1, 2**40 - 1), (2**39 + 12_345, 2**40), (2**40, 2**40 + 1), (2**62, LARGEST),
    (2**62 + 1, LARGEST), (LARGEST - 1, LARGEST),
]  # fmt: skip
MADE_UP = [sizes for sizes in POWERS_OF_TWO + TO_POWERS_OF_TWO + MAGNITUDES + HUGE if sizes not in SMALL]


class Attempt(NamedTuple):
    """Who tries to anchor what in which log."""

    key: bytes
    log_id: bytes
    growth: Growth


class Head(NamedTuple):
    """What the registry holds: whose log it is, and where it stands."""

    key: bytes
    log_id: bytes
    size: int
    root: bytes


@pytest.fixture(scope="module")
def world():
    return World()


def growth_of(old, new):
    """The honest one of these sizes: of the reference tree, or of one that nobody could build."""
    return real_growth(old, new) if (old, new) in SMALL else made_up_growth(random.Random(f"{old} {new}"), old, new)


def attempts(log_id, honest):
    """The honest call first, then what comes of it when one thing is another: no two are the same."""
    old, old_root, new, new_root, proof = honest
    growths = [honest, *(honest._replace(proof=damaged) for damaged in damaged_proofs(honest))]
    sizes = {old - 1, old, old + 1, new - 1, new, new + 1, 2 * new, 0, 2**63 - 1, 2**63, 2**64 - 1}
    growths += [honest._replace(new=size) for size in sorted(sizes) if 0 <= size < 2**64]
    growths += [honest._replace(old=size) for size in (old - 1, old + 1, new, 0)]
    growths += [honest._replace(new_root=mutations.flipped(new_root, bit)) for bit in (0, 7, 128, 255)]
    growths += [honest._replace(old_root=mutations.flipped(old_root, bit)) for bit in (0, 255)]
    growths += [honest._replace(new_root=old_root), honest._replace(old_root=new_root)]
    growths += [honest._replace(proof=other) for other in ([], [old_root, *proof], [bytes(32)] * 64, [bytes(32)] * 65)]
    growths += [Growth(new, new_root, old, old_root, proof), Growth(old, old_root, old, old_root, [])]
    growths += [Growth(0, registry.EMPTY_ROOT, size, new_root, p) for size in (old, new) for p in ([], proof)]
    bent = [Attempt(ALICE, log_id, growth) for growth in growths]
    bent += [Attempt(ALICE, mutations.flipped(log_id, bit), honest) for bit in (0, 255)]
    bent += [Attempt(BOB, log_id, honest), Attempt(BOB, bytes(32), honest)]
    distinct = {}
    for attempt in bent:
        distinct.setdefault((attempt.key, attempt.log_id, *attempt.growth[:4], *attempt.growth.proof), attempt)
    return list(distinct.values())


def damaged_proofs(honest):
    """Each hash flipped, dropped, doubled, swapped; of a very long proof some of that."""
    every = list(mutations.hash_lists(honest.proof))
    if honest.new <= WHOLE or len(every) <= SAMPLE:
        return every
    return random.Random(honest.old_root).sample(every, SAMPLE)


def verdict(attempt, head):
    """Why such an anchor is refused at that head, None if it is lawful: docs/protocol.md, section 6."""
    growth = attempt.growth
    if len(growth.proof) > 64:
        return BAD_LENGTH
    if Head(attempt.key, attempt.log_id, growth.old, growth.old_root) != head:
        return NOT_THE_HEAD
    if not growth.old < growth.new <= LARGEST:
        return BAD_SIZE
    if growth.old == 0:
        return None if not growth.proof else NOT_CONSISTENT
    lawful = reference.verify_consistency(growth.old, growth.new, growth.old_root, growth.new_root, growth.proof)
    return None if lawful else NOT_CONSISTENT


def judge(world, head, tried):
    """All say of each attempt what the protocol says of it."""
    said = [world.refusal(world.anchor(a.log_id, *a.growth, key=a.key)) for a in tried]
    assert said == [verdict(attempt, head) for attempt in tried]
    return said


@pytest.mark.parametrize(("old", "new"), SMALL + MADE_UP, ids=lambda size: f"{size:x}")
def test_of_all_bent_anchors_only_lawful_ones_are_taken(world, old, new):
    honest = growth_of(old, new)
    log_id = world.log_at(old, honest.old_root)
    said = judge(world, Head(ALICE, log_id, old, honest.old_root), attempts(log_id, honest))
    assert said[0] is None


def test_they_are_thousands():
    count = sum(len(attempts(bytes(32), growth_of(*sizes))) for sizes in SMALL + MADE_UP)
    print(f"{count:,} anchors are judged")
    assert count >= AT_LEAST


@pytest.mark.parametrize("new", [1, 2, 3, 8, 2**40, LARGEST])
def test_the_first_anchor_is_taken_on_trust_but_not_for_granted(world, new):
    honest = Growth(0, registry.EMPTY_ROOT, new, root(new) if new < 9 else random.Random(new).randbytes(32), [])
    log_id = world.new_log()
    growths = [honest, honest._replace(proof=[bytes(32)]), honest._replace(proof=[honest.new_root] * 2)]
    growths += [honest._replace(new=size) for size in (0, new + 1, 2**63, 2**64 - 1)]
    growths += [honest._replace(old=1), honest._replace(old_root=root(1)), honest._replace(old=1, old_root=root(1))]
    tried = [Attempt(key, log_id, growth) for key in (ALICE, BOB) for growth in growths]
    tried += [Attempt(key, registry.log_id(controller=address_of(BOB), salt=bytes(32)), honest) for key in (ALICE, BOB)]
    assert judge(world, Head(ALICE, log_id, 0, registry.EMPTY_ROOT), tried)[0] is None


@pytest.mark.parametrize(("old", "new"), [(1, 2), (5, 9), (8, 13), (2**40, 2**40 + 1)])
def test_after_a_handover_every_call_is_judged_anew(world, old, new):
    honest = growth_of(old, new)
    log_id = world.log_at(old, honest.old_root)
    world.send(world.handover(log_id, old, honest.old_root, to=BOB), key=ALICE)
    tried = attempts(log_id, honest)
    tried += [attempt._replace(key=BOB) for attempt in tried]
    said = judge(world, Head(BOB, log_id, old, honest.old_root), tried)
    assert (said[0], said[len(said) // 2]) == (NOT_THE_HEAD, None)


def test_an_anchor_that_others_overtook_is_refused(world):
    """Each call that was honest once is tried again at each later head."""
    sizes = [1, 2, 3, 5, 8, 13, 21]
    log_id = world.log_at(1, root(1))
    pairs = [(old, new) for old in sizes for new in sizes if old < new]
    tried = [Attempt(ALICE, log_id, real_growth(old, new)) for old, new in pairs]
    for old, new in zip(sizes, sizes[1:], strict=False):
        said = judge(world, Head(ALICE, log_id, old, root(old)), tried)
        assert [old == pair[0] for pair in pairs] == [refusal is None for refusal in said]
        world.send(world.anchor(log_id, *real_growth(old, new)), key=ALICE)


def test_a_log_id_is_registered_once_whatever_became_of_it(world):
    salts = [bytes([number]) * 32 for number in range(100, 112)]
    calls = [registry.register_call(sender=address_of(ALICE), contract=world.contract, salt=salt) for salt in salts]
    assert [world.refusal(call) for call in calls] == [None] * 12
    for number, (salt, call) in enumerate(zip(salts, calls, strict=True)):
        world.send(call, key=ALICE)
        log_id = registry.log_id(controller=address_of(ALICE), salt=salt)
        if number % 3:
            world.send(world.anchor(log_id, 0, registry.EMPTY_ROOT, 5, root(5), []), key=ALICE)
        if number % 3 == 2:
            world.send(world.handover(log_id, 5, root(5), to=BOB), key=ALICE)
        assert [world.refusal(c) for c in calls] == [LOG_EXISTS] * (number + 1) + [None] * (11 - number)
        assert world.send(call, key=ALICE)["status"] == "0x0"
