"""One spelling per number, hash and uuid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol.scalars import (
    decimal,
    from_0x,
    from_base64,
    from_base64url,
    from_hex,
    items,
    members,
    natural,
    string,
    to_0x,
    to_base64,
    to_base64url,
    uuid,
)
from tests.anchoring.protocol.mutations import every_byte_changed
from tests.anchoring.protocol.world import ALICES_CLAIM, is_refused, is_text_refused

NOT_TEXT = [None, 1, True, b"00", ["00"], {}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1_0",
        "1\n",
        "٣",
        "１",
        "1.0",
        "1e3",
        "0x1",
        "9223372036854775808",
        "9" * 9999,
    ],
)
def test_a_number_has_one_spelling(text):
    assert is_refused(decimal, text)


def test_numbers_go_up_to_two_to_the_63():
    assert [decimal(text) for text in ("0", "10", "9223372036854775807")] == [0, 10, 2**63 - 1]


@given(st.binary(max_size=70))
def test_what_is_encoded_is_decoded(data):
    assert from_base64(to_base64(data), size=len(data)) == data
    assert from_base64url(to_base64url(data), size=len(data)) == data
    assert from_hex(data.hex(), size=len(data)) == data
    assert from_0x(to_0x(data), size=len(data)) == data


@pytest.mark.parametrize("decode", [from_base64, from_base64url])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_other_spelling_of_base64_is_another_value_or_refused(decode, size):
    encode = to_base64 if decode is from_base64 else to_base64url
    right = encode(bytes(range(250, 250 + size)))
    for data in every_byte_changed(right.encode()):
        if not is_text_refused(decode, data):
            assert encode(decode(data.decode())) == data.decode()


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AA=", "AB==", "AAB=", "AA==\n", " AA==", "AA==AA==", "A A==", "-_==", "=", "ÄA=="]
)
def test_loose_base64_is_refused(text):
    assert is_refused(from_base64, text)


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "AA\n", " AA", "+/", "A-_A=", "AA.", "ÄA"])
def test_loose_base64url_is_refused(text):
    assert is_refused(from_base64url, text)


@pytest.mark.parametrize("text", ["AB", "a", "abc", "0xab", "ab ", "a b", "gg", "٣٣", ""])
def test_loose_hex_is_refused(text):
    assert is_refused(lambda: from_hex(text, size=1))


@pytest.mark.parametrize("text", ["ab", "0Xab", "0xAB", "0xa", "0x", "0xabcd", "0x0xab"])
def test_loose_0x_hex_is_refused(text):
    assert is_refused(lambda: from_0x(text, size=1))


@pytest.mark.parametrize(
    "text", [ALICES_CLAIM.upper(), "{" + ALICES_CLAIM + "}", ALICES_CLAIM.replace("-", ""), ALICES_CLAIM + "\n", ""]
)
def test_a_uuid_has_36_lower_case_characters(text):
    assert uuid(ALICES_CLAIM) == ALICES_CLAIM
    assert is_refused(uuid, text)


@pytest.mark.parametrize("value", NOT_TEXT)
def test_what_is_no_text_is_refused_by_all(value):
    for decode in (from_base64, from_base64url, string, uuid):
        assert is_refused(decode, value)
    assert is_refused(lambda: from_hex(value, size=1))
    assert is_refused(lambda: from_0x(value, size=1))


@pytest.mark.parametrize("value", [True, False, -1, 1.0, "1", None, [1]])
def test_true_is_not_a_number(value):
    assert is_refused(natural, value)


def test_members_are_all_there_and_no_others():
    assert members({"a": 1, "b": 2}, {"a"}, {"b"}) == {"a": 1, "b": 2}
    assert members({"a": 1}, {"a"}, {"b"}) == {"a": 1}
    for wrong in ({}, {"b": 1}, {"a": 1, "c": 1}, [], None, "a"):
        assert is_refused(members, wrong, {"a"}, {"b"})


def test_lists_are_lists_and_bounded():
    assert items([1, 2], most=2) == [1, 2]
    for wrong in ([1, 2, 3], {}, "ab", None):
        assert is_refused(lambda wrong=wrong: items(wrong, most=2))
