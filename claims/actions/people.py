"""Who works here, and as what: the administrator's two verbs. Both are recorded, because a role is a key."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from anchoring import vault
from anchoring.log import Subject, Value, record
from claims.models import User


class CannotManage(ValueError):  # noqa: N818 - the sentence is for the administrator
    """A change of people that may not be made; the text says why."""


@dataclass(frozen=True)
class Standing:
    """What an account may do: its role ("" for none) and whether it can sign in."""

    role: str
    is_active: bool


@transaction.atomic(durable=True)
def add_staff(*, by: User, email: str, name: str, role: str) -> User:
    """Make an account without a password: its owner chooses one through the reset that every account has.

    Raises CannotManage. Records ``staff.added``.
    """
    _require_administrator(by)
    if User.objects.filter(email__iexact=email).exists():
        raise CannotManage("Somebody has an account under this address already. Change that one instead.")
    user = User.objects.create_user(email, None, name=name, role=role)
    facts: dict[str, Value] = {"role.after": role, "active.after": True}
    _record("staff.added", by=by, user=user, facts=facts)
    return user


@transaction.atomic(durable=True)
def change_standing(*, by: User, user: User, standing: Standing) -> User:
    """Give another role, or stop or allow signing in. Raises CannotManage. Records ``staff.changed``."""
    _require_administrator(by)
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.pk == by.pk:
        raise CannotManage("Nobody changes their own rights: another administrator must do it.")
    before = Standing(user.role, user.is_active)
    if before == standing:
        return user
    user.role, user.is_active = standing.role, standing.is_active
    user.save(update_fields=["role", "is_active"])
    facts: dict[str, Value] = {
        "role.before": before.role, "role.after": standing.role, "active.before": before.is_active,
        "active.after": standing.is_active,
    }  # fmt: skip
    _record("staff.changed", by=by, user=user, facts=facts)
    return user


def account_subject(user: User) -> Subject:
    """The account as the log knows it."""
    return Subject("account", str(user.person))


def _require_administrator(by: User) -> None:
    if not by.is_superuser:
        raise CannotManage("Only an administrator manages accounts.")


def _record(kind: str, *, by: User, user: User, facts: dict[str, Value]) -> None:
    theirs: dict[str, Value] = {"email": user.email, "name": user.name}
    record(
        kind=kind, subject=account_subject(user), at=timezone.now(),
        facts={
            vault.HOUSE: {"by.role": "administrator", **facts}, user.owner: theirs, by.owner: {"by": str(by.person)},
        },
    )  # fmt: skip
