"""``verify_map``: recompute the newest state entry's map from the entries, as an auditor would."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from anchoring import mapping, store
from anchoring.models import MapHead
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.state import State


class Command(BaseCommand):
    """Reads only, over one snapshot, but for ``--anew``. Memory grows with the number of subjects."""

    help = (
        "Recompute the map that the newest state entry names, from the bytes of all entries. Exits 0 when it is the"
        " same or the log has no state entry yet, 1 when it differs or an entry is missing, in one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The one thing that is changed, if it is wanted."""
        parser.add_argument(
            "--anew", action="store_true", help="throw the kept map away first: the next seal makes it from the entries"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Recompute and compare."""
        if options["anew"]:
            mapping.discard()
            self.stdout.write("The kept map is thrown away; the next state entry makes it again.")
        try:
            with store.snapshot():
                self.stdout.write(_outcome())
        except Malformed as problem:
            raise CommandError(f"The map cannot be recomputed: {problem}.", returncode=1) from problem


def _outcome() -> str:
    newest = mapping.newest_state()
    if newest is None:
        return "The log has no state entry yet: there is nothing to compare."
    index, state = newest
    with tqdm(total=state.size, unit=" entries", file=sys.stderr, leave=False, disable=None) as bar:
        made = mapping.rebuild(state.size, bar.update)
    if (state.size, state.subjects, state.map_root) != (index, made.subjects, made.root()):
        raise CommandError(
            f"State entry {index} does not name the map that follows from the entries: no auditor will cosign it.",
            returncode=1,
        )
    _require_cache(state)
    return f"State entry {index} names the map that follows from its {index:,} entries: {made.subjects:,} subjects."


def _require_cache(state: State) -> None:
    """What the next state entry will be made from."""
    kept = MapHead.objects.filter(size=state.size).first()
    if kept is not None and (bytes(kept.root), kept.subjects) != (state.map_root, state.subjects):
        raise CommandError("The kept map differs from the state entry: run verify_map --anew.", returncode=1)
