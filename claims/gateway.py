"""Taking a premium: a port of one method, and the built-in test gateway behind it."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from claims.money import Money

TEST_CARDS = {
    "test-pays": "A card that pays",
    "test-declines": "A card that is declined",
}


class PaymentDeclined(Exception):  # noqa: N818 - the sentence is for the person who pays
    """The provider will not pay; the text says so to the payer."""


@dataclass(frozen=True)
class Charge:
    """Money taken: the provider and its reference for it."""

    provider: str
    reference: str
    amount: Money


class Gateway(Protocol):
    """A payment provider."""

    def charge(self, *, key: uuid.UUID, amount: Money, card: str) -> Charge:
        """Take ``amount``. Asking again with the same key takes nothing more and answers the same.

        Raises PaymentDeclined; an OSError means the outcome is unknown: ask again.
        """
        ...


class TestGateway:
    """The built-in gateway: takes no real money; which test card is chosen decides how it ends."""

    __test__ = False

    def __init__(self) -> None:
        self._cards: dict[uuid.UUID, str] = {}

    def charge(self, *, key: uuid.UUID, amount: Money, card: str) -> Charge:
        """Pays with ``test-pays``, declines with anything else; a key's first card decides for good.

        The reference follows from the key.
        """
        if self._cards.setdefault(key, card) != "test-pays":
            raise PaymentDeclined("The card was declined. Nothing was taken. Try another card.")
        return Charge("test", f"test-{key}", amount)
