"""The certificate: a proof of record for people, with that very proof attached inside it.

It says what the attached file says and nothing more; the same file and rows give the same bytes. A certificate of what
is not anchored yet says so at its head and on every page.
"""

import hashlib
import io
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import segno
from django.conf import settings

from anchoring import log
from anchoring.log import ExplainedProof, ShownEvent, Stage, Subject
from claims import wording
from claims.iban import masked
from claims.numbers import SERIES
from claims.papers.typesetting import ACCESSIBLE, ARCHIVED, groups_of_four, moment, typeset

_LEAD: Final = {
    "Anchored": "What is shown here was in our signed log by {block_at}. A fingerprint of that log stands in a public"
    " record since then, and nobody can have changed it unnoticed, not even we.",
    "Anchored in part": "This certificate is not final, and nothing is wrong. {anchored} of {count} events are"
    " anchored; the others are on their way. Download it again later, at the same place.",
    "Sealed": "This certificate is not final, and nothing is wrong. What is shown here has its fixed place in our"
    " signed log; the anchor in {record} follows by itself. Download it again later, at the same place.",
    "Sealed in part": "This certificate is not final, and nothing is wrong. {sealed} of {count} events have their fixed"
    " place in our signed log; the rest follows by itself. Download it again later, at the same place.",
    "Recorded": "This certificate is not final, and nothing is wrong. We have recorded what is shown here; the seal in"
    " our log follows by itself, usually within 10 minutes, and then the anchor in {record}. Download it again later,"
    " at the same place.",
}
"""How far all of it has come → what that means, first thing on the paper."""

_TEST_RECORD: Final = "a test record on one computer, which proves nothing to others"
_LOCAL_LEAD: Final = {
    "Anchored": "A fingerprint of our signed log stands in {record}. On a public chain it would show that this was in"
    " our log by {block_at}, unchanged since.",
    "Anchored in part": "{anchored} of {count} events are anchored in {record}. This certificate is not final, and"
    " nothing is wrong: the others are on their way. Download it again later, at the same place.",
}
"""The same where every chain that it names is a local one."""

_AS_RECORDED: Final = "that what is shown here was recorded exactly so, under the number {number}"
_PROVES: Final = {
    "Anchored": (
        _AS_RECORDED,
        "that it was in our signed log by {block_at}, the time of the block named below",
        "that nobody has changed it since, not even we",
    ),
    "Anchored in part": (
        _AS_RECORDED,
        "that what is anchored was in our signed log by {block_at}, the time of the block named below, and that nobody"
        " has changed it since, not even we",
        "not yet the same of the rest: its seal or anchor is still to come",
    ),
    "Sealed": (
        _AS_RECORDED,
        "that it has its fixed place in our log, under our signature",
        "not yet by when: that takes the anchor, which is still to come",
    ),
    "Sealed in part": (
        _AS_RECORDED,
        "that what is sealed has its fixed place in our log, under our signature",
        "not yet by when, and not yet the same of the rest: seal or anchor is still to come",
    ),
    "Recorded": (
        "that what is shown here fits together and belongs to the number {number}",
        "nothing more yet: seal and anchor are still to come, and until then nobody but us vouches for it",
    ),
}
"""How far all of it has come → what the attached file proves."""

_NO_TIME: Final = "not by when, nor that it is unchanged since: that takes a public record"
_LOCAL_PROVES: Final = {
    "Anchored": (*_PROVES["Sealed"][:2], _NO_TIME),
    "Anchored in part": (*_PROVES["Sealed in part"][:2], _NO_TIME),
}

_DOES_NOT_PROVE: Final = (
    "that what was reported is true: only that it was reported so, and when at the latest",
    "that nothing else happened: what nobody recorded is in no log, and a file may show a part",
    "who sat at the keyboard: only whose account it was",
)
_NOT_FOR_LONG: Final = "anything for long, on a test network: such a chain may end"


def certificate(
    subject: Subject,
    *,
    owners: Collection[str] | None,
    event: uuid.UUID | None = None,
    progress: Callable[[int], object] | None = None,
) -> bytes:
    """The PDF of the proof of the whole history, or of one event; about 0.2 s. Raises NoSuchRecord.

    ``owners`` names whose facts are shown (None: all), as for ``log.proof``.
    """
    proof = log.explained_proof(subject, owners=owners, entries=None if event is None else [event], progress=progress)
    return typeset(
        "certificate.typ", _paper(proof, event), at=_newest_moment(proof.events), standards=(ACCESSIBLE, ARCHIVED),
        undrawn={"has_boxes": True}, attached={"proof": proof.content.decode(), "qr": _qr_code(check_url(proof))},
    )  # fmt: skip


