"""The scan: recompute everything from the rows, compare each kind of thing with its neighbours, name what differs.

guards · business rows ↔ openings ↔ entries ↔ leaves ↔ tiles ↔ checkpoints ↔ head · trust.json · anchors ↔ the chain

Where three witnesses speak of one hash (an entry's bytes, its leaf, the tile), the one that stands alone is named, and
the scan goes on with what the other two say: one changed row is one finding, not one for all that follows from it.
Memory is steady whatever the log's size.
"""

from contextlib import closing

from anchoring import guards, store
from anchoring.fsck.chain import ChainVerdict, NotChecked, ask_chain, check_chain
from anchoring.fsck.entries import check_entries
from anchoring.fsck.finding import Finding, Findings, Progress, Tally
from anchoring.fsck.kept import Show, keep
from anchoring.fsck.rows import RecordedRows, check_rows
from anchoring.fsck.sent import check_anchors, check_states
from anchoring.fsck.tree import check_tree
from anchoring.fsck.trust import check_cosignatures, check_trust, log_verifiers
from anchoring.models import Entry, Leaf, Scan
from anchoring.record.rows import recorded_tables

__all__ = ["ChainVerdict", "Finding", "NotChecked", "Tally", "ask_chain", "check_chain", "fsck", "scan", "workload"]


def workload() -> int:
    """How many rows ``fsck`` will report progress on."""
    business = sum(table.model._default_manager.count() for table in recorded_tables().values())
    return Entry.objects.count() + Leaf.objects.count() + business


def scan(*, show: Show = lambda finding, since: None, progress: Progress = lambda count: None) -> Scan:
    """Everything and the chain, kept: what the command and the schedule run."""
    tally = Tally()
    return keep(fsck(tally=tally, progress=progress), tally, ask_chain(), show=show)


def fsck(*, tally: Tally, progress: Progress) -> Findings:
    """All differences that the rows themselves show, over one snapshot of the main database; ``tally`` is filled.

    The chain is another matter: ``check_chain``.
    """
    with store.snapshot(), closing(RecordedRows()) as recorded:
        yield from (Finding("guards", sentence) for sentence in guards.differences())
        yield from _as_far_as_readable("anchoring_entry", check_entries(recorded, tally, progress))
        for table, declared in recorded_tables().items():
            yield from _as_far_as_readable(table, check_rows(table, declared, recorded, tally, progress))
        yield from check_trust(tally)
        yield from check_tree(log_verifiers(), tally, progress)
        yield from check_cosignatures()
        yield from check_states()
        yield from check_anchors(tally)


def _as_far_as_readable(table: str, check: Findings) -> Findings:
    """SQLite takes any value into any column; one that the column's type cannot hold ends the check of its table."""
    try:
        yield from check
    except (ValueError, TypeError, AttributeError) as error:  # its text may repeat the value, which may be personal
        yield Finding(
            f"table {table}",
            f"was not read to its end: it holds a value that is not of its column's type ({type(error).__name__})",
        )
