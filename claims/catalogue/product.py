"""What is insured: products as data, one immutable file for each version."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal, cast

from claims.catalogue.table import CatalogueError, Table
from claims.catalogue.tariff import Tariff, read_tariff
from claims.money import Money, MoneyError, decimals_of

QuestionKind = Literal["choice", "date", "money", "yes_no"]
CoverFrom = Literal["issue", "start"]
_KINDS: Final = ("choice", "date", "money", "yes_no")
SUMMARY_HEADINGS: Final = (  # Implementing Regulation (EU) 2017/1469, article 4 and annex
    "What is this type of insurance?",
    "What is insured?",
    "What is not insured?",
    "Are there any restrictions on cover?",
    "Where am I covered?",
    "What are my obligations?",
    "When and how do I pay?",
    "When does the cover start and end?",
    "How do I cancel the contract?",
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A numbered sentence of the terms, such as "5.3": what a decision cites."""

    ref: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    number: int
    heading: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class SummaryPart:
    heading: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a price; `options` only for a choice."""

    key: str
    kind: QuestionKind
    text: str
    help: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Benefit:
    """A fixed sum for every full `hours` hours."""

    amount: Money
    hours: int
    clause: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """One kind of loss and how much is paid for it. Clauses are refs into the terms.

    `cover_from` "issue": covered from the purchase on (a trip may be cancelled before it starts); "start": from the
    policy's first day. `aggregate` is for the whole term; None is no limit.
    """

    code: str
    name: str
    plain: str
    clause: str
    causes: tuple[str, ...]
    cover_from: CoverFrom
    limit: Money
    limit_clause: str
    limited_to_trip_cost: bool
    aggregate: Money | None
    deductible: Money
    item_limit: Money | None
    valuables_limit: Money | None
    benefit: Benefit | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is not paid; `coverages` are the codes it applies to."""

    clause: str
    plain: str
    coverages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoolingOff:
    """The right to step back from the contract; terms shorter than `shortest_term_days` have none."""

    days: int
    shortest_term_days: int
    clause: str


@dataclass(frozen=True, slots=True)
class LatePurchase:
    """Who buys later than on the first day waits `waiting_hours` from the purchase."""

    waiting_hours: int
    clause: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product in one version. `code` is family and version ("travel-1"); `sha256` is that of the file's bytes.

    `provisions` says, for each reason that can be given under this product, which clause it rests on.
    """

    code: str
    family: str
    version: str
    sha256: str
    name: str
    plain: str
    currency: str
    sold_online: bool
    valid_from: date
    territory: str
    quote_valid_days: int
    notify_within_days: int
    notify_clause: str
    cooling_off: CoolingOff | None
    late_purchase: LatePurchase | None
    tariff: Tariff | None
    questions: tuple[Question, ...]
    coverages: tuple[Coverage, ...]
    exclusions: tuple[Exclusion, ...]
    provisions: Mapping[str, str]
    summary: tuple[SummaryPart, ...]
    terms: tuple[Section, ...]

    @property
    def clauses(self) -> tuple[Clause, ...]:
        return tuple(clause for section in self.terms for clause in section.clauses)

    @property
    def causes(self) -> tuple[str, ...]:
        """Codes of all causes of loss that some coverage names, in the file's order."""
        return tuple(cause for coverage in self.coverages for cause in coverage.causes)

    def clause(self, ref: str) -> Clause:
        """CatalogueError when the terms have no such clause."""
        for clause in self.clauses:
            if clause.ref == ref:
                return clause
        raise CatalogueError(f"{self.code} has no clause {ref!r}.")

    def coverage_for(self, cause: str) -> Coverage | None:
        """The one coverage that names the cause, or None when nothing does."""
        return next((coverage for coverage in self.coverages if cause in coverage.causes), None)

    def exclusions_for(self, coverage: Coverage) -> tuple[Exclusion, ...]:
        return tuple(exclusion for exclusion in self.exclusions if coverage.code in exclusion.coverages)

    def cooling_off_days(self, *, term_days: int) -> int:
        """For how many days after the purchase the holder may step back; 0 when the right does not apply."""
        right = self.cooling_off
        return right.days if right is not None and term_days >= right.shortest_term_days else 0


