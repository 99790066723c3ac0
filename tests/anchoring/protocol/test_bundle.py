"""Entry bundles: their bytes, where they are served, and what is none."""

import pytest

from anchoring.protocol.bundle import bundle_path, encode_bundle, parse_bundle, parse_bundle_path
from anchoring.protocol.canonical import Malformed
from tests.anchoring.protocol.mutations import every_byte_dropped_or_doubled, every_cut

ENTRIES = [b"a", b"bc", b"d" * 300]
BUNDLE = b"\x00\x01a\x00\x02bc\x01\x2c" + b"d" * 300


def test_a_bundle_is_each_entry_after_its_length() -> None:
    assert encode_bundle(ENTRIES) == BUNDLE
    assert parse_bundle(BUNDLE, width=3) == ENTRIES


def test_the_longest_entry_fits() -> None:
    longest = b"x" * 65_535
    assert parse_bundle(encode_bundle([longest]), width=1) == [longest]


def refused(data, width=3):
    try:
        parse_bundle(data, width=width)
    except Malformed:
        return True
    return False


def test_no_byte_may_be_missing_or_too_many() -> None:
    bad = [*every_byte_dropped_or_doubled(BUNDLE), *every_cut(BUNDLE), BUNDLE + b"\x00"]
    assert [data for data in bad if not refused(data)] == []


def test_the_width_is_the_one_asked_for_and_no_entry_is_empty() -> None:
    assert refused(BUNDLE, 2)
    assert refused(BUNDLE, 4)
    assert refused(b"\x00\x00" + BUNDLE, 4)


@pytest.mark.parametrize(
    ("n", "width", "path"),
    [
        (0, None, "tile/entries/000"),
        (0, 7, "tile/entries/000.p/7"),
        (255, 255, "tile/entries/255.p/255"),
        (1234067, None, "tile/entries/x001/x234/067"),
    ],
)
def test_a_bundle_is_served_at_its_number(n, width, path) -> None:
    assert bundle_path(n, width) == path
    assert parse_bundle_path(path) == (n, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0/000", "tile/entries/0", "tile/entries/0000", "tile/entries/x000/000", "tile/entries/000.p/256",
        "tile/entries/000.p/0", "tile/entries/000.p/07", "tile/entries/000/", "tile/entries/٠٠٠", "/tile/entries/000",
    ],
)  # fmt: skip
def test_another_path_is_none(path) -> None:
    with pytest.raises(Malformed):
        parse_bundle_path(path)
