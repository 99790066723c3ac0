"""The tree against RFC 9162 taken literally, in every small world, and against roots that others published."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofbundle.merkle import verify_consistency, verify_inclusion

from anchoring.protocol.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    ProofInvalid,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    prove_inclusions,
    root,
)
from tests.anchoring.protocol import mutations, reference
from tests.anchoring.protocol.reference import LEAVES, mth

SIZES = range(1, 131)


class Store:
    """Complete subtrees of LEAVES, counting how often it is asked."""

    def __init__(self):
        self.reads = 0

    def __call__(self, nodes):
        self.reads += 1
        assert len(set(nodes)) == len(nodes)
        return [mth(index << level, (index + 1) << level) for level, index in nodes]


def is_included(index, size, leaf, proof, root):
    try:
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    except ProofInvalid:
        return False
    return True


def is_consistent(old_size, new_size, old_root, new_root, proof):
    try:
        check_consistency(old_size=old_size, new_size=new_size, old_root=old_root, new_root=new_root, proof=proof)
    except ProofInvalid:
        return False
    return True


# What others published: the inputs and hashes of the Certificate Transparency reference tree.

CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 1): [],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


def read_ct(nodes):
    """The published tree's subtrees, built from its leaves pair by pair."""
    levels = [[leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return [levels[level][index] for level, index in nodes]


def test_the_published_roots_are_ours():
    assert [root(size=size, read=read_ct).hex() for size in range(9)] == CT_ROOTS


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_the_published_paths_are_ours_and_pass(index, size):
    proof = prove_inclusion(index=index, size=size, read=read_ct)
    assert [value.hex() for value in proof] == CT_INCLUSION[index, size]
    leaf = leaf_hash(bytes.fromhex(CT_LEAVES[index]))
    check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=bytes.fromhex(CT_ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CT_CONSISTENCY)
def test_the_published_consistency_proofs_are_ours_and_pass(old, new):
    proof = prove_consistency(old_size=old, new_size=new, read=read_ct)
    assert [value.hex() for value in proof] == CT_CONSISTENCY[old, new]
    old_root, new_root = bytes.fromhex(CT_ROOTS[old]), bytes.fromhex(CT_ROOTS[new])
    check_consistency(old_size=old, new_size=new, old_root=old_root, new_root=new_root, proof=proof)


def test_a_leaf_can_never_be_taken_for_a_node():
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) == sha256(b"\x00" + left + right).digest()
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()


# Every small world.


def test_every_root_is_the_definitions_and_costs_one_read():
    store = Store()
    assert [root(size=size, read=store) for size in SIZES] == [mth(0, size) for size in SIZES]
    assert store.reads == len(SIZES)


def test_the_empty_tree_has_a_root_without_a_read():
    store = Store()
    assert root(size=0, read=store) == EMPTY_ROOT == sha256(b"").digest()
    assert store.reads == 0


def test_every_path_is_the_definitions_and_passes():
    store = Store()
    for size in SIZES:
        for index in range(size):
            proof = prove_inclusion(index=index, size=size, read=store)
            assert proof == reference.path(index, size)
            check_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=mth(0, size))
    assert store.reads == sum(size for size in SIZES if size > 1)


def test_every_consistency_proof_is_the_definitions_and_passes():
    store = Store()
    for new in SIZES:
        for old in range(1, new + 1):
            proof = prove_consistency(old_size=old, new_size=new, read=store)
            assert proof == reference.consistency(old, new)
            check_consistency(old_size=old, new_size=new, old_root=mth(0, old), new_root=mth(0, new), proof=proof)
    assert store.reads == sum(new - 1 for new in SIZES)


def test_the_paths_of_many_leaves_cost_one_read():
    store = Store()
    paths = prove_inclusions(indexes=[5, 0, 129, 64, 5], size=130, read=store)
    assert paths == [reference.path(index, 130) for index in (5, 0, 129, 64, 5)]
    assert store.reads == 1


def test_every_damaged_path_is_refused():
    for size in SIZES:
        for index in range(size):
            proof = reference.path(index, size)
            good = {"index": index, "size": size, "leaf": LEAVES[index], "root": mth(0, size)}
            for damaged in mutations.hash_lists(proof):
                assert not is_included(**good, proof=damaged)
            assert not is_included(**good | {"leaf": mutations.flipped(LEAVES[index], size)}, proof=proof)
            assert not is_included(**good | {"root": mutations.flipped(mth(0, size), index)}, proof=proof)
            assert not is_included(**good | {"root": mth(0, size + 1)}, proof=proof)


def test_every_damaged_consistency_proof_is_refused():
    for new in SIZES:
        for old in range(1, new + 1):
            proof = reference.consistency(old, new)
            roots = {"old_root": mth(0, old), "new_root": mth(0, new)}
            for damaged in mutations.hash_lists(proof):
                assert not is_consistent(old, new, **roots, proof=damaged)
            for name in roots:
                assert not is_consistent(old, new, **roots | {name: mutations.flipped(roots[name], new)}, proof=proof)
                assert not is_consistent(old, new, **roots | {name: mth(0, 131)}, proof=proof)


def test_a_path_for_another_index_is_refused():
    for size in SIZES:
        for index in range(size):
            proof = reference.path(index, size)
            for wrong in {index - 1, index + 1, 0, size - 1, size, index ^ 1} - {index}:
                assert not is_included(wrong, size, LEAVES[index], proof, mth(0, size))


