"""The chain's nodes: whether each answers, is of the right chain and keeps up, and whether they agree."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from anchoring import networks
from anchoring.chain import Block, ChainError, ChainIdentity, ChainUnavailable
from anchoring.doctor.check import Check, Setting
from anchoring.endpoints import Named
from anchoring.models import Registration
from anchoring.networks import Network
from anchoring.routes import Route, elsewhere, hexed

SLOW = 2.0
"""An answer that takes longer, in seconds, is slow."""

OLD = timedelta(minutes=2)
"""A newest block that is older is old, on a chain with a block every few seconds."""

FINALITY_LATE = timedelta(hours=1)
"""A last final block that is so much older than the newest one is late."""

SOON = 90
"""So many days before a chain's end it is time to change over."""


def end_of_life(network: Network, now: datetime, setting: Setting) -> Check:
    """The preset, and what is announced of its end."""
    what = f"{network.title[:1].upper()}{network.title[1:]}, chain {network.chain_id}."
    left = network.days_left(now.date())
    if left is None:
        return Check("network", "ok", what)
    said = f"{what} {network.end_sentence(now.date())}"
    if left > SOON:
        return Check("network", "ok", said)
    if left < 0:
        return Check("network", "warning", f"{said} Have another chain ready.")
    if setting.chain == "NEXT_CHAIN":
        return Check("network", "warning", said)
    return Check("network", "warning", said, "Change over to another chain, as docs/operations/chain.md says.")


class Look:
    """A look at one node. ``usable``: it is one of the chain that we mean; ``answered``: it is there at all."""

    def __init__(
        self, place: int, chain: Named, *, network: Network, registration: Registration | None, setting: Setting,
        now: datetime, depth: int | None,
    ) -> None:  # fmt: skip
        self.label = f"endpoint {place + 1}"
        self.chain = chain
        self.usable = self.answered = False
        self.newest: Block | None = None
        self.final: Block | None = None
        self._url, self._chain_setting = setting.urls[min(place, 1)], setting.chain
        self._network, self._registration, self._now, self._depth = network, registration, now, depth

    def checks(self) -> Iterator[Check]:
        """Ask it who it is and how far it has come."""
        started = time.monotonic()
        try:
            identity = self.chain.identity()
        except ChainError as problem:
            yield self._silent(problem)
            return
        self.answered = True
        yield self._speed(time.monotonic() - started)
        identified = self._identity(identity)
        yield identified
        if identified.verdict == "ok":
            yield from self._blocks()

    def _silent(self, problem: ChainError) -> Check:
        if not isinstance(problem, ChainUnavailable):
            return Check(
                self.label, "fault", str(problem), f"See that {self._url} is the address of a JSON-RPC endpoint."
            )
        return Check(
            self.label, "fault", str(problem),
            f"Nothing is lost: what is recorded waits. See that {self._url} is right and the node or provider is up.",
        )  # fmt: skip

    def _speed(self, seconds: float) -> Check:
        said = f"{self.chain.name} answers, in {round(1000 * seconds):,} ms."
        if seconds <= SLOW:
            return Check(self.label, "ok", said)
        return Check(self.label, "warning", said, f"If that lasts, put a quicker endpoint into {self._url}.")

    def _identity(self, found: ChainIdentity) -> Check:
        name, network, row = f"{self.label}: chain", self._network, self._registration
        right = f"Correct {self._url}, or {self._chain_setting}."
        leads = f"{self.chain.name} leads to chain {found.chain_id}"
        ended = networks.shipped().dead_sentence(found.chain_id)
        if ended:
            return Check(name, "fault", f"{leads}. {ended}", right)
        if not network.has_chain_id(found.chain_id):
            known = networks.shipped().title(found.chain_id)
            what = "" if known == f"chain {found.chain_id}" else f", {known}"
            expected = f"{self._chain_setting} says {network.name}, which is chain {network.chain_id}"
            return Check(name, "fault", f"{leads}{what}; {expected}.", right)
        if network.genesis is not None and found.genesis != network.genesis:
            return Check(
                name, "fault",
                f"{leads} by number, but its first block is {hexed(found.genesis)}, not that of {network.title}:"
                " it is another chain.", right,
            )  # fmt: skip
        if row is not None and (other := elsewhere(self.chain.name, found, row)):
            return Check(
                name, "fault", f"{other}.",
                f"Correct {self._url}. If the old chain is gone for good, run: manage.py deploy_registry",
            )  # fmt: skip
        return Check(name, "ok", f"Chain {found.chain_id}, with the first block that it should have.")

    def _blocks(self) -> Iterator[Check]:
        try:
            self.newest = self.chain.block("latest")
            if self._depth is None:
                self.final = self.chain.block("finalized")
            elif self.newest is not None:
                self.final = self.chain.block(max(0, self.newest.number - self._depth))
        except ChainError as problem:
            yield self._silent(problem)
            return
        self.usable = True
        yield self._age()
        yield self._finality()

    def _age(self) -> Check:
        name, newest = f"{self.label}: newest block", self.newest
        if newest is None:
            return Check(name, "fault", f"{self.chain.name} shows no newest block.", self._replace)
        age = timedelta(seconds=self._now.timestamp() - newest.timestamp)
        said = f"Block {newest.number}, {_ago(age)}."
        if self._network.local:
            return Check(name, "ok", f"{said} A chain of one's own makes blocks when there is something to put in.")
        if age <= max(OLD, timedelta(seconds=10 * self._network.block_seconds)):
            return Check(name, "ok", said)
        return Check(name, "fault", f"{said} The endpoint lags behind, or the chain stands still.", self._replace)

    def _finality(self) -> Check:
        name, newest, final = f"{self.label}: final block", self.newest, self.final
        if final is None or newest is None:
            return Check(name, "fault", f"{self.chain.name} does not say which block is final.", self._replace)
        late = timedelta(seconds=newest.timestamp - final.timestamp)
        said = f"Block {final.number}, {newest.number - final.number} behind the newest ({_span(late)})."
        if self._network.local or late <= FINALITY_LATE:
            return Check(name, "ok", said)
        return Check(
            name, "warning", f"{said} The chain is slow to call blocks final; anchors wait for it.",
            "Nothing is lost. Look for news of the network if that lasts for hours.",
        )  # fmt: skip

    @property
    def _replace(self) -> str:
        return f"Run this again in some minutes; if it stays so, put another endpoint into {self._url}."