def parse_product(content: bytes, *, file: str) -> Product:
    """Read a product's file. CatalogueError names the file, the key and what is wrong."""
    table = Table.parse(content, file=file)
    currency, family, version = _read_currency(table), table.text("family"), table.text("version")
    coverages = tuple(_read_coverage(coverage, currency=currency) for coverage in table.tables("coverage"))
    product = Product(
        code=f"{family}-{version}",
        family=family,
        version=version,
        sha256=sha256(content).hexdigest(),
        name=table.text("name"),
        plain=table.text("plain"),
        currency=currency,
        sold_online=table.flag("sold_online"),
        valid_from=table.day("valid_from"),
        territory=table.text("territory"),
        quote_valid_days=table.whole("quote_valid_days", least=1),
        notify_within_days=table.whole("notify_within_days", least=1),
        notify_clause=table.text("notify_clause"),
        cooling_off=_read_cooling_off(table.table("cooling_off")) if "cooling_off" in table else None,
        late_purchase=_read_late_purchase(table.table("late_purchase")) if "late_purchase" in table else None,
        tariff=read_tariff(table.table("tariff"), currency=currency) if "tariff" in table else None,
        questions=tuple(map(_read_question, table.tables("question"))) if "question" in table else (),
        coverages=coverages,
        exclusions=tuple(_read_exclusion(exclusion, coverages) for exclusion in table.tables("exclusion")),
        provisions=_read_provisions(table.table("provisions")),
        summary=tuple(map(_read_summary_part, table.tables("summary"))),
        terms=tuple(_read_section(section, number) for number, section in enumerate(table.tables("terms"), start=1)),
    )
    table.close()
    _check_whole(product, table)
    return product


def _read_currency(table: Table) -> str:
    currency = table.text("currency")
    try:
        decimals_of(currency)
    except MoneyError as error:
        raise table.wrong("currency", str(error)) from error
    return currency


def _read_coverage(table: Table, *, currency: str) -> Coverage:
    def amount(key: str) -> Money | None:
        return table.money(key, currency) if key in table else None

    coverage = Coverage(
        code=table.text("code"),
        name=table.text("name"),
        plain=table.text("plain"),
        clause=table.text("clause"),
        causes=table.texts("causes"),
        cover_from=cast(CoverFrom, table.one_of("cover_from", ("issue", "start"))),
        limit=table.money("limit", currency),
        limit_clause=table.text("limit_clause"),
        limited_to_trip_cost="limited_to_trip_cost" in table and table.flag("limited_to_trip_cost"),
        aggregate=amount("aggregate"),
        deductible=table.money("deductible", currency),
        item_limit=amount("item_limit"),
        valuables_limit=amount("valuables_limit"),
        benefit=_read_benefit(table.table("benefit"), currency=currency) if "benefit" in table else None,
    )
    table.close()
    return coverage


def _read_benefit(table: Table, *, currency: str) -> Benefit:
    benefit = Benefit(table.money("amount", currency), table.whole("hours", least=1), table.text("clause"))
    table.close()
    return benefit


def _read_exclusion(table: Table, coverages: tuple[Coverage, ...]) -> Exclusion:
    """Without `coverages` it applies to all."""
    every = tuple(coverage.code for coverage in coverages)
    codes = table.texts("coverages") if "coverages" in table else every
    exclusion = Exclusion(table.text("clause"), table.text("plain"), codes)
    table.close()
    unknown = set(codes) - set(every)
    if unknown:
        raise table.wrong("coverages", f"names {min(unknown)!r}, which is no coverage of this product")
    return exclusion


def _read_cooling_off(table: Table) -> CoolingOff:
    right = CoolingOff(table.whole("days"), table.whole("shortest_term_days"), table.text("clause"))
    table.close()
    return right


def _read_late_purchase(table: Table) -> LatePurchase:
    rule = LatePurchase(table.whole("waiting_hours"), table.text("clause"))
    table.close()
    return rule


def _read_question(table: Table) -> Question:
    kind = cast(QuestionKind, table.one_of("kind", _KINDS))
    options = tuple(map(_read_option, table.tables("option"))) if kind == "choice" else ()
    question = Question(table.text("key"), kind, table.text("text"), table.text("help"), options)
    table.close()
    return question