def check_url(proof: ExplainedProof) -> str:
    """The page that says how to check, with the attached file's SHA-256 behind #, which browsers keep to themselves.

    No number and no name: whoever sees the address alone learns nothing of anybody.
    """
    return f"{settings.SITE_URL}/check/#sha256={hashlib.sha256(proof.content).hexdigest()}"


def file_name(number: str, event: uuid.UUID | None, ending: str) -> str:
    """What a file about a record, or about one event of it, is called."""
    return f"{number}.{ending}" if event is None else f"{number}.{str(event)[:8]}.{ending}"


def _paper(proof: ExplainedProof, event: uuid.UUID | None) -> dict[str, Any]:
    asked = [shown for shown in proof.events if shown.asked]
    reached = _reached([shown.stage for shown in asked])
    said = {
        "number": proof.number, "count": len(asked),
        "sealed": sum(shown.stage.index is not None for shown in asked),
        "anchored": sum(shown.stage.anchored_at is not None for shown in asked),
        "block_at": _exactly(proof.anchor.block_at) if proof.anchor else "",
        "record": _TEST_RECORD if proof.is_local else "a public record",
    }  # fmt: skip
    lead, proves = (_LEAD | _LOCAL_LEAD, _PROVES | _LOCAL_PROVES) if proof.is_local else (_LEAD, _PROVES)
    running = "Certificate of record" if reached == "Anchored" else f"Certificate of record, not final: {reached}"
    return {
        "title": f"{running} {proof.number}", "running": running, "number": proof.number,
        "noun": SERIES.get(proof.number[:3], "record").capitalize(), "is_whole": event is None,
        "insurer": settings.PRODUCT_NAME, "site": settings.SITE_URL, "help": settings.HELP_EMAIL,
        "demo": settings.DEMO, "reached": reached, "is_final": reached == "Anchored",
        "lead": lead[reached].format(**said), "events": [_event(shown) for shown in asked],
        "number_only": [wording.sentence(shown.kind, to="staff") for shown in proof.events if not shown.asked],
        "proves": [sentence.format(**said) for sentence in proves[reached]],
        "does_not_prove": [*_DOES_NOT_PROVE, *([_NOT_FOR_LONG] if proof.chain_warning else [])],
        "anchor": _pairs({"key": key, "value": value} for key, value in _anchor(proof, asked)),
        "chain_name": proof.chain_name, "warning": proof.chain_warning, "worth": proof.chain_worth,
        "fingerprint": groups_of_four(log.trust_fingerprint()), "check_url": check_url(proof),
        "or_else": _TOO_EARLY if proof.anchor is None else _CARRIED if proof.anchor.self_contained else _LOCATED,
        "file": file_name(proof.number, event, "proof.json"),
        "file_sha256": groups_of_four(hashlib.sha256(proof.content).hexdigest()),
    }  # fmt: skip


def _reached(stages: Sequence[Stage]) -> str:
    """How far all of them have come, in the ladder's words."""
    for word in ("Anchored", "Sealed"):
        count = sum(stage.word in ("Anchored", word) for stage in stages)
        if count:
            return word if count == len(stages) else f"{word} in part"
    return "Recorded"


def _event(shown: ShownEvent) -> dict[str, Any]:
    return {
        "title": wording.sentence(shown.kind, to="staff"),
        "text": wording.details(shown.kind, shown.facts),
        "by": _by(shown.facts),
        "at": moment(shown.stage.recorded_at), "reached": shown.stage.word,
        "rungs": list(_rungs(shown.stage)),
        "rows": _pairs(wording.fact_rows(_in_order(_on_paper(shown.facts)), to="staff")),
        "notes": " ".join(_notes(shown)),
    }  # fmt: skip


def _on_paper(facts: wording.Facts) -> wording.Facts:
    """As it may be shown to anybody: whom it is handed to need not know the account."""
    return {name: masked(str(value or "")) if name == _ACCOUNT else value for name, value in facts.items()}


_ACCOUNT: Final = "account_number"


def _by(facts: wording.Facts) -> str:
    """In which role, and under which mark: the log knows people by nothing else."""
    role = wording.role_words(str(facts.get("by.role", "")), to="staff")
    return f"{role}, in the log {facts['by']}" if "by" in facts else role


def _in_order(facts: wording.Facts) -> wording.Facts:
    """As people tell it, not as the file sorts it; the number and who did it stand elsewhere on the paper."""

    def place(name: str) -> tuple[int, list[tuple[int, str]]]:
        first = _TOLD_FIRST.index(name) if name in _TOLD_FIRST else len(_TOLD_FIRST)
        return first, [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]

    return {name: facts[name] for name in sorted(facts, key=place) if name not in _ELSEWHERE}


