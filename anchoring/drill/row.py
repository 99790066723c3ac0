"""One row of the drill table: a fault in words, how it must end in words, and what plays it."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from anchoring.drill.examine import examine
from anchoring.drill.world import Failed, Replies, World, world

BOTH: tuple[Replies, ...] = ("kept", "lost")


@dataclass(frozen=True)
class Row:
    """A fault that is played twice: once with the replies to what is sent, once with all of them lost."""

    id: str
    fault: str
    end: str
    play: Callable[[World], None]


def row(fault: str, end: str) -> Callable[[Callable[[World], None]], Row]:
    """Make a row of the function that plays it; its name is the id."""
    return lambda play: Row(play.__name__.replace("_", "-"), fault, end, play)


@dataclass(frozen=True)
class Line:
    """How a row went once. ``story`` is what happened, in words; it is good if there are no ``problems``."""

    id: str
    replies: Replies
    good: bool
    seconds: float
    story: str
    problems: list[str]

    def as_json(self) -> dict[str, object]:
        """For one line of output."""
        return asdict(self)


def play(row: Row, replies: Replies) -> Line:
    """Play it to its end, see that the log goes on after it, and examine everything.

    Anything that a row raises is a problem of that row: the others are played all the same.
    """
    begun = time.monotonic()
    story: list[str] = []
    try:
        with world(replies) as place:
            story = place.story
            row.play(place)
            place.finish()
            place.due()
            place.finish()
            problems = examine(place)
    except Failed as failed:
        problems = [str(failed)]
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}"]
    seconds = round(time.monotonic() - begun, 2)
    return Line(row.id, replies, not problems, seconds, _told(story), problems)


def _told(story: list[str]) -> str:
    """The story with repetitions counted: ``sent · mined ×2 · confirmed``."""
    runs: list[tuple[str, int]] = []
    for word in story:
        if runs and runs[-1][0] == word:
            runs[-1] = (word, runs[-1][1] + 1)
        else:
            runs.append((word, 1))
    return " · ".join(word if count == 1 else f"{word} ×{count}" for word, count in runs)