def _read_option(table: Table) -> Option:
    option = Option(table.text("value"), table.text("label"))
    table.close()
    return option


def _read_provisions(table: Table) -> Mapping[str, str]:
    provisions = {reason: table.text(reason) for reason in table}
    table.close()
    return MappingProxyType(provisions)


def _read_summary_part(table: Table) -> SummaryPart:
    part = SummaryPart(table.text("heading"), table.texts("points"))
    table.close()
    return part


def _read_section(table: Table, number: int) -> Section:
    """Clauses are numbered by their place, so that a ref can neither be missing nor given twice."""
    texts = table.texts("clauses")
    clauses = tuple(Clause(f"{number}.{place}", text) for place, text in enumerate(texts, start=1))
    section = Section(number, table.text("heading"), clauses)
    table.close()
    return section


def _check_whole(product: Product, table: Table) -> None:
    """What only the whole file can show: refs that lead nowhere, a cause in two coverages, an unpriced question."""
    known = {clause.ref for clause in product.clauses}
    for place, ref in _clause_refs(product):
        if ref not in known:
            raise table.wrong(place, f"cites clause {ref}, which the terms do not have")
    for place, names in (
        ("coverage", [coverage.code for coverage in product.coverages]),
        ("coverage.causes", list(product.causes)),
        ("question", [question.key for question in product.questions]),
    ):
        if len(set(names)) != len(names):
            raise table.wrong(place, f"names {max(names, key=names.count)!r} twice")
    if tuple(part.heading for part in product.summary) != SUMMARY_HEADINGS:
        raise table.wrong("summary", "must have the headings of Regulation (EU) 2017/1469 in their order")
    unfounded = sorted(_needed_provisions(product) - set(product.provisions))
    if unfounded:
        raise table.wrong("provisions", f"must say which clause {unfounded[0]} rests on")
    _check_sale(product, table)


def _needed_provisions(product: Product) -> set[str]:
    """The reasons that the coverage check can give for what this product has."""
    zero = Money.zero(product.currency)
    needed = {
        "WAITING_PERIOD": product.late_purchase is not None,
        "DEDUCTIBLE": any(coverage.deductible > zero for coverage in product.coverages),
        "BELOW_DEDUCTIBLE": any(coverage.deductible > zero for coverage in product.coverages),
        "ITEM_LIMIT": any(coverage.item_limit is not None for coverage in product.coverages),
        "VALUABLES_LIMIT": any(coverage.valuables_limit is not None for coverage in product.coverages),
        "FIXED_BENEFIT": any(coverage.benefit is not None for coverage in product.coverages),
        "LIMIT_AGGREGATE": any(coverage.aggregate is not None for coverage in product.coverages),
    }
    always = {"NOT_IN_FORCE", "BEFORE_PURCHASE", "NOT_INSURED_PERIL", "LIMIT_OCCURRENCE"}
    return always | {reason for reason, is_needed in needed.items() if is_needed}


def _clause_refs(product: Product) -> Iterator[tuple[str, str]]:
    yield "notify_clause", product.notify_clause
    if product.cooling_off is not None:
        yield "cooling_off.clause", product.cooling_off.clause
    if product.late_purchase is not None:
        yield "late_purchase.clause", product.late_purchase.clause
    for coverage in product.coverages:
        yield f"coverage {coverage.code}.clause", coverage.clause
        yield f"coverage {coverage.code}.limit_clause", coverage.limit_clause
        if coverage.benefit is not None:
            yield f"coverage {coverage.code}.benefit.clause", coverage.benefit.clause
    for exclusion in product.exclusions:
        yield "exclusion.clause", exclusion.clause
    for reason, ref in product.provisions.items():
        yield f"provisions.{reason}", ref


def _check_sale(product: Product, table: Table) -> None:
    if not product.sold_online:
        return
    if product.tariff is None or not product.questions:
        raise table.wrong("sold_online", "needs a tariff and questions")
    rated = [(region.code, region.label) for region in product.tariff.regions]
    asked = [(option.value, option.label) for question in product.questions for option in question.options]
    if rated != asked:
        raise table.wrong("question", "must offer exactly the tariff's regions, in their order and words")
