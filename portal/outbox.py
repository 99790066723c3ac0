"""E-mail for development and the demonstration: each message is a file, and a page shows them."""

import email.policy
import uuid
from collections.abc import Sequence
from email.message import EmailMessage as ParsedMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

SHOWN = 50


class EmailBackend(BaseEmailBackend):
    """Writes each message to ``OUTBOX_DIR/<time>-<random>.eml`` instead of sending it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the messages; the names sort by time."""
        folder = Path(settings.OUTBOX_DIR)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}.eml"
            (folder / name).write_bytes(message.message().as_bytes(policy=email.policy.SMTP))
        return len(email_messages)


def newest_messages() -> list[ParsedMessage]:
    """The last messages kept, newest first."""
    parser = BytesParser(policy=email.policy.default)
    paths = sorted(Path(settings.OUTBOX_DIR).glob("*.eml"), reverse=True)[:SHOWN]
    return [parser.parsebytes(path.read_bytes()) for path in paths]