def looks(
    route: Route, network: Network, registration: Registration | None, setting: Setting, now: datetime
) -> list[Look]:  # fmt: skip
    """A look at each endpoint of the route, in the settings' order."""
    return [
        Look(
            place, chain, network=network, registration=registration, setting=setting, now=now, depth=route.finality
        )
        for place, chain in enumerate(route.chain.each())
    ]  # fmt: skip


def compare(looks: list[Look], network: Network, setting: Setting) -> Iterator[Check]:
    """Whether two nodes say the same of the last block that both call final, and keep step with each other."""
    if len(looks) == 1:
        if not network.local:
            yield Check(
                "agreement", "warning",
                "There is one endpoint, so what it calls final rests on its word alone. A second one, run by somebody"
                f" else, can be put into {setting.urls[1]}.",
            )  # fmt: skip
        return
    usable = [look for look in looks if look.usable]
    if len(usable) < len(looks):
        yield Check(
            "agreement", "warning",
            "The endpoints cannot be compared, because one of them is of no use. No anchor becomes final until both"
            " are.", "See the endpoint's own line.",
        )  # fmt: skip
        return
    yield from _agreement(usable)
    yield from _step(usable, network, setting)


def _agreement(usable: list[Look]) -> Iterator[Check]:
    finals = [look.final.number for look in usable if look.final]
    if len(finals) < len(usable):
        return
    number = min(finals)
    try:
        shown = {look.chain.name: look.chain.block(number) for look in usable}
    except ChainError as problem:
        yield Check("agreement", "warning", f"The endpoints could not be compared: {problem}", "Run this again.")
        return
    if len({block.hash if block else b"" for block in shown.values()}) == 1:
        yield Check("agreement", "ok", f"The endpoints agree about block {number}, the last that both call final.")
        return
    said = "; ".join(f"{name} shows {hexed(block.hash) if block else 'none'}" for name, block in shown.items())
    yield Check(
        "agreement", "fault", f"The endpoints disagree about block {number}, which both call final: {said}.",
        "No anchor becomes final until they agree. See on an explorer which of them is wrong, and replace it.",
    )  # fmt: skip


def _step(usable: list[Look], network: Network, setting: Setting) -> Iterator[Check]:
    """A node that is far behind the other one; its anchors would count late."""
    places = [(look.newest.number, look.label, look.chain.name) for look in usable if look.newest]
    if len(places) < 2:
        return
    (behind, label, name), (ahead, _, _) = min(places), max(places)
    if (ahead - behind) * network.block_seconds <= OLD.total_seconds():
        return
    place = setting.urls[0] if label == "endpoint 1" else setting.urls[1]
    yield Check(
        f"{label}: keeps up", "fault", f"{name} is {ahead - behind} blocks behind the other endpoint.",
        f"Run this again in some minutes; if it stays so, put another endpoint into {place}.",
    )  # fmt: skip


def _ago(age: timedelta) -> str:
    return "from the future" if age < timedelta(seconds=-60) else f"{_span(max(age, timedelta(0)))} old"


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 120:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"
