"""Identity: the policyholder gives it, a KYC officer reviews it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from anchoring import vault
from claims import files
from claims.models import Document, KycCase, Party, User, next_serial
from claims.models.care import notify
from claims.mrz import compare, parse_mrz
from claims.numbers import format_number
from claims.workflow import advance, durable_action


@dataclass(frozen=True)
class Identity:
    """What a person tells us of themselves; ``mrz`` is the machine-readable zone as typed, its lines kept."""

    full_name: str
    date_of_birth: date
    address: str
    country: str
    document_number: str
    expires_on: date
    mrz: str

    def as_facts(self) -> dict[str, str]:
        """Field names and values as the log and the sealed row hold them."""
        return {
            "full_name": self.full_name, "date_of_birth": self.date_of_birth.isoformat(), "address": self.address,
            "country": self.country, "document_number": self.document_number,
            "expires_on": self.expires_on.isoformat(), "mrz": self.mrz,
        }  # fmt: skip


@durable_action
def submit_identity(*, by: User, identity: Identity, scans: Sequence[files.Received]) -> KycCase:
    """Give an identity for review, or give it again when something more was asked for.

    Whatever does not fit together is a finding for the officer, never a refusal. Records ``kyc.submitted``.
    """
    party = Party.objects.select_for_update().get(pk=Party.objects.of(by).pk)
    at = timezone.now()
    case = KycCase.objects.newest_of(party)
    if case is None or case.status == KycCase.Status.REJECTED:
        case = KycCase(number=format_number(series="KYC", year=at.year, serial=next_serial()), party=party)
    case.seal(identity.as_facts())
    Party.objects.filter(pk=party.pk).update(name=identity.full_name)
    findings = _findings(identity, today=at.date())
    advance(
        case, "submit", by=by, at=at,
        facts={party.owner: identity.as_facts() | {"findings": " ".join(findings)} | files.facts_of(scans)},
        changes={"findings": findings, "submitted_at": at, "sealed": case.sealed},
        new_rows=[
            files.kept(scan, party=party, kind=Document.Kind.IDENTITY, received_at=at, kyc_case=case) for scan in scans
        ],
    )  # fmt: skip
    notify(party, template="kyc_received", number=case.number, path="/identity/", at=at)
    return case


@durable_action
def verify_identity(*, by: User, case: KycCase) -> KycCase:
    """Approve. Records ``kyc.verified``."""
    return _review(case, "verify", by=by)


@durable_action
def ask_for_information(*, by: User, case: KycCase, reason_code: str, message: str) -> KycCase:
    """Ask for something more, with a reason from the list. Records ``kyc.information_requested``."""
    return _review(case, "ask", by=by, reason_code=reason_code, message=message)


@durable_action
def reject_identity(*, by: User, case: KycCase, reason_code: str, message: str) -> KycCase:
    """Reject for good; the person may start anew. Records ``kyc.rejected``."""
    return _review(case, "reject", by=by, reason_code=reason_code, message=message)


def _review(case: KycCase, step: str, *, by: User, reason_code: str = "", message: str = "") -> KycCase:
    case = KycCase.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=case.pk)
    at = timezone.now()
    advance(
        case, step, by=by, at=at,
        facts={vault.HOUSE: {"reason_code": reason_code}, case.owner: {"message": message}},
        changes={"decided_at": at, "decided_by": by, "reason_code": reason_code, "message": message},
    )  # fmt: skip
    notify(case.party, template=f"kyc_{step}", number=case.number, path="/identity/", at=at)
    return case


def _findings(identity: Identity, *, today: date) -> list[str]:
    """The codes of everything that does not fit together, sorted."""
    mrz = parse_mrz(identity.mrz, today=today)
    found = compare(
        mrz, name=identity.full_name, birth_date=identity.date_of_birth, number=identity.document_number,
        expires_on=identity.expires_on,
    )  # fmt: skip
    return sorted({str(finding.code) for finding in found})
