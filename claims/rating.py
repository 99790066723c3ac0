"""The price of travel cover: a pure function of the product's tariff and the answers, explained line by line.

Everything is Decimal and unrounded until the net price, which is rounded once, half up; tax is computed on the rounded
net price and rounded once; the total is their sum.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from claims.catalogue.product import Product
from claims.catalogue.tariff import Band, Tariff
from claims.money import Money, format_money, parse_money

EARLIEST_BIRTH: Final = date(1900, 1, 1)
OLDEST: Final = 120


class AnswersInvalid(ValueError):  # noqa: N818 - it is what the person reads, not an error of the program
    """Answers that no price can rest on: `sentences` says for each question's key what to do."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.sentences = dict(sentences)


@dataclass(frozen=True, slots=True)
class TravelAnswers:
    """Valid answers. Both the day of departure and the day of return are days of the trip."""

    region: str
    departs_on: date
    returns_on: date
    birth_date: date
    trip_cost: Money
    winter_sports: bool

    @property
    def days(self) -> int:
        return (self.returns_on - self.departs_on).days + 1

    @property
    def age(self) -> int:
        """In full years on the day of departure."""
        return age_on(self.departs_on, birth_date=self.birth_date)

    def as_texts(self) -> dict[str, str]:
        """By question key, as they are kept and sealed; `read_answers` gives the same answers back."""
        return {
            "region": self.region,
            "departs_on": self.departs_on.isoformat(),
            "returns_on": self.returns_on.isoformat(),
            "birth_date": self.birth_date.isoformat(),
            "trip_cost": str(self.trip_cost.decimal),
            "winter_sports": "yes" if self.winter_sports else "no",
        }


class Operation(StrEnum):
    PLUS = "plus"
    TIMES = "times"
    AT_LEAST = "at least"


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One step: what is done with `value` (major units or a factor), and what the price is after it, unrounded."""

    code: str
    label: str
    operation: Operation
    value: Decimal
    running: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    lines: tuple[PriceLine, ...]
    net: Money
    tax: Money
    tax_label: str
    total: Money

    def breakdown(self) -> list[dict[str, str]]:
        """The lines as texts, for keeping and sealing."""
        return [
            {
                "code": line.code,
                "label": line.label,
                "operation": str(line.operation),
                "value": str(line.value),
                "running": str(line.running),
            }
            for line in self.lines
        ]


@dataclass(frozen=True, slots=True)
class Referral:
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Refer:
    """No price here: a person has to look at it, for each of these reasons."""

    reasons: tuple[Referral, ...]


def age_on(day: date, *, birth_date: date) -> int:
    """Full years; who was born on 29 February is a year older on 1 March of other years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def read_answers(product: Product, answers: Mapping[str, object], *, today: date) -> TravelAnswers:
    """Check what a person answered, by question key.

    Dates are dates or ISO texts, the cost is Money or text, winter sports a bool, "yes" or "no".
    AnswersInvalid has a sentence for every answer that will not do.
    """
    tariff = _tariff(product)
    values: dict[str, object] = {}
    sentences: dict[str, str] = {}
    for key, read in _readers(tariff, product.currency).items():
        try:
            values[key] = read(answers.get(key))
        except ValueError as error:
            sentences[key] = str(error)
    sentences |= {key: sentence for key, sentence in _contradictions(values, tariff, today) if key not in sentences}
    if sentences:
        raise AnswersInvalid(sentences)
    return TravelAnswers(**values)  # type: ignore[arg-type]  # each value came from the reader of its key


def rate(product: Product, answers: TravelAnswers) -> Price | Refer:
    """The price, or why a person has to look at it first."""
    tariff = _tariff(product)
    reasons = tuple(_referrals(tariff, answers))
    if reasons:
        return Refer(reasons)
    lines = tuple(_lines(tariff, answers))
    net = Money.rounded(lines[-1].running, product.currency)
    tax = Money.rounded(net.decimal * tariff.tax_percent / 100, product.currency)
    return Price(lines, net=net, tax=tax, tax_label=tariff.tax_label, total=net + tax)


def _tariff(product: Product) -> Tariff:
    assert product.tariff is not None, f"{product.code} is not sold here"
    return product.tariff


def _readers(tariff: Tariff, currency: str) -> dict[str, Callable[[object], object]]:
    def read_region(answer: object) -> str:
        if answer not in {region.code for region in tariff.regions}:
            raise ValueError("Choose where you are going.")
        return str(answer)

    def read_cost(answer: object) -> Money:
        if isinstance(answer, Money):
            answer = str(answer.decimal) if answer.currency == currency else format_money(answer)
        return parse_money(answer if isinstance(answer, str) else "", currency=currency, minimum=0)

    return {
        "region": read_region,
        "departs_on": lambda answer: _read_day(answer, "your day of departure"),
        "returns_on": lambda answer: _read_day(answer, "your day of return"),
        "birth_date": lambda answer: _read_day(answer, "your date of birth"),
        "trip_cost": read_cost,
        "winter_sports": _read_yes_no,
    }


