"""How far the records on a page have come, and what the page asks for while it watches them climb."""

from collections.abc import Sequence
from dataclasses import dataclass

from anchoring.log import Event, Stage


@dataclass(frozen=True)
class Watch:
    """``seen``: one letter for each record (R, S, A, or L for late), which the page sends back when it asks again."""

    seen: str

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Watch":
        return cls("".join(_letter(event.stage) for event in events))

    @property
    def count(self) -> int:
        return len(self.seen)

    @property
    def sealed(self) -> int:
        """How many are sealed, the anchored among them."""
        return sum(letter in "SA" for letter in self.seen)

    @property
    def anchored(self) -> int:
        return self.seen.count("A")

    @property
    def settled(self) -> bool:
        """Whether nothing further will happen by itself."""
        return self.anchored == self.count


def risen(events: Sequence[Event], *, seen: str) -> list[Event]:
    """The events whose letter is another one than in ``seen``, which has as many."""
    return [event for event, then, now in zip(events, seen, Watch.of(events).seen, strict=True) if then != now]


def _letter(stage: Stage) -> str:
    return "L" if stage.late and stage.sealed_at is None else stage.word[0]
