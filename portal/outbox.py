"""E-mail for development and the demonstration: each message is a file, and a page shows them."""

import email.policy
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

SHOWN = 50


@dataclass(frozen=True)
class Kept:
    """A message that was kept: its headers as people read them, and its text."""

    subject: str
    to: str
    date: str
    text: str


class EmailBackend(BaseEmailBackend):
    """Writes each message to ``OUTBOX_DIR/<time>-<random>.eml`` instead of sending it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the messages; the names sort by time."""
        folder = Path(settings.OUTBOX_DIR)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}.eml"
            (folder / name).write_bytes(message.message().as_bytes())
        return len(email_messages)


def newest_messages() -> list[Kept]:
    """The last messages kept, newest first."""
    paths = sorted(Path(settings.OUTBOX_DIR).glob("*.eml"), reverse=True)[:SHOWN]
    return [_read(path) for path in paths]


def _read(path: Path) -> Kept:
    message = BytesParser(policy=email.policy.default).parsebytes(path.read_bytes())
    body = message.get_body(preferencelist=("plain",))
    return Kept(message["subject"], message["to"], message["date"], body.get_content() if body else "")
