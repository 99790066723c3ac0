"""Identities at the desk: what was typed beside what the document's lines say, and the review's three ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django_countries import countries

from anchoring import vault
from claims.actions import kyc
from claims.admin.desk import not_readable, rows_of, tag
from claims.admin.steps import DeskStep, WorkAdmin
from claims.catalogue import kyc_reasons
from claims.forms.staff import KycReasonForm
from claims.models import KycCase, Role, User
from claims.mrz import FindingCode, Mrz, MrzError, parse_mrz

TONES = {
    KycCase.Status.SUBMITTED: "you", KycCase.Status.VERIFIED: "good", KycCase.Status.REJECTED: "bad",
}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One thing said twice; ``word`` says whether both agree."""

    key: str
    typed: str
    printed: str
    word: str
    tone: str


_AGREE = ("Agree", "good")
_DIFFER = ("Differ", "bad")
_LOOK = ("Look at the scan", "wait")
_NOT_COMPARED = ("Not compared", "")
_VERDICTS = {
    FindingCode.NAME_DIFFERS: _DIFFER, FindingCode.NAME_NOT_COMPARABLE: _LOOK, FindingCode.BIRTH_DATE_DIFFERS: _DIFFER,
    FindingCode.BIRTH_DATE_UNREADABLE: _LOOK, FindingCode.CHECK_BIRTH_DATE: _LOOK, FindingCode.NUMBER_DIFFERS: _DIFFER,
    FindingCode.CHECK_NUMBER: _LOOK, FindingCode.EXPIRY_DATE_DIFFERS: _DIFFER,
    FindingCode.EXPIRY_DATE_UNREADABLE: _LOOK, FindingCode.CHECK_EXPIRY_DATE: _LOOK,
    FindingCode.EXPIRED: ("Expired", "bad"),
}  # fmt: skip
"""What a finding makes of its row; where one row has several, the first of the row's list counts."""


def _verify(by: User, case: KycCase, given: dict[str, Any]) -> str:
    kyc.verify_identity(by=by, case=case)
    return f"{case.number} is approved. The person is told by e-mail and can buy cover."


def _ask(by: User, case: KycCase, given: dict[str, Any]) -> str:
    kyc.ask_for_information(by=by, case=case, reason_code=given["reason_code"], message=given["message"])
    return f"We asked for something more on {case.number}. It comes back here when the person has answered."


def _reject(by: User, case: KycCase, given: dict[str, Any]) -> str:
    kyc.reject_identity(by=by, case=case, reason_code=given["reason_code"], message=given["message"])
    return f"{case.number} is rejected. The person is told by e-mail."


