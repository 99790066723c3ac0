"""Entry bundles out of the database: the log's entries, as many as are asked for and there."""

import pytest

from anchoring.bundles import NoSuchBundle, bundle
from anchoring.models import Entry
from anchoring.protocol.bundle import parse_bundle
from anchoring.seal import sequencer
from tests.anchoring.log_world import note, notes

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed() -> list[bytes]:
    """The bytes of 300 entries in the log's order, and one more that waits."""
    notes(300)
    sequencer.sequence()
    note("Waits.")
    placed = Entry.objects.filter(leaf__isnull=False).order_by("leaf__index")
    return [bytes(data) for data in placed.values_list("data", flat=True)]


def test_a_full_bundle_holds_256_entries_in_their_order(sealed) -> None:
    assert parse_bundle(bundle(0), width=256) == sealed[:256]


@pytest.mark.parametrize("width", [1, 43, 44])
def test_a_partial_bundle_holds_as_many_as_are_asked_for(sealed, width) -> None:
    assert parse_bundle(bundle(1, width), width=width) == sealed[256 : 256 + width]


def test_a_narrower_one_stays_what_it_was(sealed) -> None:
    assert bundle(0).startswith(bundle(0, 7))


@pytest.mark.parametrize(("n", "width"), [(1, None), (1, 45), (2, 1), (2, None), (10**9, 1)])
def test_entries_that_are_not_there_make_no_bundle(sealed, n, width) -> None:
    with pytest.raises(NoSuchBundle, match=f"bundle {n} has"):
        bundle(n, width)


def test_a_bundle_takes_one_query(sealed, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        bundle(0)
