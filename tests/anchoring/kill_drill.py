"""Processes that record, seal and anchor are killed without warning, over and over; after each kill all is looked at.

    python -m tests.anchoring.kill_drill SECONDS

Runs on the databases and the chain that the environment names, and ends with one JSON line. ``test_kill.py`` reads it.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import django
from django.core.management import call_command
from django.db import connections

Ack = tuple[str, ...]


def main(seconds: float) -> dict[str, object]:
    """Kill until the time is over, then let the pipeline finish and look once more."""
    in_child(prepare)
    ends, acknowledged, problems, kills = time.monotonic() + seconds, [], [], 0
    while time.monotonic() < ends and not problems:
        acknowledged += killed_after(random.uniform(0.02, 0.7), [write, keep])
        kills += 2
        problems += told(in_child(partial(look, acknowledged)))
    [finish_line] = in_child(finish)
    problems += told(in_child(partial(look, acknowledged)))
    counted = {"quote": 0, "signed": 0}
    for kind, *_ in acknowledged:
        counted[kind] = counted.get(kind, 0) + 1
    final = zip(finish_line[::2], map(int, finish_line[1::2]), strict=True)
    return {"kills": kills, "problems": problems, **counted, **dict(final)}


def told(lines: list[Ack]) -> list[str]:
    return [" ".join(line) for line in lines]


# --- Processes -------------------------------------------------------------------------------------------------------


def spawn(work: Callable[[int], None]) -> tuple[int, int]:
    """A child that does the work and has nothing of ours open: its pid, and the pipe that it writes lines to."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    return run(work, writing)


def run(work: Callable[[int], None], out: int) -> NoReturn:
    try:
        work(out)
        connections.close_all()
        os._exit(0)
    except BaseException as error:
        os.write(out, f"raised {type(error).__name__}: {error!s:.300}\n".replace("\n", " ").encode() + b"\n")
        os._exit(1)


def lines_of(reading: int) -> list[Ack]:
    """All that a child wrote; a last line that the kill cut short was never acknowledged."""
    with os.fdopen(reading, "rb") as pipe:
        return [tuple(line.decode().split()) for line in pipe.read().split(b"\n")[:-1]]


def in_child(work: Callable[[int], None]) -> list[Ack]:
    """What the work writes; it runs to its end."""
    pid, reading = spawn(work)
    lines = lines_of(reading)
    os.waitpid(pid, 0)
    return lines


def killed_after(seconds: float, works: list[Callable[[int], None]]) -> list[Ack]:
    """Children at work at once, killed after that time; what they acknowledged before."""
    children = [spawn(work) for work in works]
    time.sleep(seconds)
    for pid, _ in children:
        os.kill(pid, signal.SIGKILL)
    for pid, _ in children:
        os.waitpid(pid, 0)
    return [line for _, reading in children for line in lines_of(reading)]


def say(out: int, *words: object) -> None:
    os.write(out, (" ".join(map(str, words)) + "\n").encode())


# --- Their work ------------------------------------------------------------------------------------------------------


def prepare(out: int) -> None:
    """Both databases, alice, and a log that is registered."""
    call_command("migrate", verbosity=0)
    call_command("migrate", database="vault", verbosity=0)
    people.person("Alice")
    registration.register_log(chain=config.chain(), key=config.chain_key())


def write(out: int) -> None:
    """Alice asks for one price after the other; each is acknowledged once its action has returned."""
    alice = User.objects.get(email="alice@example.com")
    while True:
        quote = people.quote_for(alice)
        say(out, "quote", quote.pk)


def keep(out: int) -> None:
    """The schedule, without a pause: what is sealed is acknowledged with the root that was signed."""
    while True:
        sequencer.sequence()
        newest = Checkpoint.objects.order_by("-size").first()
        if newest is not None:
            say(out, "signed", newest.size, bytes(newest.root).hex())
        schedule.tick("anchor", partial(anchors.tick, routes.current()))


def finish(out: int) -> None:
    """The schedule's next runs, undisturbed."""
    sequencer.close_now()
    while anchors.tick(routes.current()).word != "idle":
        pass
    anchored = Confirmation.objects.order_by("-anchor__checkpoint").values_list("anchor__checkpoint", flat=True)[0]
    say(
        out, "entries", Entry.objects.count(), "leaves", Leaf.objects.count(), "pending", Pending.objects.count(),
        "anchored", anchored, "anchors", Anchor.objects.count(), "checkpoints", Checkpoint.objects.count(),
    )  # fmt: skip


def look(acknowledged: list[Ack], out: int) -> None:
    """Whatever is wrong, a line each."""
    quotes = set(map(str, Quote.objects.values_list("pk", flat=True)))
    roots = {str(size): bytes(root).hex() for size, root in Checkpoint.objects.values_list("size", "root")}
    recorded = list(Entry.objects.filter(kind="quote.priced").values_list("subject_id", flat=True))
    if sorted(recorded) != sorted(quotes):
        say(out, "prices and their entries differ:", len(recorded), len(quotes))
    for kind, key, *rest in acknowledged:
        if kind == "raised":
            say(out, kind, key, *rest)
        elif kind == "quote" and key not in quotes:
            say(out, "lost: quote", key)
        elif kind == "signed" and [roots.get(key)] != rest:
            say(out, "signed differently:", key)
    for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None):
        say(out, finding)
    for finding in fsck.check_chain(chain=config.chain()):
        say(out, finding)
    look_at_history(out)


def look_at_history(out: int) -> None:
    """Each checkpoint's tree must begin with the one before it."""
    checkpoints = list(Checkpoint.objects.order_by("size"))
    for old, new in zip(checkpoints, checkpoints[1:], strict=False):
        proof = prove_consistency(old_size=old.size, new_size=new.size, read=TileReader(store.read_tiles))
        try:
            check_consistency(
                old_size=old.size, new_size=new.size, old_root=bytes(old.root), new_root=bytes(new.root), proof=proof
            )
        except ProofInvalid:
            say(out, "forked between", old.size, "and", new.size)


if __name__ == "__main__":
    django.setup()
    import web3.exceptions  # noqa: F401, PLC0415 - costs seconds, which no child lives

    from anchoring import anchors, config, fsck, registration, routes, schedule, store
    from anchoring.models import Anchor, Checkpoint, Confirmation, Entry, Leaf, Pending  # noqa: PLC0415
    from anchoring.protocol.merkle import ProofInvalid, check_consistency, prove_consistency  # noqa: PLC0415
    from anchoring.protocol.tiles import TileReader  # noqa: PLC0415
    from anchoring.seal import sequencer  # noqa: PLC0415 - needs the apps
    from claims.models import Quote, User  # noqa: PLC0415
    from tests import people  # noqa: PLC0415

    print(json.dumps(main(float(sys.argv[1]))))
