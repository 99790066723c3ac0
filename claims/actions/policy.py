"""Quotes and policies."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.utils import timezone

from anchoring import vault
from anchoring.log import Value
from claims import files, rating
from claims.catalogue import Product
from claims.gateway import Charge
from claims.models import Document, Party, Policy, PolicyTransaction, PremiumPayment, Quote, User, next_serial
from claims.models.care import notify
from claims.numbers import format_number
from claims.workflow import advance, durable_action


@dataclass(frozen=True)
class Term:
    """When cover begins and ends (the end is not covered any more)."""

    starts_at: datetime
    ends_at: datetime


@durable_action
def price_quote(*, by: User, product: Product, answers: rating.TravelAnswers, price: rating.Price) -> Quote:
    """Offer a price, locked for as long as the product says or until cover would end. Records ``quote.priced``."""
    party = Party.objects.of(by)
    at = timezone.now()
    term = trip_term(answers)
    quote = Quote(
        number=format_number(series="QUO", year=at.year, serial=next_serial()), party=party,
        product_code=product.code, product_version=product.version, product_sha256=product.sha256,
        starts_at=term.starts_at, ends_at=term.ends_at, breakdown=price.breakdown(), net_minor=price.net.minor,
        tax_minor=price.tax.minor, total_minor=price.total.minor, currency=price.total.currency, quoted_at=at,
        valid_until=min(at + timedelta(days=product.quote_valid_days), term.ends_at),
    )  # fmt: skip
    quote.seal(answers.as_texts())
    told: dict[str, Value] = {f"answer.{key}": text for key, text in answers.as_texts().items()}
    facts: dict[str, dict[str, Value]] = {
        party.owner: told | {"total_minor": quote.total_minor, "currency": quote.currency},
        vault.HOUSE: {"product": product.code, "product_version": product.version, "product_sha256": product.sha256},
    }
    advance(quote, "price", by=by, at=at, facts=facts)
    return quote


@durable_action
def issue_policy(
    *, by: User, payment: PremiumPayment, charge: Charge, number: str, document: files.Received, trust_fingerprint: str
) -> Policy:
    """The premium is taken: accept the quote and issue the policy with its document; asked again, gives that policy.

    Records ``premium.captured``, ``quote.accepted`` and ``policy.issued``. The e-mail follows.
    """
    quote = Quote.objects.select_for_update(of=("self",)).select_related("party__user").get(pk=payment.quote_id)
    issued = Policy.objects.filter(quote=quote, party__user=by).order_by("pk").first()
    if issued is not None:
        return issued
    payment = PremiumPayment.objects.select_for_update().get(pk=payment.pk)
    at = timezone.now()
    assert (charge.amount.minor, charge.amount.currency) == (quote.total_minor, quote.currency), (
        "charged another amount"
    )
    advance(payment, "capture", by=by, at=at, changes={"provider": charge.provider, "provider_ref": charge.reference})
    advance(quote, "accept", by=by, at=at, facts={quote.owner: {"total_minor": quote.total_minor}})
    policy = Policy(
        number=number, party=quote.party, quote=quote, product_code=quote.product_code,
        product_version=quote.product_version, product_sha256=quote.product_sha256,
        starts_at=max(quote.starts_at, at), ends_at=quote.ends_at, currency=quote.currency,
        premium_minor=quote.total_minor,
        trust_fingerprint=trust_fingerprint,
    )  # fmt: skip
    paper = files.kept(document, party=quote.party, kind=Document.Kind.POLICY, received_at=at, policy=policy)
    advance(
        policy, "issue", by=by, at=at, facts=_policy_facts(policy, document),
        new_rows=[_transaction(policy, PolicyTransaction.Kind.ISSUE, at), paper],
    )  # fmt: skip
    notify(policy.party, template="policy_issued", number=policy.number, path=f"/policies/{policy.number}/", at=at)
    return policy


@durable_action
def take_over_policy(
    *, by: User, holder_name: str, product: Product, term: Term, external_ref: str, trust_fingerprint: str
) -> Policy:
    """Take over a policy that another insurer wrote, with its holder, who has no account here.

    ``external_ref`` names it in the other book; asked again with the same one, gives the policy taken over before.
    Records ``policy.taken_over``.
    """
    known = Policy.objects.filter(external_ref=external_ref).order_by("pk").first()
    if known is not None:
        return known
    at = timezone.now()
    party = Party.objects.create(id=uuid.uuid4(), name=holder_name)
    policy = Policy(
        number=format_number(series="POL", year=at.year, serial=next_serial()), party=party,
        product_code=product.code, product_version=product.version, product_sha256=product.sha256,
        starts_at=term.starts_at, ends_at=term.ends_at, currency=product.currency, premium_minor=0,
        trust_fingerprint=trust_fingerprint, external_ref=external_ref,
    )  # fmt: skip
    facts = _policy_facts(policy, None)
    facts[party.owner]["holder"] = holder_name
    advance(
        policy, "take_over", by=by, at=at, facts=facts,
        new_rows=[_transaction(policy, PolicyTransaction.Kind.TAKE_OVER, at)],
    )  # fmt: skip
    return policy


def trip_term(answers: rating.TravelAnswers) -> Term:
    """From the start of the day of departure to the end of the day of return, in UTC."""
    begins = datetime.combine(answers.departs_on, time.min, tzinfo=UTC)
    return Term(begins, datetime.combine(answers.returns_on + timedelta(days=1), time.min, tzinfo=UTC))


def _transaction(policy: Policy, kind: str, at: datetime) -> PolicyTransaction:
    return PolicyTransaction(policy=policy, seq=1, kind=kind, effective_at=policy.starts_at, issued_at=at)


def _policy_facts(policy: Policy, document: files.Received | None) -> dict[str, dict[str, Value]]:
    house: dict[str, Value] = {
        "product": policy.product_code, "product_version": policy.product_version,
        "product_sha256": policy.product_sha256, "trust_fingerprint": policy.trust_fingerprint,
    }  # fmt: skip
    theirs: dict[str, Value] = {
        "premium_minor": policy.premium_minor, "currency": policy.currency,
        "starts_at": policy.starts_at.isoformat(), "ends_at": policy.ends_at.isoformat(),
    }  # fmt: skip
    if document is not None:
        theirs["document.sha256"] = document.sha256
    return {vault.HOUSE: house, policy.party.owner: theirs}
