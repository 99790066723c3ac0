"""The map against its definition, however its entries come in; and every small damage to a path."""

import random
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.protocol import submap
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.merkle import EMPTY_ROOT, ProofInvalid
from anchoring.protocol.submap import Leaf, Step, WholeMap, check_path, pages_towards, prove, update
from tests.anchoring.protocol import reference_map
from tests.anchoring.protocol.mutations import flipped


def hashed(label):
    return sha256(str(label).encode()).digest()


class Pages:
    """Pages in memory, and which of them were asked for."""

    def __init__(self):
        self.stored, self.asked = {}, []

    def __call__(self, wanted):
        self.asked += wanted
        return {page: self.stored[page] for page in wanted if page in self.stored}

    def update(self, places):
        done = update(places=places, fetch=self)
        self.stored |= done.pages
        return done


def places(log, start=0, stop=None):
    return [(log[index][0], index, log[index][1]) for index in range(start, len(log) if stop is None else stop)]


def a_log(count, subjects, seed=0):
    """Entries about so many subjects in a random order."""
    draw = random.Random(seed)
    return [(hashed(draw.randrange(subjects)), hashed(f"{seed} leaf {index}")) for index in range(count)]


def paged(log, *cuts):
    """The pages after the log has come in batches that end at these cuts, and the last update."""
    pages, ends = Pages(), [*cuts, len(log)]
    for start, stop in zip([0, *cuts], ends, strict=True):
        done = pages.update(places(log, start, stop))
    return pages, done


def whole(log):
    made = WholeMap()
    for index, (subject, leaf) in enumerate(log):
        made.add(subject, index, leaf)
    return made


def as_steps(path):
    return tuple(Step(position, sibling) for position, sibling in path)


# Subjects of the kinds that a hash gives, and of those that it does not: twins that part at any of the 256 bits.
plain = st.integers(0, 90).map(hashed)
twins = st.builds(lambda base, bit: flipped(hashed(base), bit), st.integers(0, 3), st.integers(0, 255))
logs = st.lists(st.tuples(plain | twins, st.integers(0, 2**64).map(hashed)), min_size=1, max_size=160)


@settings(max_examples=120, deadline=None)
@given(log=logs, data=st.data())
def test_however_the_entries_come_in_the_root_is_the_one_by_definition(log, data) -> None:
    cuts = sorted(set(data.draw(st.lists(st.integers(1, len(log)), max_size=6))) - {len(log)})
    _, done = paged(log, *cuts)
    assert done.root == reference_map.root(log) == whole(log).root()


@settings(max_examples=60, deadline=None)
@given(log=logs, asked=plain | twins)
def test_any_subject_is_led_to_the_place_by_definition(log, asked) -> None:
    pages, done = paged(log)
    values = reference_map.values(log)
    found, path = reference_map.path(values, asked)
    proved = prove(subject=asked, fetch=pages)
    assert proved.leaf == Leaf(found, *values[found])
    assert proved.path == as_steps(path)
    assert whole(log).prove(asked) == proved
    check_path(subject=asked, leaf=proved.leaf, path=proved.path, root=done.root)


@pytest.mark.parametrize(("count", "subjects"), [(1, 1), (700, 1), (700, 33), (900, 400), (2500, 2500)])
def test_logs_of_all_shapes_have_the_root_by_definition(count, subjects) -> None:
    log = a_log(count, subjects)
    _, done = paged(log, *range(97, count, 97))
    assert done.root == reference_map.root(log)


def test_new_subjects_are_counted_once() -> None:
    log = a_log(900, 200)
    pages, counted = Pages(), 0
    for start in range(0, 900, 100):
        counted += pages.update(places(log, start, start + 100)).new_subjects
    assert counted == len(reference_map.values(log)) == whole(log).subjects


def test_the_empty_map_has_nobody_in_it() -> None:
    found = prove(subject=hashed("anybody"), fetch=Pages())
    assert (found.leaf, found.path) == (None, ())
    assert whole([]).prove(hashed("anybody")) == found
    assert whole([]).root() == EMPTY_ROOT
    check_path(subject=hashed("anybody"), leaf=None, path=(), root=EMPTY_ROOT)


def test_nothing_to_add_is_a_programmers_mistake() -> None:
    with pytest.raises(AssertionError):
        Pages().update([])


def test_the_pages_do_not_depend_on_how_the_entries_came_in() -> None:
    log = a_log(900, 300)
    assert paged(log)[0].stored == paged(log, 1, 2, 400, 899)[0].stored


# What an update touches ----------------------------------------------------------------------------------------------


def test_one_entry_more_reads_and_writes_only_the_pages_on_its_way() -> None:
    log = a_log(3000, 3000)
    pages, _ = paged(log)
    subject = log[1500][0]
    pages.asked.clear()
    done = pages.update([(subject, 3000, hashed("one more"))])
    on_the_way = [page for page in pages_towards(subject) if page in pages.stored]
    assert sorted(pages.asked) == sorted(done.pages) == on_the_way
    assert len(on_the_way) == 3


def test_a_subject_with_many_entries_is_stored_as_its_edge_alone() -> None:
    log = a_log(1000, 1)
    pages, done = paged(log)
    before = len(done.pages[0, 0])
    after = len(pages.update([(log[0][0], 1000, hashed("one more"))]).pages[0, 0])
    assert (before, after) == (5 + 64 + 1 + 16 + 32 * 6, 5 + 64 + 1 + 16 + 32 * 7)  # 1000 and 1001 in binary