def _read_day(answer: object, what: str) -> date:
    if type(answer) is date:
        return answer
    try:
        day = date.fromisoformat(answer if isinstance(answer, str) else "")
    except ValueError:
        raise ValueError(f"Enter {what} as year, month and day, for example 2026-12-01.") from None
    if day.isoformat() != answer:
        raise ValueError(f"Enter {what} as year, month and day, for example 2026-12-01.")
    return day


def _read_yes_no(answer: object) -> bool:
    if isinstance(answer, bool):
        return answer
    if answer not in ("yes", "no"):
        raise ValueError("Choose yes or no.")
    return answer == "yes"


def _contradictions(values: Mapping[str, object], tariff: Tariff, today: date) -> Iterator[tuple[str, str]]:
    """What each answer alone cannot show; a question whose answer could not be read is passed over."""
    departs_on, returns_on, birth_date = values.get("departs_on"), values.get("returns_on"), values.get("birth_date")
    if isinstance(departs_on, date):
        if departs_on > today + timedelta(days=tariff.latest_departure_days):
            yield "departs_on", f"You can buy cover at most {tariff.latest_departure_days} days before you leave."
        if isinstance(returns_on, date) and returns_on < departs_on:
            yield "returns_on", "The day of return cannot lie before the day of departure."
    if isinstance(returns_on, date) and returns_on < today:
        yield "returns_on", "This trip is over. Cover can only be bought for a trip that has not ended."
    if isinstance(birth_date, date):
        if birth_date > today:
            yield "birth_date", "The date of birth cannot lie in the future."
        elif isinstance(departs_on, date) and birth_date > departs_on:
            yield "birth_date", "The date of birth cannot lie after the day of departure."
        elif birth_date < EARLIEST_BIRTH or age_on(today, birth_date=birth_date) > OLDEST:
            yield "birth_date", "Check the year of birth."


def _referrals(tariff: Tariff, answers: TravelAnswers) -> Iterator[Referral]:
    if answers.age > tariff.ages[-1].last:
        yield Referral("age", tariff.refer_age)
    if answers.days > tariff.days[-1].last:
        yield Referral("days", tariff.refer_days)
    if answers.trip_cost > tariff.trip_cost_most:
        yield Referral("trip_cost", tariff.refer_trip_cost)


def _lines(tariff: Tariff, answers: TravelAnswers) -> Iterator[PriceLine]:
    running = Decimal(0)
    for code, label, operation, value in _steps(tariff, answers):
        running = _OPERATIONS[operation](running, value)
        yield PriceLine(code, label, operation, value, running)


_OPERATIONS: Final[dict[Operation, Callable[[Decimal, Decimal], Decimal]]] = {
    Operation.PLUS: lambda running, value: running + value,
    Operation.TIMES: lambda running, value: running * value,
    Operation.AT_LEAST: lambda running, value: max(running, value),
}


def _steps(tariff: Tariff, answers: TravelAnswers) -> Iterator[tuple[str, str, Operation, Decimal]]:
    """The order is the tariff's, and part of the price."""
    region = tariff.region(answers.region)
    age, length = _band(tariff.ages, answers.age), _band(tariff.days, answers.days)
    days = f"{answers.days} day" if answers.days == 1 else f"{answers.days} days"
    yield "base", "Basic price", Operation.PLUS, tariff.base.decimal
    yield "days", f"{days} at {tariff.per_day}", Operation.PLUS, tariff.per_day.decimal * answers.days
    yield "region", region.label, Operation.TIMES, region.factor
    yield "age", f"Aged {answers.age} on departure", Operation.TIMES, age.factor
    yield "length", f"Trip of {length.first} to {length.last} days", Operation.TIMES, length.factor
    least = _least_for_length(tariff, before=length) * region.factor * age.factor
    if least > _length_price(tariff, answers.days, length) * region.factor * age.factor:
        yield "shorter", "Never less than a shorter trip", Operation.AT_LEAST, least
    extra = answers.trip_cost.decimal - tariff.trip_cost_free.decimal
    if extra > 0:
        label = f"{tariff.trip_cost_percent} % of the trip's cost above {tariff.trip_cost_free}"
        yield "trip_cost", label, Operation.PLUS, extra * tariff.trip_cost_percent / 100
    if answers.winter_sports:
        yield "winter_sports", "Winter sports", Operation.TIMES, tariff.winter_sports


def _band(bands: tuple[Band, ...], value: int) -> Band:
    return next(band for band in bands if band.first <= value <= band.last)


def _length_price(tariff: Tariff, days: int, band: Band) -> Decimal:
    return (tariff.base.decimal + tariff.per_day.decimal * days) * band.factor


def _least_for_length(tariff: Tariff, *, before: Band) -> Decimal:
    """The dearest price of any trip in a shorter band, which lies at the end of one."""
    shorter = (band for band in tariff.days if band.last < before.first)
    return max((_length_price(tariff, band.last, band) for band in shorter), default=Decimal(0))
