"""The Celery application: tasks live in ``*/tasks.py``; the schedule lives in settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def look_for_a_restored_database(**kwargs: Any) -> None:
    """Before anything is sealed for long: the worker's first task asks the chain (protocol.md: the restore gate)."""
    app.send_task("anchoring.restore_check")
