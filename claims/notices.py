"""Sending the e-mails that actions left owing (``models.Notice``), some of them once a claim is anchored.

A try is counted before the mail leaves and the notice is marked after it, so that nothing owed is lost: who crashes
between the two sends that one mail again. What the mail server will not take is tried again, ever more rarely.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from anchoring import log
from claims.models import Claim, Notice
from claims.workflow import subject_of

AT_A_TIME: Final = 100
LOOKED_AT: Final = 200
"""How many held e-mails one tick looks at, the oldest ones: what was recorded first is anchored first."""
MOST_TRIES: Final = 15
FIRST_PAUSE: Final = timedelta(seconds=10)
_LOCK: Final = "claims.send_notices"
_LOCK_SECONDS: Final = 300

_log = logging.getLogger(__name__)


def send_unsent() -> int:
    """Send what is owed and due, oldest first; how many went out. Only one process sends at a time."""
    if not cache.add(_LOCK, True, timeout=_LOCK_SECONDS):
        return 0
    try:
        unsent = Notice.objects.filter(sent_at=None, awaits=None, tries__lt=MOST_TRIES).select_related("user__party")
        due = [notice for notice in unsent.order_by("id")[: 5 * AT_A_TIME] if _is_due(notice)]
        return sum(_send(notice) for notice in due[:AT_A_TIME])
    finally:
        cache.delete(_LOCK)


def release_anchored() -> int:
    """Let go the e-mails whose claim is anchored with all that is recorded of it; how many. Four queries at most.

    Nothing is sent here. Two that look at once let each go once: the second finds it no longer held.
    """
    held = list(Notice.objects.filter(awaits__isnull=False).order_by("id")[:LOOKED_AT])
    subjects = {notice.pk: subject_of(Claim(pk=notice.awaits_id)) for notice in held}
    reached = log.newest_stages(list(subjects.values())) if held else {}
    due = [pk for pk, subject in subjects.items() if subject in reached and reached[subject].settled]
    return Notice.objects.filter(pk__in=due, awaits__isnull=False).update(awaits=None, made_at=timezone.now())


def message_of(notice: Notice) -> EmailMessage:
    """The e-mail in words: what it is about and where to read it, nothing confidential."""
    party = notice.user.party
    context = {
        "name": party.name if party.name != notice.user.email else "",
        "number": notice.number,
        "url": settings.SITE_URL + notice.path,
        "product_name": settings.PRODUCT_NAME,
        "help_email": settings.HELP_EMAIL,
        "demo": settings.DEMO,
    }
    template = f"email/notice/{notice.template}"
    return EmailMessage(
        subject=render_to_string(f"{template}_subject.txt", context).strip(),
        body=render_to_string(f"{template}.txt", context),
        to=[notice.user.email],
    )


def _is_due(notice: Notice) -> bool:
    """At once the first time; then after 20 s, 40 s, … from when it was made, some 45 hours in all."""
    return notice.tries == 0 or timezone.now() >= notice.made_at + FIRST_PAUSE * 2**notice.tries


def _send(notice: Notice) -> bool:
    Notice.objects.filter(pk=notice.pk).update(tries=F("tries") + 1)
    try:
        message_of(notice).send()
    except (SMTPException, OSError) as error:
        level = logging.WARNING if notice.tries + 1 < MOST_TRIES else logging.ERROR
        _log.log(level, "e-mail %s (%s) did not go out, try %d: %s", notice.pk, notice, notice.tries + 1, error)
        return False
    Notice.objects.filter(pk=notice.pk).update(sent_at=timezone.now())
    return True
