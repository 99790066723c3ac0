"""One step of a disaster, in a process of its own, on the databases that the environment names. ``test_disasters.py``.

python -m tests.anchoring.disaster_drill STEP [ARGUMENT]
"""

import json
import sys

import django
from django.core.management import call_command
from django.db import DatabaseError, connection


def make(argument: str) -> None:
    """Both databases, and alice's identity, sealed."""
    call_command("migrate", verbosity=0)
    call_command("migrate", database="vault", verbosity=0)
    people.submit_identity(people.person("Alice"))
    seal("")


def seal(argument: str) -> None:
    """What waits, sealed and remembered."""
    sequencer.sequence()
    newest = Checkpoint.objects.order_by("-size").first()
    assert newest is not None
    witness.remember(newest)


def go_on(argument: str) -> None:
    """Three notes more, sealed."""
    notes(3)
    seal("")


def record_only(argument: str) -> None:
    """One note, by a site whose sequencer stands still."""
    note("Taken meanwhile.")


def fill(argument: str) -> None:
    """Notes of growing number, each acknowledged on a line, until the disk is full; then what that looked like."""
    if argument and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {argument}")
    kept = 0
    try:
        for number in range(100_000):
            note("It rained. " * 2_000 + str(number))
            kept += 1
    except DatabaseError as error:
        problem = str(error).split("\n")[0]
    try:
        sealing = f"sealed {sequencer.sequence()}"
    except DatabaseError as error:
        sealing = str(error).split("\n")[0]
    print(json.dumps({"kept": kept, "problem": problem, "sealing": sealing}))


def look(argument: str) -> None:
    """How the log is doing, as JSON."""
    found = [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]
    newest = witness.newest()
    print(json.dumps({
        "gate": restore.gate(), "found": found, "entries": Entry.objects.count(), "leaves": Leaf.objects.count(),
        "waiting": Pending.objects.count(), "notes": Entry.objects.filter(kind="thing.noted").count(),
        "witness": newest.size if newest else 0, "lines": len(witness.path().read_bytes().split(b"\n")) - 1,
    }))  # fmt: skip


def forge(argument: str) -> None:
    """A recorded row changed by hand; prints what the database says to that."""
    try:
        KycCase.objects.update(status="rejected")
    except DatabaseError as error:
        print(str(error).split(":")[0])
    else:
        print("changed")


if __name__ == "__main__":
    django.setup()

    from anchoring import fsck, restore, witness
    from anchoring.models import Checkpoint, Entry, Leaf, Pending  # noqa: PLC0415
    from anchoring.seal import sequencer  # noqa: PLC0415 - needs the apps
    from claims.models import KycCase  # noqa: PLC0415
    from tests import people  # noqa: PLC0415
    from tests.anchoring.log_world import note, notes  # noqa: PLC0415

    {f.__name__: f for f in (make, seal, go_on, record_only, fill, look, forge)}[sys.argv[1]]((sys.argv[2:] or [""])[0])
