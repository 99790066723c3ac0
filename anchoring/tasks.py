"""The schedule's tasks: each makes one call; how often they run stands in settings."""

from celery import shared_task
from django.conf import settings

from anchoring import config, fsck, pipeline, recovery


@shared_task(name="anchoring.sequence")
def sequence() -> str:
    """Seal what was recorded."""
    return pipeline.tick("sequence", pipeline.sequence)


@shared_task(name="anchoring.send")
def send() -> str:
    """Put the newest due checkpoint on chain."""
    return pipeline.tick("send", lambda: pipeline.send(chain=config.chain(), key=config.chain_key()))


@shared_task(name="anchoring.confirm")
def confirm() -> str:
    """Look whether anchors under way are final."""
    return pipeline.tick("confirm", lambda: pipeline.confirm(chain=config.chain()))


@shared_task(name="anchoring.restore_check")
def restore_check() -> str:
    """Ask the chain whether this database is the newest one; the answer is kept for the sequencer's gate."""
    return recovery.look(chain=config.chain()).reason


@shared_task(name="anchoring.fsck", time_limit=settings.FSCK_TIME_LIMIT_SECONDS)
def scan() -> int:
    """Compare everything with everything; how many differences were found. Takes minutes for a million entries."""
    return fsck.scan().found
