"""The drawings of growth, and of what anchors took and cost."""

from datetime import UTC, datetime, timedelta

from anchoring.drawing import Bar, Bars, Drawing, Seal, draw, draw_bars

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def seals(*sizes: int, anchored: tuple[int, ...] = ()) -> list[Seal]:
    return [Seal(size, NOON + timedelta(minutes=minute), size in anchored) for minute, size in enumerate(sizes)]


def test_nothing_is_drawn_while_there_is_nothing_to_compare() -> None:
    assert (draw([]), draw(seals(5))) == (None, None)
    assert draw([Seal(1, NOON, False), Seal(2, NOON, False)]) is None


def test_growth_is_a_staircase_with_a_dot_for_each_anchor() -> None:
    made = seals(10, 20, 50, anchored=(20,))
    assert draw(made) == Drawing(
        path="M8.0 148.0H300.0V114.0H592.0V12.0", anchors="M300.0 114.0h0", first=made[0], last=made[2]
    )


def test_figures_are_bars_on_zero_beside_their_largest_and_their_median() -> None:
    assert draw_bars([10, 40, 20, 0]) == Bars(
        [Bar(18.8, 60.0, 112.5, 20.0), Bar(168.8, 0.0, 112.5, 80.0), Bar(318.8, 40.0, 112.5, 40.0),
         Bar(468.8, 80, 112.5, 0)],
        most=40, middle=10, missing=0,
    )  # fmt: skip


def test_a_figure_that_is_not_known_leaves_a_gap_and_one_that_is_small_is_still_seen() -> None:
    made = draw_bars([1, None, 10**18])
    assert made is not None
    assert [(bar.x, bar.height) for bar in made.bars] == [(25.0, 1), (425.0, 80.0)]
    assert (made.most, made.middle, made.missing) == (10**18, 1, 1)


def test_one_figure_alone_is_nothing_to_compare() -> None:
    assert [draw_bars(values) for values in ([], [5], [5, None])] == [None] * 3
    made = draw_bars([0, 0])
    assert made is not None
    assert [bar.height for bar in made.bars] == [0, 0]
