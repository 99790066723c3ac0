"""``seed_demo``: people of every role, and one policyholder whose case shows every stage."""

import io
from datetime import date, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from claims import checkout, files, rating
from claims.actions import adjusting, claim, kyc, policy
from claims.catalogue import product
from claims.fnol import Fnol, Item
from claims.gateway import TestGateway
from claims.models import Claim, ClaimDecision, KycCase, Policy, Role, User
from claims.mrz import make_td3

PEOPLE = (
    ("alice", "Alice Adams", "", "Policyholder with a policy and claims"),
    ("bob", "Bob Brown", "", "Policyholder who has just signed up"),
    ("carol", "Carol Clark", Role.KYC_OFFICER, "reviews identities"),
    ("dora", "Dora Diaz", Role.ADJUSTER, "decides claims up to 1,000"),
    ("erin", "Erin Evans", Role.SUPERVISOR, "approves what is above an adjuster's limit"),
    ("grace", "Grace Green", Role.FINANCE, "records payments"),
    ("frank", "Frank Fox", Role.COMPLIANCE, "reads everything, downloads proofs"),
    ("uma", "Uma Underhill", Role.UNDERWRITER, "takes over policies"),
)


class Command(BaseCommand):
    """Idempotent: who is there already stays as they are."""

    help = "Make the demonstration's people (one of each role) and one example case. Refused in production."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, then say who can sign in."""
        if settings.PRODUCTION:
            raise CommandError("seed_demo makes accounts with a shared password: it never runs in production.")
        people = {name: _person(name, full_name, role) for name, full_name, role, _ in PEOPLE}
        _administrator()
        if not KycCase.objects.filter(party__user=people["alice"]).exists():
            _example_case(people)
        if options["verbosity"]:
            self.stdout.write(sign_in_table())


def sign_in_table() -> str:
    """Who can sign in as what, and the password they share, for a terminal."""
    lines = [
        f"  {name + '@example.com':24}{Role(role).label if role else 'Policyholder':20}{what}"
        for name, _, role, what in PEOPLE
    ]
    lines.append(f"  {'admin@example.com':24}{'Administrator':20}manages staff accounts")
    return "\n".join(["  Sign in as (staff at /staff/, password for all: " + demo_password() + ")", *lines, ""])


def demo_password() -> str:
    """The password of all demonstration accounts, made once for this installation."""
    return str(settings.DEMO_PASSWORD)


@transaction.atomic
def _person(name: str, full_name: str, role: str) -> User:
    email = f"{name}@example.com"
    user = User.objects.filter(email=email).order_by("pk").first()
    if user is None:
        user = User.objects.create_user(email, demo_password(), name=full_name, role=role)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


@transaction.atomic
def _administrator() -> None:
    if not User.objects.filter(email="admin@example.com").exists():
        user = User.objects.create_superuser("admin@example.com", demo_password(), name="Ada Admin")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _example_case(people: dict[str, User]) -> None:
    """Alice is verified, buys travel cover, and has one claim paid and one waiting."""
    alice = people["alice"]
    kyc.verify_identity(by=people["carol"], case=_identity(alice))
    cover = _bought(alice)
    paid = _claim(alice, cover, "Camera taken on the train", 24_900, key="example-1")
    adjusting.take_claim(by=people["dora"], claim=paid)
    verdict = adjusting.Verdict(
        ClaimDecision.Outcome.ACCEPTED, 24_900, "Theft from the person is covered, and the receipt agrees."
    )
    adjusting.decide_claim(by=people["dora"], claim=paid, verdict=verdict)
    adjusting.pay_claim(by=people["grace"], claim=paid, reference="EXAMPLE-0001")
    _claim(alice, cover, "Suitcase did not arrive", 62_000, key="example-2")


def _identity(user: User) -> KycCase:
    born, expires_on = date(1981, 5, 17), date(timezone.now().year + 4, 3, 1)
    mrz = make_td3(
        issuer="UTO", surname="Adams", given_names="Alice", number="L898902C3", nationality="UTO", birth_date=born,
        sex="F", expires_on=expires_on,
    )  # fmt: skip
    identity = kyc.Identity(
        full_name="Alice Adams", date_of_birth=born, address="1 Long Lane\nDublin", country="IE",
        document_number="L898902C3", expires_on=expires_on, mrz=mrz,
    )  # fmt: skip
    return kyc.submit_identity(
        by=user, identity=identity, scans=[_picture("passport.png", "SPECIMEN PASSPORT\n\n" + mrz)]
    )


def _bought(user: User) -> Policy:
    travel, today = product("travel-1"), timezone.now().date()
    answers = rating.read_answers(
        travel,
        {
            "region": "europe", "departs_on": today, "returns_on": today + timedelta(days=13),
            "birth_date": date(1981, 5, 17), "trip_cost": "1800", "winter_sports": False,
        },
        today=today,
    )  # fmt: skip
    price = rating.rate(travel, answers)
    assert isinstance(price, rating.Price), "the example trip has a price"
    quote = policy.price_quote(by=user, product=travel, answers=answers, price=price)
    return checkout.buy(by=user, quote=quote, card="test-pays", gateway=TestGateway())


def _claim(user: User, cover: Policy, what: str, amount_minor: int, *, key: str) -> Claim:
    fnol = Fnol(
        cause_code="baggage_stolen", loss_at=timezone.now(), loss_precision=Claim.Precision.EXACT, place="Lisbon",
        description=f"{what}. I reported it at once.", items=[Item(what.split(" ")[0], amount_minor)],
        account_name="Alice Adams", account_number="IE29AIBK93115212345678",
    )  # fmt: skip
    receipt = _picture("receipt.png", f"RECEIPT\n\n{what}")
    return claim.submit_claim(by=user, policy=cover, fnol=fnol, idempotency_key=key, uploads=[receipt])


def _picture(name: str, text: str) -> files.Received:
    """A small picture with the text on it, for a scan that nobody needs to photograph."""
    image = Image.new("RGB", (640, 400), "white")
    ImageDraw.Draw(image).text((24, 24), text, fill="black")
    content = io.BytesIO()
    image.save(content, "PNG")
    return files.inspect(name=name, content=content.getvalue())
