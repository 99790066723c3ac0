"""The state entry: what it says comes back, and what is not of its form is refused."""

import pytest

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import encode_entry, parse_entry, subject
from anchoring.protocol.state import KIND, Block, State, encode_state, parse_state
from tests.anchoring import history_world
from tests.anchoring.protocol.world import NOON, ORIGIN, SUBMITTED_ENTRY, entry_id

STATE = State(map_root=b"\x0a" * 32, subjects=3, size=7, block=Block(chain_id=11155111, number=9, hash=b"\xb1" * 32))


def state_entry(kind=KIND, **members):
    """The entry with other members of its data; a member of None is left out."""
    data = {name: value for name, value in (encode_state(STATE) | members).items() if value is not None}
    return parse_entry(encode_entry(at=NOON, id=entry_id(1), kind=kind, subject=subject("log", ORIGIN), data=data))


def test_what_a_state_says_comes_back() -> None:
    assert parse_state(state_entry()) == STATE


def test_a_log_without_a_chain_names_no_block() -> None:
    data = encode_state(State(map_root=b"\x0a" * 32, subjects=3, size=7))
    assert data == {"map_root": "0a" * 32, "size": 7, "subjects": 3}
    entry = encode_entry(at=NOON, id=entry_id(1), kind=KIND, subject=subject("log", ORIGIN), data=data)
    assert parse_state(parse_entry(entry)).block is None


def test_a_state_that_others_wrote_is_read() -> None:
    state = parse_state(parse_entry(history_world.state_of([]).encode()))
    assert (state.size, state.subjects, state.block.number) == (0, 0, history_world.STATE_BLOCK)


@pytest.mark.parametrize(
    "members",
    [
        {"map_root": None}, {"size": None}, {"subjects": None}, {"note": "x"}, {"map_root": "0A" * 32},
        {"map_root": "0a" * 31}, {"map_root": 7}, {"size": -1}, {"size": "7"}, {"subjects": -1}, {"subjects": "3"},
        {"chain_id": None}, {"block_number": None}, {"block_hash": None}, {"chain_id": None, "block_number": None},
        {"chain_id": 0}, {"chain_id": "1"}, {"block_number": -1}, {"block_hash": "b1" * 32}, {"block_hash": "0xb1"},
    ],
)  # fmt: skip
def test_data_of_another_form_is_refused(members) -> None:
    with pytest.raises(Malformed):
        parse_state(state_entry(**members))


def test_an_entry_of_another_kind_is_none() -> None:
    with pytest.raises(Malformed):
        parse_state(state_entry("log.registered"))
    with pytest.raises(Malformed):
        parse_state(parse_entry(SUBMITTED_ENTRY))
