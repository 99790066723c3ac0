"""The schedule's tasks: each makes one step, says how it went, and never fails for the chain's sake."""

import pytest
from django.conf import settings as configured

from anchoring import config, tasks
from anchoring.models import Confirmation, Leaf, Tick
from portal.celery import app
from tests.anchoring.log_world import a_chain, note, register

pytestmark = pytest.mark.django_db


def went() -> dict[str, tuple[bool, str]]:
    """Each step: whether it ever went well, and its trouble."""
    return {tick.step: (tick.went_well_at is not None, tick.problem) for tick in Tick.objects.all()}


def test_the_two_tasks_take_a_record_up_the_ladder(settings, local_chain) -> None:
    settings.CHAIN_RPC_URL = local_chain.url
    register(config.chain())
    note()
    for step in (tasks.sequence, tasks.anchor, tasks.anchor):
        step.delay().get()
    assert (Leaf.objects.count(), Confirmation.objects.get().anchor.checkpoint_id) == (3, 3)
    assert went() == {"sequence": (True, ""), "anchor": (True, "")}
    assert Tick.objects.get(step="anchor").said == "Confirmed: the chain holds the log up to size 3."


def test_a_silent_chain_is_noted_and_nothing_fails() -> None:
    register(a_chain())
    note()
    silent = "http://127.0.0.1:9 cannot be reached: the connection failed."
    for step in (tasks.sequence, tasks.anchor):
        step.delay().get()
    assert went() == {"sequence": (True, ""), "anchor": (False, silent)}


def test_everything_on_the_schedule_is_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in configured.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled >= {"anchoring.sequence", "anchoring.anchor"}
    assert scheduled - set(app.tasks) == set()


def test_a_run_that_waited_too_long_for_a_worker_is_dropped_and_not_piled_up() -> None:
    for entry in configured.CELERY_BEAT_SCHEDULE.values():
        if entry["task"] == "anchoring.fsck":
            assert entry["options"]["expires"] == configured.FSCK_TIME_LIMIT_SECONDS < 86_400  # it runs every night
            continue
        assert entry["options"]["expires"] >= entry["schedule"]
