"""The schedule's tasks: each makes one call; how often they run stands in settings."""

from functools import partial

from celery import shared_task

from anchoring import anchors, pipeline, routes


@shared_task(name="anchoring.sequence")
def sequence() -> str:
    """Seal what was recorded."""
    return pipeline.tick("sequence", pipeline.sequence)


@shared_task(name="anchoring.anchor")
def anchor() -> None:
    """Do the next thing for the anchors on each chain."""
    for route in routes.registered():
        pipeline.tick(route.step, partial(anchors.tick, route), health=route.chain.health)