@admin.register(KycCase)
class IdentityAdmin(WorkAdmin):
    """The list of identity cases and the review page."""

    readers = frozenset({Role.KYC_OFFICER, Role.COMPLIANCE})
    case_template = "admin/claims/kyccase/case.html"
    list_display = ("number", "person", "standing", "points", "submitted", "reviewed_by", "record")
    list_filter = ("status",)
    search_fields = ("number", "party__name")
    search_help_text = "Number or person"
    list_select_related = ("party", "decided_by")
    ordering = ("submitted_at", "pk")
    desk_steps: ClassVar[dict[str, DeskStep]] = {
        "verify": DeskStep("The person is who they say they are. They are told, and can buy cover.", _verify),
        "ask": DeskStep(
            "The person gets your words by e-mail and can send the identity again.", _ask,
            partial(KycReasonForm, step="ask"), "secondary",
        ),
        "reject": DeskStep(
            "The identity is not accepted. The person is told why, and may start anew.", _reject,
            partial(KycReasonForm, step="reject"), "danger",
        ),
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[KycCase]:
        visible: QuerySet[KycCase] = super().get_queryset(request)
        return visible.select_related("party__user", "decided_by")

    @admin.display(description="Person", ordering="party__name")
    def person(self, case: KycCase) -> str:
        return case.party.name

    @admin.display(description="Status", ordering="status")
    def standing(self, case: KycCase) -> SafeString:
        return tag(case.get_status_display(), TONES.get(KycCase.Status(case.status), "wait"))

    @admin.display(description="To look at")
    def points(self, case: KycCase) -> str:
        """How many things do not fit together."""
        count = len(case.findings)
        return f"{count} point{'' if count == 1 else 's'}" if count else "Nothing found"

    @admin.display(description="Sent", ordering="submitted_at")
    def submitted(self, case: KycCase) -> str:
        return f"{case.submitted_at:%-d %b %Y, %H:%M}"

    @admin.display(description="Reviewed by", ordering="decided_by__name")
    def reviewed_by(self, case: KycCase) -> str:
        return str(case.decided_by) if case.decided_by else "Nobody yet"

    def facts(self, request: HttpRequest, thing: KycCase) -> dict[str, Any]:
        return {
            "case": thing, "tone": TONES.get(KycCase.Status(thing.status), "wait"),
            "offers": self.offers(request, thing), "findings": sentences(thing),
            "documents": list(thing.documents.order_by("received_at", "pk")),
            "outcome": _outcome(thing), **_identity(thing),
        }  # fmt: skip

    def step_facts(self, request: HttpRequest, thing: KycCase, step: str, form: Any) -> dict[str, Any]:
        return {"findings": sentences(thing), "about": thing.party.name}


def sentences(case: KycCase) -> list[str]:
    """What does not fit together, for the officer."""
    return [FindingCode(code).sentence for code in case.findings]


def _identity(case: KycCase) -> dict[str, Any]:
    """What was typed and what the zone says, or why it is not shown."""
    try:
        typed = case.unseal()
    except vault.VaultError as error:
        return dict(not_readable(error))
    zone = _zone(typed["mrz"], case.submitted_at.date())
    return {
        "compared": _compared(typed, zone, case.findings) if zone else [],
        "zone_lines": typed["mrz"].split("\n"),
        "typed": rows_of(("Address", typed["address"]), ("Country", countries.name(typed["country"]))),
        "zone": zone and _printed(zone),
    }


def _printed(zone: Mrz) -> Any:
    """What the lines say that nobody typed."""
    return rows_of(
        ("Kind", zone.layout), ("Issued by", zone.issuer), ("Nationality", zone.nationality), ("Sex", zone.sex)
    )


def _zone(text: str, today: date) -> Mrz | None:
    try:
        return parse_mrz(text, today=today)
    except MrzError:
        return None


def _compared(typed: dict[str, str], zone: Mrz, findings: Sequence[str]) -> list[Compared]:
    code = FindingCode
    return [
        _row("Name", typed["full_name"], f"{zone.surname}, {zone.given_names}".strip(", "), findings,
             (code.NAME_DIFFERS, code.NAME_NOT_COMPARABLE)),
        _row("Date of birth", _day(typed["date_of_birth"]), _day(zone.birth_date), findings,
             (code.BIRTH_DATE_DIFFERS, code.BIRTH_DATE_UNREADABLE, code.CHECK_BIRTH_DATE)),
        _row("Document number", typed["document_number"], zone.number, findings,
             (code.NUMBER_DIFFERS, code.CHECK_NUMBER)),
        _row("Expires on", _day(typed["expires_on"]), _day(zone.expires_on), findings,
             (code.EXPIRY_DATE_DIFFERS, code.EXPIRED, code.EXPIRY_DATE_UNREADABLE, code.CHECK_EXPIRY_DATE)),
    ]  # fmt: skip


def _row(key: str, typed: str, printed: str, findings: Sequence[str], codes: Sequence[FindingCode]) -> Compared:
    found = next((_VERDICTS[code] for code in codes if code in findings), _AGREE)
    return Compared(key, typed, printed or "Unreadable", *found)


def _day(day: date | str | None) -> str:
    given = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{given:%-d %B %Y}" if given else ""


def _outcome(case: KycCase) -> Any:
    """How the last review ended; None before one."""
    if case.decided_at is None:
        return None
    reason = kyc_reasons().get(case.reason_code)
    return rows_of(
        ("Reviewed by", str(case.decided_by)), ("On", f"{case.decided_at:%-d %B %Y, %H:%M} UTC"),
        *([("Reason", reason.label), ("Our words", case.message)] if reason else []),
    )  # fmt: skip
