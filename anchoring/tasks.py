"""The schedule's tasks: each makes one call; how often they run stands in settings."""

from functools import partial

from celery import shared_task
from django.conf import settings

from anchoring import anchors, config, fsck, recovery, routes, schedule
from anchoring.seal import sequencer


@shared_task(name="anchoring.sequence")
def sequence() -> str:
    """Seal what was recorded."""
    return schedule.tick("sequence", sequencer.sequence)


@shared_task(name="anchoring.anchor")
def anchor() -> None:
    """Do the next thing for the anchors on each chain."""
    for route in routes.registered():
        schedule.tick(route.step, partial(anchors.tick, route), health=route.chain.health)


@shared_task(name="anchoring.restore_check")
def restore_check() -> str:
    """Ask the chain whether this database is the newest one; the answer is kept for the sequencer's gate."""
    return recovery.look(chain=config.chain()).reason


@shared_task(name="anchoring.fsck", time_limit=settings.FSCK_TIME_LIMIT_SECONDS)
def scan() -> int:
    """Compare everything with everything; how many differences were found. Takes minutes for a million entries."""
    return fsck.scan().found
