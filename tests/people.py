"""The cast, and the ways a case goes: every step through the real actions.

alice holds a policy · bob is a stranger · carol reviews identities · dora adjusts · erin supervises · grace pays ·
frank is compliance · uma underwrites.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from claims import files, rating
from claims.actions import adjusting, billing, claim, kyc, policy
from claims.catalogue import product
from claims.fnol import Fnol, Item
from claims.gateway import TestGateway
from claims.models import Claim, KycCase, Policy, Quote, Role, User, next_serial
from claims.money import Money
from claims.mrz import make_td3
from claims.numbers import format_number

PASSWORD = "correct horse battery"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
BORN = date(1981, 5, 17)


def person(name: str, role: str = "") -> User:
    """Someone who can sign in as name@example.com with PASSWORD."""
    user = User.objects.create_user(f"{name.lower()}@example.com", PASSWORD, name=name, role=role)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


def _fixture(name: str, role: str = ""):
    @pytest.fixture(name=name.lower())
    def someone(db) -> User:
        return person(name, role)

    return someone


alice = _fixture("Alice")
bob = _fixture("Bob")
carol = _fixture("Carol", Role.KYC_OFFICER)
dora = _fixture("Dora", Role.ADJUSTER)
erin = _fixture("Erin", Role.SUPERVISOR)
grace = _fixture("Grace", Role.FINANCE)
frank = _fixture("Frank", Role.COMPLIANCE)
uma = _fixture("Uma", Role.UNDERWRITER)


def a_file(name: str = "receipt.png", content: bytes = PNG) -> files.Received:
    """A small file as received; another content for another hash."""
    return files.inspect(name=name, content=content)


def identity_of(name: str = "Alice Adams", **changes) -> kyc.Identity:
    """An identity whose passport agrees with it."""
    given, _, family = name.partition(" ")
    expires_on = date(timezone.now().year + 4, 3, 1)
    mrz = make_td3(
        surname=family, given_names=given, number="L898902C3", birth_date=BORN, expires_on=expires_on,
        nationality="UTO", issuer="UTO", sex="F",
    )  # fmt: skip
    given_facts = {
        "full_name": name, "date_of_birth": BORN, "address": "1 Long Lane, Utopia", "country": "IE",
        "document_number": "L898902C3", "expires_on": expires_on, "mrz": str(mrz),
    }  # fmt: skip
    return kyc.Identity(**(given_facts | changes))


def submit_identity(user: User) -> KycCase:
    return kyc.submit_identity(by=user, identity=identity_of(f"{user.name} Adams"), scans=[a_file("passport.png")])


def verify(user: User, *, officer: User) -> KycCase:
    """The user's identity, given and approved."""
    return kyc.verify_identity(by=officer, case=submit_identity(user))


def quote_for(user: User, *, days: int = 14, departs_in: int = 0) -> Quote:
    """A price for a trip that begins today, or in some days."""
    travel, today = product("travel-1"), timezone.now().date()
    departs_on = today + timedelta(days=departs_in)
    answers = rating.read_answers(
        travel,
        {
            "region": "europe", "departs_on": departs_on, "returns_on": departs_on + timedelta(days=days - 1),
            "birth_date": BORN, "trip_cost": "1800", "winter_sports": False,
        },
        today=today,
    )  # fmt: skip
    price = rating.rate(travel, answers)
    assert isinstance(price, rating.Price)
    return policy.price_quote(by=user, product=travel, answers=answers, price=price)


def buy(user: User, quote: Quote) -> Policy:
    """The quote paid and the policy issued."""
    payment = billing.initiate_payment(by=user, quote=quote)
    amount = Money(quote.total_minor, quote.currency)
    charge = TestGateway().charge(key=payment.id, amount=amount, card="test-pays")
    number = format_number(series="POL", year=timezone.now().year, serial=next_serial())
    paper = files.Received("policy.pdf", files.PDF, b"%PDF-1.7 test", "0" * 64)
    return policy.issue_policy(
        by=user, payment=payment, charge=charge, number=number, document=paper, trust_fingerprint="f" * 64
    )


def insured(user: User, *, officer: User) -> Policy:
    """A policy that covers the user now."""
    verify(user, officer=officer)
    return buy(user, quote_for(user))


def loss(*amounts: int, **changes) -> Fnol:
    """A theft just now; amounts in minor units."""
    items = [Item(f"Thing {n}", amount) for n, amount in enumerate(amounts or (25_000,), start=1)]
    told = {
        "cause_code": "baggage_stolen", "loss_at": timezone.now(), "loss_precision": Claim.Precision.EXACT,
        "place": "Lisbon", "description": "My bag was taken from the train.", "items": items,
        "account_name": "Alice Adams", "account_number": "IE29AIBK93115212345678",
    }  # fmt: skip
    return Fnol(**(told | changes))


def file_claim(user: User, cover: Policy, *amounts: int, key: str = "key-1") -> Claim:
    """A claim under the policy with one file."""
    return claim.submit_claim(by=user, policy=cover, fnol=loss(*amounts), idempotency_key=key, uploads=[a_file()])


def accept_in_full(case: Claim, *, by: User) -> Claim:
    """The claim taken and accepted by an adjuster."""
    adjusting.take_claim(by=by, claim=case)
    verdict = adjusting.Verdict("accepted", case.claimed_minor, "Covered, and the receipts agree.")
    return adjusting.decide_claim(by=by, claim=case, verdict=verdict)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
