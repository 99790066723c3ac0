"""What is well and what is not with the anchors on one chain, a check at a time, each with what a person can do.

It reads and asks; nothing is sent, signed or written. Endpoints are asked one by one, also those that rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from anchoring.chain import ChainError
from anchoring.doctor import account, nodes, record
from anchoring.doctor.check import Check, Setting
from anchoring.endpoints import Endpoints
from anchoring.models import Registration
from anchoring.networks import Network
from anchoring.routes import Route, latest_registration

__all__ = ["Check", "examine"]

NOBODY = "Nobody answers, so nothing is known of contract, coin, fees and the registry's head."


def examine(route: Route, network: Network, *, now: datetime | None = None) -> Iterator[Check]:
    """Every check of the log on that chain; the verdict ``unknown`` stands where nobody answered."""
    now, registration, setting = now or timezone.now(), latest_registration(route), Setting.of(route)
    yield nodes.end_of_life(network, now, setting)
    looks = nodes.looks(route, network, registration, setting, now)
    for look in looks:
        yield from look.checks()
    yield from nodes.compare(looks, network, setting)
    usable = [look.chain for look in looks if look.usable]
    if usable:
        yield from _on_chain(replace(route, chain=Endpoints(usable)), network, registration, setting)
    elif not any(look.answered for look in looks):
        yield Check("chain", "unknown", NOBODY)
    yield from record.from_rows(route, registration, now)


def _on_chain(
    route: Route, network: Network, registration: Registration | None, setting: Setting
) -> Iterator[Check]:  # fmt: skip
    """What the chain has to say, by the endpoints that lead to it."""
    yield from _asked("registration", lambda: record.contract(route, network, registration, setting))
    heads = [] if registration is None else [*_asked("head", lambda: record.head(route, registration, setting))]
    yield from heads
    yield from _asked("key", lambda: account.key(route, setting))
    yield from _asked("fee", lambda: account.fee(route, setting))
    yield from _asked("balance", lambda: account.balance(route, network, registration))
    if registration is not None:
        explained = any(check.advice == record.COMPARE for check in heads)
        yield from _asked("nonce", lambda: account.nonce(route, registration, setting, explained=explained))
        yield from _asked("next key", lambda: account.next_key(route, network, registration))


def _asked(name: str, ask: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from ask()
    except ChainError as problem:
        yield Check(name, "unknown", f"It could not be asked: {problem}")
