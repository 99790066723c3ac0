"""The map in the database: the one by definition at every state, whatever was sealed in between."""

import pytest
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from anchoring import mapping, store
from anchoring.models import Entry, Head, Leaf, MapHead, MapPage
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import parse_entry, subject
from anchoring.protocol.merkle import EMPTY_ROOT
from anchoring.protocol.state import Block
from anchoring.protocol.submap import Leaf as MapLeaf
from anchoring.protocol.submap import Step, check_path
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_subject, guards_lifted, note, notes, seal_with_state, sql
from tests.anchoring.protocol import reference_map

pytestmark = pytest.mark.django_db


def logged(upto=None):
    """(subject, leaf hash) of the log's leaves, from the entries' bytes."""
    entries = Entry.objects.filter(leaf__isnull=False).order_by("leaf__index").values_list("data", flat=True)[:upto]
    return [(parse_entry(bytes(data)).subject, reference_map.sha(b"\x00", bytes(data))) for data in entries]


def hash_of(thing):
    return subject(thing.type, thing.id)


def steps_of(path):
    return tuple(Step(position, sibling) for position, sibling in path)


def advance():
    """Map all that is sealed."""
    with transaction.atomic():
        return mapping.advance(mapping.covered(), Head.objects.get().size)


def test_each_state_names_the_map_by_definition() -> None:
    thing = a_subject()
    for number in range(4):
        note(subject=thing)
        notes(30 * number)
        made = seal_with_state()
        values = reference_map.values(logged(made.size))
        assert (bytes(made.root), made.subjects) == (reference_map.trie(values), len(values))
        index, state = mapping.newest_state()
        assert (index, state.size, state.map_root) == (made.size, made.size, bytes(made.root))


def test_states_are_mapped_like_any_entry() -> None:
    seal_with_state()
    seal_with_state()
    made = seal_with_state()
    values = reference_map.values(logged(made.size))
    assert [(count, last) for count, last, _ in values.values()] == [(2, 1)]
    assert bytes(made.root) == reference_map.trie(values)


def test_before_anything_is_sealed_the_map_is_empty() -> None:
    made = seal_with_state()
    assert (made.size, made.subjects, bytes(made.root)) == (0, 0, EMPTY_ROOT)
    found = mapping.history_proof(hash_of(a_subject()), 0)
    assert (found.leaf, found.path) == (None, ())


def test_a_state_names_the_last_final_block_that_is_known() -> None:
    block = Block(chain_id=11155111, number=9, hash=b"\xb1" * 32)
    notes(1)
    seal_with_state(block)
    assert mapping.newest_state()[1].block == block


def test_a_large_log_is_mapped_in_batches(monkeypatch) -> None:
    monkeypatch.setattr(mapping, "BATCH", 50)
    notes(120)
    sequencer.sequence()
    made = advance()
    assert bytes(made.root) == reference_map.root(logged()) == mapping.rebuild(120).root()
    assert list(MapHead.objects.order_by("size").values_list("size", flat=True)) == [50, 100, 120]


def test_every_map_that_is_kept_answers_for_who_is_there_and_who_is_not() -> None:
    things = [a_subject() for _ in range(60)]
    sizes = []
    for number in range(3):
        for thing in things[number * 20 :]:
            note(subject=thing)
        sizes.append(seal_with_state().size)
    for size in sizes:
        values = reference_map.values(logged(size))
        root = reference_map.trie(values)
        for thing in [*things[::7], a_subject()]:
            asked = hash_of(thing)
            found, path = reference_map.path(values, asked)
            proved = mapping.history_proof(asked, size)
            assert proved.leaf == MapLeaf(found, *values[found])
            assert proved.path == steps_of(path)
            assert mapping.rebuild(size).prove(asked) == proved
            check_path(subject=asked, leaf=proved.leaf, path=proved.path, root=root)


def test_a_proof_of_who_is_there_takes_two_queries(django_assert_num_queries) -> None:
    thing = a_subject()
    notes(200)
    note(subject=thing)
    size = seal_with_state().size
    with django_assert_num_queries(2):
        assert mapping.history_proof(hash_of(thing), size).leaf.subject == hash_of(thing)


def test_bringing_the_map_up_to_date_takes_the_same_queries_for_many_as_for_few() -> None:
    notes(200)
    seal_with_state()
    counts = []
    for many in (10, 60):
        notes(many)
        sequencer.sequence()
        with transaction.atomic(), CaptureQueriesContext(store.connection) as asked:
            mapping.advance(mapping.covered(), Head.objects.get().size)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 9


