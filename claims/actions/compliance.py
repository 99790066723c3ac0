"""Looking is recorded too: which member of staff opened a case, and who took a proof of it out of the house."""

import uuid

from django.db import transaction
from django.utils import timezone

from anchoring import vault
from anchoring.log import Entry, Subject, Value, record
from claims.models import User
from claims.workflow import Thing, number_of


def access_subject(thing: Thing) -> Subject:
    """Where the log keeps who looked at the thing: apart from the thing's own history."""
    return Subject("access", str(thing.pk))


@transaction.atomic(durable=True)
def record_access(*, by: User, thing: Thing, purpose: str) -> Entry:
    """A member of staff opened the case to do what ``purpose`` says. Records ``record.opened``."""
    return _record("record.opened", by=by, thing=thing, facts={"purpose": purpose})


@transaction.atomic(durable=True)
def record_export(*, by: User, thing: Thing, event: uuid.UUID | None = None) -> Entry:
    """A member of staff downloaded the proof of the whole case or of one event. Records ``proof.exported``."""
    return _record("proof.exported", by=by, thing=thing, facts={"event": str(event) if event else "all"})


def _record(kind: str, *, by: User, thing: Thing, facts: dict[str, Value]) -> Entry:
    """The row's lock orders the entries of one case, as everywhere."""
    type(thing)._default_manager.select_for_update(of=("self",)).get(pk=thing.pk)
    about = {"number": number_of(thing), "by.role": by.role or "policyholder"} | facts
    return record(
        kind=kind, subject=access_subject(thing), at=timezone.now(),
        facts={vault.HOUSE: about, by.owner: {"by": str(by.person)}},
    )  # fmt: skip
