"""The drawing of growth."""

from datetime import UTC, datetime, timedelta

from anchoring.drawing import Drawing, Seal, draw

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def seals(*sizes: int, anchored: tuple[int, ...] = ()) -> list[Seal]:
    return [Seal(size, NOON + timedelta(minutes=minute), size in anchored) for minute, size in enumerate(sizes)]


def test_nothing_is_drawn_while_there_is_nothing_to_compare() -> None:
    assert (draw([]), draw(seals(5))) == (None, None)
    assert draw([Seal(1, NOON, False), Seal(2, NOON, False)]) is None


def test_growth_is_a_staircase_with_a_dot_for_each_anchor() -> None:
    made = seals(10, 20, 50, anchored=(20,))
    assert draw(made) == Drawing(
        path="M8.0 136.0H300.0V106.0H592.0V16.0", anchors=[(300.0, 106.0)], first=made[0], last=made[2]
    )