def test_the_leaves_to_map_start_where_the_map_ends() -> None:
    notes(3)
    sequencer.sequence()
    with pytest.raises(AssertionError, match="the map covers 0 leaves"):
        mapping.advance(1, 3)
    with pytest.raises(AssertionError, match="the map covers 0 leaves"):
        mapping.advance(0, -1)


def test_leaves_that_do_not_exist_are_not_mapped() -> None:
    notes(3)
    sequencer.sequence()
    with pytest.raises(Malformed, match="leaves between 0 and 4 are missing"), transaction.atomic():
        mapping.advance(0, 4)
    assert MapHead.objects.count() == 0


def test_nothing_new_leaves_the_map_as_it_is() -> None:
    notes(3)
    sequencer.sequence()
    made = advance()
    pages = MapPage.objects.count()
    assert (advance().size, MapPage.objects.count()) == (made.size, pages)


# Forgetting and making anew ------------------------------------------------------------------------------------------


def test_what_is_older_than_the_anchored_map_is_forgotten_and_nothing_else() -> None:
    thing = a_subject()
    sizes = []
    for _ in range(4):
        note(subject=thing)
        notes(40)
        sizes.append(seal_with_state().size)
    kept = {size: mapping.history_proof(hash_of(thing), size) for size in sizes}
    assert mapping.forget(sizes[2]) > 0
    assert list(MapHead.objects.order_by("size").values_list("size", flat=True)) == sizes[2:]
    assert {size: mapping.history_proof(hash_of(thing), size) for size in sizes[2:]} == {
        size: kept[size] for size in sizes[2:]
    }
    newest_by_2 = MapPage.objects.filter(size__lte=sizes[2])
    assert newest_by_2.count() == newest_by_2.values("level", "n").distinct().count()
    with pytest.raises(mapping.MapNotKept, match=f"the map over {sizes[0]} leaves is not kept"):
        mapping.history_proof(hash_of(thing), sizes[0])
    assert mapping.rebuild(sizes[0]).prove(hash_of(thing)) == kept[sizes[0]]
    assert mapping.forget(sizes[2]) == 0


def test_a_map_that_was_never_made_is_no_limit_for_forgetting() -> None:
    assert mapping.forget(5) == 0
    notes(3)
    seal_with_state()
    with pytest.raises(AssertionError, match="no map was made for size 9"):
        mapping.forget(9)


def test_the_cache_thrown_away_is_made_anew_from_the_leaves() -> None:
    notes(70)
    sequencer.sequence()
    first = advance()
    mapping.discard()
    assert (mapping.covered(), MapPage.objects.count()) == (0, 0)
    assert bytes(advance().root) == bytes(first.root)


def test_a_damaged_cache_is_noticed_before_it_is_sealed() -> None:
    notes(70)
    sequencer.sequence()
    advance()
    MapPage.objects.filter(level=1).delete()
    notes(40)
    sequencer.sequence()
    with pytest.raises(Malformed, match="of the map is missing"), transaction.atomic():
        mapping.advance(mapping.covered(), Head.objects.get().size)


def test_recomputing_believes_the_entries_bytes_and_not_what_stands_beside_them() -> None:
    notes(5)
    sequencer.sequence()
    before = mapping.rebuild(5).root()
    with guards_lifted("anchoring_leaf", "anchoring_entry"):
        sql('UPDATE anchoring_leaf SET hash = %s WHERE anchoring_leaf."index" = 2', b"\x00" * 32)
        sql("UPDATE anchoring_entry SET subject_id = %s", a_subject().id)
    assert mapping.rebuild(5).root() == before


def test_recomputing_reports_how_far_it_is_and_misses_no_entry() -> None:
    notes(5)
    sequencer.sequence()
    done = []
    mapping.rebuild(5, done.append)
    assert done == [5]
    with pytest.raises(Malformed, match="entries between index 0 and 6 are missing"):
        mapping.rebuild(6)


def test_a_log_without_a_state_has_none() -> None:
    notes(2)
    sequencer.sequence()
    assert mapping.newest_state() is None
    assert Leaf.objects.count() == 2


def test_the_state_below_an_entry_is_the_one_that_bounds_it() -> None:
    first = seal_with_state(Block(11155111, 5, b"\x05" * 32)).size
    notes(3)
    second = seal_with_state(Block(11155111, 8, b"\x08" * 32)).size
    assert [mapping.state_below(size) and mapping.state_below(size)[0] for size in (0, 1, second, second + 1)] == [
        None, first, first, second,
    ]  # fmt: skip