def test_the_pages_of_a_proof_are_known_before_any_is_read() -> None:
    log = a_log(3000, 3000)
    pages, _ = paged(log)
    for subject, _ in log[::100]:
        pages.asked.clear()
        assert prove(subject=subject, fetch=pages).leaf.subject == subject
        assert set(pages.asked) <= set(pages_towards(subject))


def test_subjects_that_agree_in_the_bits_of_all_levels_share_the_deepest_page() -> None:
    shared = bytes(8)
    log = [(shared + hashed(number)[8:], hashed(f"leaf {number}")) for number in range(40)]
    pages, done = paged(log, 20)
    assert done.root == reference_map.root(log)
    assert max(pages.stored) == (submap.DEEPEST, 0)


# Damaged storage -----------------------------------------------------------------------------------------------------


def test_a_page_that_is_lost_is_never_taken_for_an_empty_one() -> None:
    log = a_log(300, 300)
    pages, _ = paged(log)
    lost = next(page for page in pages_towards(log[7][0])[1:] if page in pages.stored)
    del pages.stored[lost]
    with pytest.raises(Malformed, match=f"page {lost[0]}/{lost[1]} of the map is missing or too many"):
        pages.update([(log[7][0], 300, hashed("one more"))])
    with pytest.raises(Malformed, match=f"page {lost[0]}/{lost[1]} of the map is missing"):
        prove(subject=log[7][0], fetch=pages)


def test_a_page_that_hangs_under_none_is_refused() -> None:
    log = [(bytes([number]) + hashed(number)[1:], hashed(number)) for number in range(40)]  # slots 0, 1 and 2
    pages, _ = paged(log)
    pages.stored[1, 15] = pages.stored[1, 0]
    with pytest.raises(Malformed, match="page 1/15 of the map is missing or too many"):
        pages.update([(b"\xff" * 32, 40, hashed("one more"))])


@pytest.mark.parametrize("kept", [6, 40, -1])
@pytest.mark.parametrize("count", [20, 300])
def test_a_page_cut_short_is_refused(kept, count) -> None:
    log = a_log(count, count)
    pages, _ = paged(log)
    pages.stored[0, 0] = pages.stored[0, 0][:kept]
    with pytest.raises(Malformed, match="a page of the map is damaged"):
        pages.update([(log[0][0], count, hashed("one more"))])


# Damaged paths -------------------------------------------------------------------------------------------------------

LOG = a_log(400, 150, seed=4)
MAP = whole(LOG)
ROOT = MAP.root()
SUBJECT = LOG[11][0]
LEAF, PATH = MAP.prove(SUBJECT).leaf, MAP.prove(SUBJECT).path


def is_refused(*, subject=SUBJECT, leaf=LEAF, path=PATH, root=ROOT):
    try:
        check_path(subject=subject, leaf=leaf, path=path, root=root)
    except ProofInvalid:
        return True
    return False


def test_the_path_as_it_is_is_accepted() -> None:
    assert not is_refused()
    assert len(PATH) >= 5


def changed_paths():
    """Each step flipped in a bit, moved, dropped, doubled, swapped with its neighbour; and one more at either end."""
    for i, step in enumerate(PATH):
        yield [*PATH[:i], Step(step.position, flipped(step.sibling, i)), *PATH[i + 1 :]]
        for position in {0, step.position - 1, step.position + 1, 255, 256} - {step.position}:
            yield [*PATH[:i], Step(position, step.sibling), *PATH[i + 1 :]]
        yield [*PATH[:i], *PATH[i + 1 :]]
        yield [*PATH[:i], step, *PATH[i:]]
    for i in range(len(PATH) - 1):
        yield [*PATH[:i], PATH[i + 1], PATH[i], *PATH[i + 2 :]]
        yield [
            *PATH[:i], Step(PATH[i].position, PATH[i + 1].sibling), Step(PATH[i + 1].position, PATH[i].sibling),
            *PATH[i + 2 :],
        ]  # fmt: skip
    yield [*PATH, Step(0, bytes(32))]
    yield [Step(255, bytes(32)), *PATH]
    yield PATH[::-1]
    yield []


def test_every_changed_path_is_refused() -> None:
    assert [path for path in changed_paths() if not is_refused(path=path)] == []


def test_every_changed_leaf_is_refused() -> None:
    count, last, mini_root = LEAF.count, LEAF.last, LEAF.mini_root
    values = [(count - 1, last, mini_root), (count + 1, last, mini_root), (count, last + 1, mini_root)]
    values += [(last, count, mini_root), *((count, last, flipped(mini_root, bit)) for bit in range(256))]
    assert [value for value in values if not is_refused(leaf=Leaf(SUBJECT, *value))] == []
    subjects = [flipped(SUBJECT, bit) for bit in range(256)]
    assert [subject for subject in subjects if not is_refused(leaf=Leaf(subject, count, last, mini_root))] == []


def test_an_absent_subject_is_one_whose_bits_lead_to_another_leaf() -> None:
    positions = {step.position for step in PATH}
    for bit in range(256):
        asked = flipped(SUBJECT, 255 - bit)  # flipped counts from the least significant bit
        assert is_refused(subject=asked) == (bit in positions)


def test_no_path_makes_an_inhabited_map_empty() -> None:
    assert is_refused(leaf=None, path=())
    assert is_refused(leaf=None, path=PATH)
    assert is_refused(leaf=None, path=PATH, root=EMPTY_ROOT)
    assert is_refused(root=EMPTY_ROOT)
