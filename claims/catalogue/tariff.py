"""The travel tariff as data: what `claims.rating` calculates with."""

from dataclasses import dataclass
from decimal import Decimal

from claims.catalogue.table import Table
from claims.money import Money


@dataclass(frozen=True, slots=True)
class Region:
    code: str
    label: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """A step of a table: from `first` to `last`, both included."""

    first: int
    last: int
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """Amounts in the product's currency; factors multiply; a percentage is of a hundred."""

    base: Money
    per_day: Money
    regions: tuple[Region, ...]
    ages: tuple[Band, ...]
    days: tuple[Band, ...]
    trip_cost_free: Money
    trip_cost_percent: Decimal
    trip_cost_most: Money
    winter_sports: Decimal
    tax_percent: Decimal
    tax_label: str
    latest_departure_days: int
    refer_age: str
    refer_days: str
    refer_trip_cost: str

    def region(self, code: str) -> Region:
        return next(region for region in self.regions if region.code == code)


def read_tariff(table: Table, *, currency: str) -> Tariff:
    """CatalogueError when something is missing, of another type, or when the bands leave a gap."""
    tariff = Tariff(
        base=table.money("base", currency),
        per_day=table.money("per_day", currency),
        regions=tuple(_read_region(region) for region in table.tables("region")),
        ages=_read_bands(table, "age", first=0),
        days=_read_bands(table, "days", first=1),
        trip_cost_free=table.money("trip_cost_free", currency),
        trip_cost_percent=table.number("trip_cost_percent"),
        trip_cost_most=table.money("trip_cost_most", currency),
        winter_sports=table.number("winter_sports"),
        tax_percent=table.number("tax_percent"),
        tax_label=table.text("tax_label"),
        latest_departure_days=table.whole("latest_departure_days", least=1),
        refer_age=table.text("refer_age"),
        refer_days=table.text("refer_days"),
        refer_trip_cost=table.text("refer_trip_cost"),
    )
    table.close()
    if len({region.code for region in tariff.regions}) != len(tariff.regions):
        raise table.wrong("region", "names a region twice")
    return tariff


def _read_region(table: Table) -> Region:
    region = Region(table.text("code"), table.text("label"), table.number("factor"))
    table.close()
    return region


def _read_bands(table: Table, key: str, *, first: int) -> tuple[Band, ...]:
    """Bands are written by their last value; each begins where the one before ended."""
    bands = []
    for row in table.tables(key):
        last, factor = row.whole("to"), row.number("factor")
        row.close()
        if last < first or not factor:
            raise row.wrong("to", "must rise from band to band, with a factor above zero")
        bands.append(Band(first, last, factor))
        first = last + 1
    return tuple(bands)
