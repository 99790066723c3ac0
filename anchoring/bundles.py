"""Entry bundles for auditors, from the database (docs/protocol.md §3). Whoever is handed one must be allowed to."""

from anchoring import store
from anchoring.protocol.bundle import encode_bundle
from anchoring.protocol.tiles import WIDTH


class NoSuchBundle(LookupError):
    """The log does not have that many entries (yet)."""


def bundle(n: int, width: int | None = None) -> bytes:
    """The first ``width`` entries of bundle ``n`` (None: all 256); one query. Raises NoSuchBundle.

    A narrower one than there is now is served as well: its bytes never change.
    """
    wanted = WIDTH if width is None else width
    assert n >= 0 and 0 < wanted <= WIDTH
    entries = store.read_entries(n * WIDTH, n * WIDTH + wanted)
    if len(entries) < wanted:
        raise NoSuchBundle(f"bundle {n} has {len(entries)} entries, not {wanted}")
    return encode_bundle(entries)
