"""The entry's bytes: one example written out, and every other way to write one refused."""

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol import canonical
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import Entry, encode_entry, format_time, parse_entry, parse_time, subject, subject_of
from tests.anchoring.protocol.mutations import every_bit_flipped, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import ALICES_CLAIM, NOON, SUBMITTED_ENTRY, entry_id, is_refused

ALICE = {
    "at": NOON,
    "id": entry_id(1),
    "kind": "claim.submitted",
    "subject": subject("claim", ALICES_CLAIM),
    "fields": {"number": b"\x01" * 32, "amount_minor": b"\xff" * 32},
}
ALICES_BYTES = (
    b'{"at":"2026-11-23T12:00:00.123456Z","fields":{"amount_minor":"__________________________________________8",'
    b'"number":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"},"id":"e0000000-0000-4000-8000-000000000001",'
    b'"kind":"claim.submitted","subject":"3dde8f87977ba6c5181c63299bbc59c2243ec07e56291f08f5a4f25ec2581f12","v":1}'
)
LOG_ENTRY = {
    "at": NOON,
    "id": entry_id(2),
    "kind": "log.registered",
    "subject": subject("log", "insurer.example/log"),
    "data": {"chain_id": 11155111, "contract": "0x00"},
}


def changed(**members):
    """Alice's entry with other members; a member of None is left out."""
    document = json.loads(ALICES_BYTES) | members
    return canonical.dumps({name: value for name, value in document.items() if value is not None})


def test_alices_entry_has_these_bytes():
    assert encode_entry(**ALICE) == ALICES_BYTES
    assert parse_entry(ALICES_BYTES) == Entry(**ALICE)


def test_an_entry_of_the_log_carries_data_in_clear():
    parsed = parse_entry(encode_entry(**LOG_ENTRY))
    assert parsed == Entry(**LOG_ENTRY)
    assert (parsed.fields, parsed.data) == ({}, LOG_ENTRY["data"])


def test_data_may_be_empty_but_not_missing():
    assert parse_entry(encode_entry(**LOG_ENTRY | {"data": {}})).data == {}
    with pytest.raises(AssertionError):
        encode_entry(**LOG_ENTRY | {"data": None})


def test_subjects_are_told_apart_by_type_and_id():
    assert subject("claim", ALICES_CLAIM) == sha256(b"subject/v1\0claim\0" + ALICES_CLAIM.encode()).digest()
    assert subject("policy", ALICES_CLAIM) != subject("claim", ALICES_CLAIM)
    with pytest.raises(AssertionError):
        subject("claim\0x", ALICES_CLAIM)


