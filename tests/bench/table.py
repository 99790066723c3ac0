"""One table a group on standard output: claim | ours | peers | target | met?"""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("claim", "ours", "peers", "target", "met?")


@dataclass(frozen=True)
class Line:
    """One claim: what was measured of ours and the peers, the target and whether it was met ("" for context only)."""

    claim: str
    ours: str
    peers: str = ""
    target: str = ""
    met: str = ""


def at_most(value: float, target: float, looser: float | None = None) -> tuple[str, str]:
    """Target and verdict for a figure that should be small."""
    text = f"≤ {target:g}" + (f" (looser {looser:g})" if looser else "")
    if value <= target:
        return text, "met"
    return text, "looser bound met" if looser and value <= looser else "not met"


def at_least(value: float, target: float, looser: float) -> tuple[str, str]:
    """Target and verdict for a figure that should be large."""
    met = "met" if value >= target else "looser bound met" if value >= looser else "not met"
    return f"≥ {target:g} (looser {looser:g})", met


def show(title: str, lines: Sequence[Line]) -> None:
    """Print a group as a Markdown table whose columns line up."""
    show_rows(title, HEAD, [(line.claim, line.ours, line.peers, line.target, line.met) for line in lines])


def show_rows(title: str, head: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """The same of any columns."""
    rows = [tuple(head), *body]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    rule = tuple("-" * width for width in widths)
    print(f"\n## {title}\n")
    for row in [rows[0], rule, *rows[1:]]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |", flush=True)
