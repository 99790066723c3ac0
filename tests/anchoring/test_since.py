"""The scan says between which seals or scans something happened, no more than can be known, and is kept."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from anchoring import fsck, tasks
from anchoring.fsck.kept import KEPT
from anchoring.models import Checkpoint, Entry, Leaf, Opening, Scan, Tile
from anchoring.seal import sequencer
from claims.models import KycCase
from tests import people
from tests.anchoring.log_world import guards_lifted, notes, sql
from tests.anchoring.test_fsck import change, flipped, in_sql, remove

pytestmark = pytest.mark.django_db


def shown(at) -> str:
    return f"{at:%-d %B %Y %H:%M:%S} UTC"


def scan(*, in_hours: int = 0) -> dict[str, str]:
    """What one more scan found: where → since when. Its row is dated as if it had run then."""
    said = {}
    done = fsck.scan(show=lambda finding, since: said.update({finding.where: since}))
    Scan.objects.filter(pk=done.pk).update(at=timezone.now() + timedelta(hours=in_hours))
    return said


@pytest.fixture
def case(alice) -> KycCase:
    """Alice's identity, sealed; then other things, sealed above it."""
    case = people.submit_identity(alice)
    sequencer.sequence()
    notes(3)
    sequencer.sequence()
    return case


def seal_over(size: int) -> str:
    row = Checkpoint.objects.get(size=size)
    return f"sealed over {size} records at {shown(row.at)}"


def was_recorded(entry: Entry, size: int) -> str:
    return f"it was recorded at {shown(entry.at)} ({seal_over(size)})"


def test_a_changed_row_was_right_when_its_entry_was_recorded(case) -> None:
    entry = Entry.objects.get(kind="kyc.submitted")
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    where = f"row claims_kyccase {case.pk}, column status"
    assert scan() == {where: f"it happened after {was_recorded(entry, 1)} and before this scan"}


def test_an_entry_that_is_not_sealed_yet_says_so(alice) -> None:
    case = people.submit_identity(alice)
    entry = Entry.objects.get(kind="kyc.submitted")
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    assert list(scan().values()) == [
        f"it happened after it was recorded at {shown(entry.at)} (not sealed yet) and before this scan"
    ]


def test_earlier_scans_narrow_it_down_from_both_sides(case) -> None:
    assert (scan(in_hours=1), scan(in_hours=2)) == ({}, {})
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    scan(in_hours=3)
    [since] = scan(in_hours=4).values()
    good, bad = Scan.objects.order_by("pk")[1:3]
    assert since == (
        f"it happened after the scan of {shown(good.at)} (4 sealed records), which did not find it, and before the scan"
        f" of {shown(bad.at)} (4 sealed records), the first that found it"
    )


def test_a_scan_before_the_entry_says_nothing_about_it(case) -> None:
    scan(in_hours=-1)
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    entry = Entry.objects.get(kind="kyc.submitted")
    assert list(scan().values()) == [f"it happened after {was_recorded(entry, 1)} and before this scan"]


def test_a_scan_that_kept_not_all_it_found_is_no_evidence_that_something_was_right(case) -> None:
    scan(in_hours=1)
    Scan.objects.update(found=5)
    sql("UPDATE anchoring_head SET size = 7")
    assert scan() == {"head, column size": "it happened before this scan; nothing shows since when"}


def test_what_was_hashed_for_a_seal_was_right_when_it_was_sealed(case) -> None:
    after = (
        f"it happened after the seal over 4 records of {shown(Checkpoint.objects.get(size=4).at)} and before this scan"
    )
    entry = Leaf.objects.get(index=2).entry
    change("anchoring_entry", "data", flipped(bytes(entry.data), 40), "seq", entry.seq)
    change("anchoring_leaf", "hash", flipped(bytes(Leaf.objects.get(index=3).hash)), '"index"', 3)
    change("anchoring_tile", "hashes", flipped(bytes(Tile.objects.get().hashes), 32), "id", Tile.objects.get().pk)
    found = scan()
    assert found == {
        f"entry {entry.id}, column data": after,
        "leaf 3, column hash": after,
        "tile 0/0": after,
    }


def test_an_opening_was_right_when_its_entry_was_recorded(case) -> None:
    opening = Opening.objects.order_by("-pk").first()
    remove("anchoring_opening", "id", opening.pk)
    assert scan() == {
        f"entry {opening.entry.id}": f"it happened after {was_recorded(opening.entry, 4)} and before this scan"
    }


def test_a_rewritten_history_names_the_leaves_and_the_first_seal_that_does_not_hold(case) -> None:
    for _ in range(2):
        notes(1)
        sequencer.sequence()
    entry = Leaf.objects.get(index=2).entry
    forged = bytes(entry.data).replace(b"thing.noted", b"thing.other")
    tile = bytes(Tile.objects.get().hashes)
    forged_hash = fsck.entries.leaf_hash(forged)
    change("anchoring_entry", "data", forged, "seq", entry.seq)
    change("anchoring_entry", "kind", "thing.other", "seq", entry.seq)
    change("anchoring_leaf", "hash", forged_hash, '"index"', 2)
    change("anchoring_tile", "hashes", tile[:64] + forged_hash + tile[96:], "n", 0)
    seal = Checkpoint.objects.get(size=4)
    assert scan() == {
        "checkpoint 4": (
            f"it happened after the seal over 4 records of {shown(seal.at)}, to the leaves 1 to 3, and before this scan"
        ),
        "checkpoints": "it happened before this scan; nothing shows since when",
        "head, column root": "it happened before this scan; nothing shows since when",
    }


# --- What is kept ----------------------------------------------------------------------------------------------------


def test_a_scan_is_kept_with_what_it_looked_at_and_what_it_found(case) -> None:
    change("claims_kyccase", "status", "rejected", "id", in_sql(case.pk))
    scan()
    done = Scan.objects.get()
    assert (done.size, done.found, done.chain) == (4, 1, "chain not checked: the log is not registered on a chain yet")
    assert (done.checked["entries"], done.checked["leaves"], done.checked["rows"]) == (4, 4, 2)
    [finding] = done.findings
    assert (finding["where"], sorted(finding)) == (
        f"row claims_kyccase {case.pk}, column status", ["since", "what", "where"]
    )  # fmt: skip
    assert 0 <= done.took_ms < 60_000


def test_of_very_many_differences_some_are_kept_and_all_are_counted() -> None:
    notes(KEPT + 5)
    sequencer.sequence()
    with guards_lifted("anchoring_entry"):
        sql("UPDATE anchoring_entry SET kind = 'thing.other'")
    done = fsck.scan()
    assert (done.found, len(done.findings)) == (KEPT + 5, KEPT)


def test_the_nightly_task_scans_and_has_a_time_limit_of_its_own(case) -> None:
    assert tasks.scan.delay().get() == 0
    assert Scan.objects.count() == 1
    assert (tasks.scan.name, tasks.scan.time_limit) == ("anchoring.fsck", settings.FSCK_TIME_LIMIT_SECONDS)
    assert tasks.scan.time_limit > settings.CELERY_TASK_TIME_LIMIT
    assert re.fullmatch(r"<crontab: 17 2 \* .*>", str(settings.CELERY_BEAT_SCHEDULE["anchoring.fsck"]["schedule"]))