def test_another_size_passes_only_where_the_definition_cannot_tell_it():
    """A path may climb the same way in two trees: what ties a root to its size is the signed checkpoint."""
    for size in SIZES:
        for index in range(size):
            proof = reference.path(index, size)
            for wrong in {size - 1, size + 1, 2 * size, size ^ 1} - {size}:
                verdict = is_included(index, wrong, LEAVES[index], proof, mth(0, size))
                assert verdict == reference.verify_inclusion(index, wrong, LEAVES[index], proof, mth(0, size))
    assert is_included(0, 4, LEAVES[0], reference.path(0, 3), mth(0, 3))
    assert not is_included(2, 4, LEAVES[2], reference.path(2, 3), mth(0, 3))


def test_other_sizes_pass_for_consistency_only_where_the_definition_cannot_tell_them():
    for new in SIZES:
        for old in range(1, new + 1):
            proof = reference.consistency(old, new)
            roots = mth(0, old), mth(0, new)
            for wrong in [(old - 1, new), (old + 1, new), (old, new - 1), (old, new + 1), (new, old)]:
                if wrong == (old, new) or wrong[0] == 0:
                    continue
                assert is_consistent(*wrong, *roots, proof) == reference.verify_consistency(*wrong, *roots, proof)


def test_anothers_implementation_judges_our_proofs_alike():
    data = [b"leaf %d" % i for i in range(33)]
    for index in range(33):
        proof = prove_inclusion(index=index, size=33, read=Store())
        assert verify_inclusion(data[index], index, 33, proof, mth(0, 33))
    for old in range(1, 34):
        proof = prove_consistency(old_size=old, new_size=33, read=Store())
        assert verify_consistency(old, 33, proof, mth(0, old), mth(0, 33))


# The edges.


def test_equal_sizes_need_equal_roots_and_no_proof():
    assert is_consistent(7, 7, mth(0, 7), mth(0, 7), [])
    assert not is_consistent(7, 7, mth(0, 7), mth(0, 8), [])
    assert not is_consistent(7, 7, mth(0, 7), mth(0, 7), [mth(0, 7)])


def test_from_nothing_only_the_empty_proof_passes():
    assert prove_consistency(old_size=0, new_size=7, read=Store()) == []
    assert is_consistent(0, 7, bytes(32), mth(0, 7), [])
    assert is_consistent(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not is_consistent(0, 7, EMPTY_ROOT, mth(0, 7), [mth(0, 7)])
    assert not is_consistent(0, 0, EMPTY_ROOT, mth(0, 1), [])


def test_nothing_is_in_an_empty_tree():
    assert not is_included(0, 0, LEAVES[0], [], EMPTY_ROOT)
    assert not is_included(0, 0, EMPTY_ROOT, [], EMPTY_ROOT)


def test_a_log_cannot_shrink():
    assert not is_consistent(8, 7, mth(0, 8), mth(0, 7), reference.consistency(7, 8))


def test_the_largest_tree_takes_a_path_of_63_hashes():
    size, index = MAX_SIZE - 1, 0
    proof = [sha256(b"%d" % i).digest() for i in range(63)]
    top = reference.inclusion_root(index, size, LEAVES[0], proof)
    assert is_included(index, size, LEAVES[0], proof, top)
    assert not is_included(index, MAX_SIZE, LEAVES[0], [*proof, top], top)


NOT_NUMBERS = [-1, MAX_SIZE, 10**400, True, 1.0, "1", b"1", None, [1]]
NOT_HASHES = [b"", bytes(31), bytes(33), bytearray(32), "00" * 32, None, 7]
NOT_PROOFS = [None, 7, "proof", b"proof", {}, [None], [b""], [bytes(31)], [1] * 3, [bytes(32)] * 65, iter([])]


@pytest.mark.parametrize("wrong", NOT_NUMBERS)
def test_what_is_no_number_is_refused_like_a_wrong_one(wrong):
    assert not is_included(wrong, 2, LEAVES[0], [LEAVES[1]], mth(0, 2))
    assert not is_included(0, wrong, LEAVES[0], [LEAVES[1]], mth(0, 2))
    assert not is_consistent(wrong, 2, mth(0, 1), mth(0, 2), [LEAVES[1]])
    assert not is_consistent(1, wrong, mth(0, 1), mth(0, 2), [LEAVES[1]])


@pytest.mark.parametrize("wrong", NOT_HASHES)
def test_what_is_no_hash_is_refused_like_a_wrong_one(wrong):
    assert not is_included(0, 2, wrong, [LEAVES[1]], mth(0, 2))
    assert not is_included(0, 2, LEAVES[0], [LEAVES[1]], wrong)
    assert not is_included(0, 2, LEAVES[0], [wrong], mth(0, 2))
    assert not is_consistent(1, 2, wrong, mth(0, 2), [LEAVES[1]])
    assert not is_consistent(1, 2, mth(0, 1), wrong, [LEAVES[1]])
    assert not is_consistent(0, 2, wrong, mth(0, 2), [])


@pytest.mark.parametrize("wrong", NOT_PROOFS)
def test_what_is_no_proof_is_refused_like_a_wrong_one(wrong):
    assert not is_included(0, 2, LEAVES[0], wrong, mth(0, 2))
    assert not is_consistent(1, 2, mth(0, 1), mth(0, 2), wrong)


hashes = st.binary(min_size=32, max_size=32)


@given(st.integers(), st.integers(), st.lists(hashes, max_size=70), hashes, hashes)
def test_random_proofs_are_refused_quietly(first, second, proof, one, other):
    assert is_included(first, second, one, proof, other) == ((first, second, proof) == (0, 1, []) and one == other)
    if first != 0 and (first, one) != (second, other):
        assert not is_consistent(first, second, one, other, proof)
