"""Disclosures: a field's value can be shown later, and nothing else can be shown in its place."""

import base64
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol import canonical
from anchoring.protocol.disclosure import Disclosure, digest, disclose, parse_disclosure
from anchoring.protocol.scalars import to_base64url
from tests.anchoring.protocol.mutations import every_byte_changed, every_cut
from tests.anchoring.protocol.test_canonical import scalars
from tests.anchoring.protocol.world import is_refused, is_text_refused

SALT = bytes(range(16))
AMOUNT = "WyJBQUVDQXdRRkJnY0lDUW9MREEwT0R3IiwiYW1vdW50X21pbm9yIiwxMjUwMDBd"


def array(*members):
    return to_base64url(canonical.dumps(list(members)))


def test_a_disclosure_is_the_array_of_rfc_9901():
    assert disclose("amount_minor", 125000, salt=SALT) == AMOUNT
    assert base64.urlsafe_b64decode(AMOUNT) == b'["AAECAwQFBgcICQoLDA0ODw","amount_minor",125000]'
    assert parse_disclosure(AMOUNT) == Disclosure(salt=SALT, name="amount_minor", value=125000)
    assert digest(AMOUNT) == sha256(AMOUNT.encode()).digest()


def test_the_digest_is_that_of_the_example_in_rfc_9901():
    """Section 4.2.3: the RFC's own array has spaces, which we never write, but a digest is over the text as it is."""
    example = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert to_base64url(digest(example)) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert is_refused(parse_disclosure, example)


def test_each_disclosure_has_a_salt_of_its_own():
    first, second = (parse_disclosure(disclose("note", "same")) for _ in range(2))
    assert (first.name, first.value) == (second.name, second.value) == ("note", "same")
    assert first.salt != second.salt
    assert len(first.salt) == 16


@given(st.from_regex(r"[a-z][a-z0-9_.-]{0,199}", fullmatch=True), scalars)
def test_what_is_disclosed_is_read(name, value):
    read = parse_disclosure(disclose(name, value, salt=SALT))
    assert (read.name, read.value, type(read.value)) == (name, value, type(value))


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "ä", "a" * 201, "a\n", "_a", "row/x"])
def test_other_names_are_refused(name):
    assert is_refused(disclose, name, 1)
    assert is_refused(parse_disclosure, array("AAECAwQFBgcICQoLDA0ODw", name, 1))


@pytest.mark.parametrize("value", [1.5, [1], {}, b"a", 2**53, "\ud800", float("nan")])
def test_other_values_are_refused(value):
    assert is_refused(disclose, "note", value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        array(),
        array("AAECAwQFBgcICQoLDA0ODw", "note"),
        array("AAECAwQFBgcICQoLDA0ODw", "note", 1, 2),
        array("AAECAwQFBgcICQoLDA0OD", "note", 1),
        array("AAECAwQFBgcICQoLDA0ODx", "note", 1),
        array("AAECAwQFBgcICQoLDA0ODw==", "note", 1),
        array("", "note", 1),
        array(None, "note", 1),
        array("AAECAwQFBgcICQoLDA0ODw", 1, 1),
        array("AAECAwQFBgcICQoLDA0ODw", "note", [1]),
        array("AAECAwQFBgcICQoLDA0ODw", "note", {}),
        to_base64url(b'["AAECAwQFBgcICQoLDA0ODw", "note",1]'),
        to_base64url(b'["AAECAwQFBgcICQoLDA0ODw","note",1.0]'),
        to_base64url(b'{"AAECAwQFBgcICQoLDA0ODw":"note"}'),
        AMOUNT + "=",
        AMOUNT + "\n",
        AMOUNT + "~",
        to_base64url(b"[" * 500_000),
        to_base64url(b'["AAECAwQFBgcICQoLDA0ODw","note",' + b"9" * 500_000 + b"]"),
        "ä",
        None,
        7,
    ],
)
def test_other_texts_are_refused(text):
    assert is_refused(parse_disclosure, text)


def test_no_change_of_a_byte_keeps_the_digest_and_none_keeps_the_meaning():
    original = parse_disclosure(AMOUNT)
    for damaged in every_byte_changed(AMOUNT.encode()):
        if not is_text_refused(parse_disclosure, damaged):
            assert parse_disclosure(damaged.decode()) != original
            assert digest(damaged.decode()) != digest(AMOUNT)


def test_no_part_of_a_disclosure_is_one():
    assert all(is_text_refused(parse_disclosure, part) for part in every_cut(AMOUNT.encode()))


def test_the_longest_value_takes_a_mebibyte():
    frame = len(json.dumps(["A" * 22, "note", ""], separators=(",", ":")))
    longest = "x" * (2**20 - frame)
    assert parse_disclosure(disclose("note", longest)).value == longest
    assert is_refused(disclose, "note", longest + "x")
