"""Content that only lies encrypted in the database, under its owner's key."""

import json
from typing import Any

from django.db import models

from anchoring import vault


class Sealed(models.Model):
    """A row with an encrypted object. ``owner`` is whose key it lies under."""

    sealed = models.BinaryField(editable=False)

    class Meta:
        abstract = True

    @property
    def owner(self) -> str:
        """The owner's name in the vault; each model says."""
        raise NotImplementedError

    def seal(self, content: dict[str, Any]) -> None:
        """Put the object (strings, integers, lists, objects) into ``sealed``; the caller saves the row."""
        self.sealed = vault.seal(self.owner, json.dumps(content).encode(), context=self._context())

    def unseal(self) -> dict[str, Any]:
        """The object. Raises vault.KeyDestroyed after erasure, vault.Unreadable when it was changed or moved."""
        content: dict[str, Any] = json.loads(vault.unseal(self.owner, bytes(self.sealed), context=self._context()))
        return content

    def _context(self) -> bytes:
        return f"{self._meta.db_table}\x00{self.pk}".encode()
