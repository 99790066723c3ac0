"""A case's history in the words of staff: who did what, why, and how far the record of it has come."""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from anchoring import log
from anchoring.log import Stage, Subject
from claims import wording
from claims.actions.compliance import access_subject
from claims.catalogue import kyc_reasons
from claims.iban import masked
from claims.models import User
from claims.workflow import Thing


@dataclass(frozen=True)
class Line:
    """One event; the attributes are those that templates/_timeline.html reads, and ``rows`` are all of its facts."""

    id: uuid.UUID
    at: datetime
    title: str
    text: str
    by: str
    who: str
    stage: Stage
    proof_url: str = ""
    certificate_url: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """How far all events of a case have come; ``seen`` is a letter for each, which the page sends back."""

    seen: str
    words: str
    settled: bool


def happened(
    events: Sequence[log.Event],
    *,
    proof_urls: Callable[[uuid.UUID], tuple[str, str]] = lambda _: ("", ""),
    masks: Collection[str] = (),
) -> list[Line]:
    """The events as lines, in their order, the facts named in ``masks`` cut to their ends; one query for names.

    ``proof_urls`` gives the addresses of an event's proof and of its certificate.
    """
    names = _names(events)
    urls = [proof_urls(event.id) for event in events]
    return [
        Line(
            id=event.id, at=event.at, title=wording.sentence(event.kind, to="staff"),
            text=_text(event), by=_by(event, names), who="you" if event.kind in wording.BY_THE_HOLDER else "us",
            stage=event.stage, proof_url=proof, certificate_url=paper, rows=_rows(event.facts, masks),
        )
        for event, (proof, paper) in zip(events, urls, strict=True)
    ]  # fmt: skip


def looked_at(thing: Thing) -> list[Line]:
    """Who opened the case or took a proof of it, and which steps were refused; newest first."""
    events = log.history(access_subject(thing)) + log.history(Subject("refusal", str(thing.pk)))
    return sorted(happened(events), key=lambda line: line.at, reverse=True)


def progress(lines: Sequence[Line]) -> Progress:
    """The lines' stages in one look."""
    seen = "".join("L" if line.stage.late and line.stage.word == "Recorded" else line.stage.word[0] for line in lines)
    anchored, sealed = seen.count("A"), sum(letter in "SA" for letter in seen)
    words = f"{sealed} of {len(seen)} events sealed, {anchored} of {len(seen)} anchored."
    return Progress(seen, words, anchored == len(seen))


def _rows(facts: wording.Facts, masks: Collection[str]) -> list[dict[str, str]]:
    """All facts as staff read them."""
    shown = {name: masked(str(value or "")) if name in masks else value for name, value in facts.items()}
    return wording.fact_rows(shown, to="staff")


def _names(events: Iterable[log.Event]) -> dict[str, str]:
    people = {str(event.facts["by"]) for event in events if "by" in event.facts}
    return {str(user.person): str(user) for user in User.objects.filter(person__in=people)}


def _by(event: log.Event, names: dict[str, str]) -> str:
    role = str(event.facts.get("by.role", ""))
    shown = "Administrator" if role == "administrator" else wording.role_words(role, to="staff")
    name = names.get(str(event.facts.get("by", "")), "")
    return f"{name}, {shown[:1].lower() + shown[1:] if shown != 'KYC officer' else shown}" if name else shown


def _text(event: log.Event) -> str:
    """What was decided and why, as far as it is said in the facts."""
    facts = event.facts
    reason = facts.get("reason") or _kyc_reason(str(facts.get("reason_code", "")))
    clause = facts.get("provision_ref") and f"Clause {facts['provision_ref']}."
    parts = (
        wording.details(event.kind, facts), clause, reason, facts.get("rationale"), facts.get("message"),
        facts.get("purpose"),
    )  # fmt: skip
    return "\n".join(str(part) for part in parts if part)


def _kyc_reason(code: str) -> str:
    return kyc_reasons()[code].label + "." if code in kyc_reasons() else ""