@pytest.mark.parametrize(
    "members",
    [
        {"v": 2},
        {"v": 0},
        {"v": True},
        {"v": "1"},
        {"v": None},
        {"extra": 1},
        {"data": {}},
        {"at": None},
        {"at": "2026-11-23T12:00:00Z"},
        {"at": 1},
        {"fields": {}},
        {"fields": []},
        {"fields": None},
        {"fields": {"number": "AQ"}},
        {"fields": {"number": 1}},
        {"fields": {"Number": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}},
        {"fields": {"": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}},
        {"fields": {"number": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF"}},
        {"fields": {"number": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}},
        {"fields": {"n" * 201: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}},
        {"id": entry_id(1).upper()},
        {"id": "1"},
        {"kind": "submitted"},
        {"kind": "claim."},
        {"kind": "Claim.submitted"},
        {"kind": "claim.submitted\n"},
        {"kind": ""},
        {"kind": 1},
        {"kind": "log.state"},
        {"subject": "ab"},
        {"subject": "AB" * 32},
        {"subject": None},
    ],
)
def test_entries_of_another_shape_are_refused(members):
    assert is_refused(parse_entry, changed(**members))


@pytest.mark.parametrize(
    "data",
    [
        {"x": True},
        {"x": None},
        {"x": [1]},
        {"x": {}},
        {f"x{i}": i for i in range(65)},
    ],
)
def test_data_is_flat_strings_and_integers(data):
    assert is_refused(lambda: encode_entry(**LOG_ENTRY | {"data": data}))
    document = json.loads(encode_entry(**LOG_ENTRY)) | {"data": data}
    assert is_refused(parse_entry, canonical.dumps(document))


@pytest.mark.parametrize("document", [[], 1, "x", None, {}])
def test_what_is_no_object_is_no_entry(document):
    assert is_refused(parse_entry, canonical.dumps(document))


def test_every_change_of_a_byte_makes_another_entry_or_none():
    original = parse_entry(SUBMITTED_ENTRY)
    for damaged in [*every_bit_flipped(SUBMITTED_ENTRY), *every_byte_dropped_or_doubled(SUBMITTED_ENTRY)]:
        try:
            assert parse_entry(damaged) != original or damaged == SUBMITTED_ENTRY
        except Malformed:
            continue


def test_no_part_of_an_entry_is_one():
    assert all(is_refused(parse_entry, part) for part in every_cut(SUBMITTED_ENTRY))


def test_an_entry_ends_at_65535_bytes():
    def length(size):
        return encode_entry(**LOG_ENTRY | {"data": {"x": "y" * size}})

    spare = 65_535 - len(length(0))
    assert len(length(spare)) == 65_535
    assert parse_entry(length(spare)).data == {"x": "y" * spare}
    assert is_refused(length, spare + 1)


@pytest.mark.parametrize("data", [b"[" * 60_000, b'{"at":' * 10_000, b"9" * 65_000, b"\xff" * 100, b"{" * 100_000])
def test_hostile_bytes_end_in_the_one_error(data):
    assert is_refused(parse_entry, data)


names = st.from_regex(r"[a-z][a-z0-9_.-]{0,30}", fullmatch=True)
times = st.datetimes(timezones=st.just(UTC))


@given(times, st.uuids(), st.dictionaries(names, st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
def test_what_is_encoded_is_parsed(at, id, fields):
    made = ALICE | {"at": at, "id": str(id), "fields": fields}
    assert parse_entry(encode_entry(**made)) == Entry(**made)


def test_times_are_utc_with_six_digits():
    assert format_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
    vienna = timezone(timedelta(hours=1))
    assert format_time(datetime(2026, 1, 1, 0, 30, 0, 7, tzinfo=vienna)) == "2025-12-31T23:30:00.000007Z"
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"
    with pytest.raises(AssertionError):
        format_time(datetime(2026, 1, 1))


@given(times)
def test_times_are_read_back(at):
    assert parse_time(format_time(at)) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.123Z",
        "2026-11-23T12:00:00.1234567Z",
        "2026-11-23T12:00:00.123456",
        "2026-11-23T12:00:00.123456+00:00",
        "2026-11-23 12:00:00.123456Z",
        "2026-11-23t12:00:00.123456z",
        "2026-11-23T12:00:00.123456Z\n",
        "2026-02-29T12:00:00.123456Z",
        "2026-13-01T12:00:00.123456Z",
        "2026-11-23T24:00:00.000000Z",
        "2026-11-23T12:00:60.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "٢٠٢٦-11-23T12:00:00.123456Z",
        None,
        1,
    ],
)
def test_no_other_spelling_is_a_time(text):
    assert is_refused(parse_time, text)


def test_the_subject_of_a_well_formed_entry_stands_at_its_place() -> None:
    for members in (ALICE, LOG_ENTRY):
        assert subject_of(encode_entry(**members)) == members["subject"]


@pytest.mark.parametrize("encoded", [b"", ALICES_BYTES[:-1], ALICES_BYTES + b"\n", changed(subject="ab" * 31), b"{}"])
def test_what_does_not_end_as_an_entry_has_no_subject(encoded) -> None:
    with pytest.raises(Malformed, match="an entry without a subject at its end"):
        subject_of(encoded)
