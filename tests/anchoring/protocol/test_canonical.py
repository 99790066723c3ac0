"""One encoding per value: against another implementation of RFC 8785, and against every way to be generous."""

import json
import sys

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol.canonical import MAX_INTEGER, Malformed, dumps, loads
from tests.anchoring.protocol.world import is_refused

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127))
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def nested(depth):
    return b"[" * depth + b"]" * depth


def is_not_canonical(data):
    return is_refused(lambda: loads(data, limit=10_000_000))


@given(values)
def test_our_bytes_are_those_of_another_implementation(value):
    try:
        data = dumps(value)
    except Malformed as refusal:
        assert str(refusal) == "nested too deep"
        return
    assert data == rfc8785.dumps(value)
    assert loads(data, limit=len(data)) == value


@given(st.text(alphabet='{}[]":,0123456789eE+-. \\ntrufalsd\x00ü'))
def test_what_parses_formats_back(text):
    data = text.encode()
    if not is_not_canonical(data):
        assert dumps(loads(data, limit=len(data))) == data


@given(st.binary(max_size=64))
def test_random_bytes_are_refused_with_the_one_error_or_are_canonical(data):
    if not is_not_canonical(data):
        assert dumps(loads(data, limit=64)) == data


def test_only_the_escapes_of_the_rfc_are_written():
    value = '"\\/\b\t\n\f\r\x00\x1f\x7f\u2028äß€😀'
    assert dumps(value) == '"\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\u2028äß€😀"'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b" null",
        b"null ",
        b"null\n",
        b"\xef\xbb\xbfnull",
        b"null\x00",
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1,}',
        b"[1,]",
        b"[1 ,2]",
        b"{'a':1}",
        b'{"\xc3\xa4":1}',
        b"1.0",
        b"1e2",
        b"1E400",
        b"-0",
        b"+1",
        b"01",
        b"0x1",
        b"1_0",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b'"\\/"',
        b'"\\u0041"',
        b'"\\u001F"',
        b'"\\u000a"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\x01"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"// comment\n1",
        '"٣"'.encode("utf-16"),
        "٣".encode(),
    ],
)
def test_generous_readings_are_refused(data):
    assert is_not_canonical(data)


def test_integers_end_at_two_to_the_53_less_one():
    assert loads(b"9007199254740991", limit=16) == MAX_INTEGER
    assert loads(b"-9007199254740991", limit=17) == -MAX_INTEGER
    assert is_refused(dumps, MAX_INTEGER + 1)
    assert is_refused(dumps, -MAX_INTEGER - 1)


def test_eight_levels_are_read_and_written_but_not_nine():
    assert dumps(loads(nested(8), limit=16)) == nested(8)
    assert is_not_canonical(nested(9))
    assert is_refused(dumps, json.loads(nested(9)))
    assert is_refused(lambda: loads(nested(3), limit=6, depth=2))
    assert loads(b"1", limit=1, depth=0) == 1


@pytest.mark.parametrize("data", [nested(1_000_000), b"[" * 1_000_000, b'{"a":' * 500_000, b"9" * 1_000_000])
def test_hostile_depth_and_length_end_in_the_one_error(data):
    assert is_not_canonical(data)


def test_depth_is_refused_where_a_library_has_raised_the_recursion_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**9)
    try:
        assert is_not_canonical(nested(1_000_000))
        assert is_not_canonical(b'["\\"",' + nested(1_000_000) + b"]")
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("text", ["[" * 9, '"' + "{" * 9, "\\" + "[" * 9, '\\"' + "]" * 9, "\n" + "[{" * 9])
def test_brackets_in_a_string_are_text(text):
    assert loads(dumps([text, [text]]), limit=200) == [text, [text]]


def test_one_byte_above_the_limit_is_refused_before_it_is_read():
    assert loads(b'"abc"', limit=5) == "abc"
    assert is_refused(lambda: loads(b'"abc"', limit=4))


class Cycle(list):
    def __init__(self):
        super().__init__([self])


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), b"a", {1}, object(), {1: 2}, {None: 1}, {"ä": 1}, "\ud800", Cycle()]
)
def test_values_without_an_encoding_are_refused(value):
    assert is_refused(dumps, value)
    assert is_refused(dumps, [value])


@given(
    st.recursive(st.none() | st.text('[]{}"\\', max_size=6), lambda inner: st.lists(inner, max_size=3), max_leaves=12)
)
def test_brackets_and_quotes_inside_strings_count_for_nothing(value) -> None:
    try:
        encoded = dumps(value)
    except Malformed:
        return
    assert loads(encoded, limit=10_000) == value
