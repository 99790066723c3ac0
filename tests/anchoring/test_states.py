"""What the sequencer writes into a state leaf, with the map of all leaves before it, and what a crash leaves."""

import json

import pytest
from django.db import DatabaseError

from anchoring import mapping, schedule, states
from anchoring.models import Head, Leaf, MapHead, MapPage, Pending, State
from anchoring.protocol.merkle import EMPTY_ROOT
from anchoring.protocol.state import Block
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, anchor_all, note, notes, register, seal_with_state, sql
from tests.anchoring.test_pipeline import full_disk

pytestmark = pytest.mark.django_db


def said() -> dict[str, object]:
    """The data of the newest state leaf."""
    newest = State.objects.select_related("entry").order_by("-size").first()
    assert newest is not None
    data: dict[str, object] = json.loads(bytes(newest.entry.data))["data"]
    return data


def test_a_state_leaf_names_the_map_that_follows_from_all_leaves_before_it() -> None:
    notes(5)
    sequencer.close_now()
    made = mapping.rebuild(5)
    assert said() == {"map_root": made.root().hex(), "size": 5, "subjects": 5}
    note()
    sequencer.close_now()
    made = mapping.rebuild(7)
    assert said() == {"map_root": made.root().hex(), "size": 7, "subjects": 7}


def test_the_last_final_block_stands_in_it_as_a_whole_or_not_at_all() -> None:
    note()
    seal_with_state(Block(11155111, 9, b"\xb1" * 32))
    named = said()
    assert (named["chain_id"], named["block_number"], named["block_hash"]) == (11155111, 9, "0x" + "b1" * 32)


@pytest.mark.parametrize("table", ["maphead", "mappage", "entry", "leaf", "tile", "state"])
def test_a_failure_at_any_write_of_a_state_leaf_leaves_nothing_of_it(table) -> None:
    notes(3)
    sequencer.sequence()
    before = (Leaf.objects.count(), Pending.objects.count(), Head.objects.get().size)
    with full_disk("INSERT", f"anchoring_{table}"), pytest.raises(DatabaseError, match="disk full"):
        sequencer.close_now()
    assert (Leaf.objects.count(), Pending.objects.count(), Head.objects.get().size) == before
    assert (MapHead.objects.count(), MapPage.objects.count(), State.objects.count()) == (0, 0, 0)
    sequencer.close_now()
    assert said()["map_root"] == mapping.rebuild(3).root().hex()


def test_a_log_with_leaves_from_before_the_map_is_mapped_in_transactions_of_a_batch(monkeypatch) -> None:
    monkeypatch.setattr(mapping, "BATCH", 50)
    notes(120)
    sequencer.sequence()
    sequencer.close_now()
    assert list(MapHead.objects.order_by("size").values_list("size", flat=True)) == [50, 100, 120]
    assert said()["map_root"] == mapping.rebuild(120).root().hex()


def test_an_interrupted_first_mapping_goes_on_where_it_was(monkeypatch) -> None:
    monkeypatch.setattr(mapping, "BATCH", 50)
    notes(120)
    sequencer.sequence()
    assert sequencer._close(sequencer._is_open) == "mapped"
    assert mapping.covered() == 50
    sequencer.close_now()
    assert said()["map_root"] == mapping.rebuild(120).root().hex()


def test_a_damaged_map_halts_the_sequencer_in_words_and_is_made_again(monkeypatch) -> None:
    notes(3)
    sequencer.close_now()
    sql("DELETE FROM anchoring_mappage")
    note()
    with pytest.raises(schedule.Halted) as halted:
        sequencer.close_now()
    assert str(halted.value) == (
        "The map that the log keeps is damaged: page 0/0 of the map is missing. Nothing is lost: run manage.py"
        " verify_map --anew, and it is made from the entries again."
    )
    mapping.discard()
    sequencer.close_now()
    assert said()["map_root"] == mapping.rebuild(5).root().hex()


def test_the_maps_of_the_last_two_anchored_states_are_kept() -> None:
    chain = a_chain()
    register(chain)
    sizes = []
    for _ in range(4):
        note()
        sequencer.close_now()
        anchor_all(chain)
        sizes.append(mapping.covered())
    sequencer.close_now()
    assert states.MAPS_KEPT == 2
    assert [mapping.is_kept(size) for size in sizes] == [False, True, True, True]
    note()
    sequencer.close_now()
    assert [mapping.is_kept(size) for size in sizes] == [False, False, True, True]


def test_before_anything_is_sealed_a_state_leaf_names_the_empty_map() -> None:
    seal_with_state()
    assert said() == {"map_root": EMPTY_ROOT.hex(), "size": 0, "subjects": 0}