_ELSEWHERE: Final = ("by.role", "by", "number")


_TOLD_FIRST: Final = (
    "policy", "place", "full_name", "holder", "outcome", "cause", "loss_at", "loss_precision", "description",
)  # fmt: skip


def _pairs(rows: Iterable[dict[str, str]]) -> list[list[dict[str, str]]]:
    """The rows as the lines of a table: what is short stands two by two."""
    lines: list[list[dict[str, str]]] = []
    for row in rows:
        is_short = len(row["key"]) <= _SHORT and len(row["value"]) <= _SHORT and "\n" not in row["value"]
        if is_short and lines and len(lines[-1]) == 1 and lines[-1][0].get("is_short"):
            lines[-1].append(row)
        else:
            lines.append([row | ({"is_short": "yes"} if is_short else {})])
    return lines


_SHORT: Final = 28  # characters that a quarter of the paper's width holds


def _rungs(stage: Stage) -> Iterator[dict[str, Any]]:
    yield {"word": "Recorded", "is_reached": True, "when": moment(stage.recorded_at), "where": "in our books"}
    if stage.sealed_at is None:
        yield {"word": "Sealed", "is_reached": False, "when": "Not yet", "where": "usually within 10 minutes"}
    else:
        place = f"entry {stage.index} of our signed log"
        yield {"word": "Sealed", "is_reached": True, "when": moment(stage.sealed_at), "where": place}
    if stage.anchored_at is None:
        yield {"word": "Anchored", "is_reached": False, "when": "Not yet", "where": "follows the seal by itself"}
    else:
        place = f"block {stage.block_number}"
        yield {"word": "Anchored", "is_reached": True, "when": moment(stage.anchored_at), "where": place}


def _notes(shown: ShownEvent) -> Iterator[str]:
    """What is in the record and not on this paper, and why."""
    if shown.erased:
        yield (
            "Part of what was recorded here has been erased: the key to it is destroyed, and nobody can read it any"
            " more. That it was recorded, and when, still stands."
        )
    if shown.facts.get(_ACCOUNT):
        yield "The attached file holds the account in full."
    if shown.withheld:
        how = "erased or withheld" if shown.erased else "withheld"
        yield f"{_fields(shown.withheld)} {how}: copies for our own checks, and what concerns somebody else."
    if shown.columns:
        copies = f"{shown.columns} cop{'y' if shown.columns == 1 else 'ies'}"
        yield f"The attached file also holds {copies} of this from our database, for checks of our books."


def _fields(count: int) -> str:
    return "One further field of this record is" if count == 1 else f"{count} further fields of this record are"


def _anchor(proof: ExplainedProof, asked: Sequence[ShownEvent]) -> Iterator[tuple[str, str]]:
    """Where and when; nothing for what is not anchored."""
    anchor = proof.anchor
    if anchor is None:
        return
    yield "Public record", _capital(proof.chain_name)
    yield "Time of the block", _exactly(anchor.block_at)
    yield "Block", f"{anchor.block_number}"
    yield "Hash of the block", anchor.block_hash
    yield "Transaction", anchor.transaction
    yield "Contract", anchor.contract
    yield "Our log", f"{proof.origin}, its first {proof.size} entries"
    earlier = {shown.stage.block_number for shown in asked} - {anchor.block_number, None}
    if earlier:
        yield "Earlier blocks", _EARLIER


_EARLIER: Final = (
    "Some events were anchored before, as said at each. The file proves all of them by the block above; the"
    " certificate of a single event names its own."
)
_CARRIED: Final = (
    "or without --rpc: the file carries the chain’s evidence up to the block’s hash, which you then compare in any"
    " explorer"
)
_LOCATED: Final = "not without --rpc: the file only says where to look on the chain"
_TOO_EARLY: Final = "later, with a newer version of this file: it is not anchored yet"


def _newest_moment(events: Sequence[ShownEvent]) -> datetime:
    """The paper's date: the newest time that it states, so that the same rows give the same bytes."""
    stages = [event.stage for event in events]
    times = [time for stage in stages for time in (stage.recorded_at, stage.sealed_at, stage.anchored_at)]
    return max(time for time in times if time is not None)


def _exactly(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M:%S} UTC"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _qr_code(text: str) -> str:
    """As SVG without a margin; level M, so that a fold or a stain does no harm (ISO/IEC 18004)."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(drawn, kind="svg", xmldecl=False, border=0, svgclass=None, lineclass=None)
    return drawn.getvalue().decode()
