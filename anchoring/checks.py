"""What ``manage.py check --database default`` says of the log."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from anchoring import guards


@register(Tags.database)
def guards_are_as_declared(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The database's guards against the declaration; asked only when the main database may be read."""
    if databases is None or "default" not in databases:
        return []
    return [Warning(sentence, id="anchoring.W001") for sentence in guards.differences()]
