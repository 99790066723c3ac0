"""The schedule's tasks of the business: each makes one call; how often they run stands in settings."""

from celery import shared_task

from claims import notices


@shared_task(name="claims.release_notices")
def release_notices() -> int:
    """Let go the e-mails that waited for an anchor."""
    return notices.release_anchored()


@shared_task(name="claims.send_notices")
def send_notices() -> int:
    """Send the e-mails that are owed."""
    return notices.send_unsent()
