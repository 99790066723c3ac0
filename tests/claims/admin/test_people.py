"""ada gives roles; nobody gives one to themselves; every change is in the log."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from anchoring import log
from claims.actions.people import CannotManage, Standing, account_subject, add_staff, change_standing
from claims.models import Role, User
from tests.claims.admin.test_claims import words
from tests.claims.admin.test_rights import ada

__all__ = ["ada"]
pytestmark = pytest.mark.django_db


def _account(user: User) -> str:
    return reverse("admin:claims_user_change", args=[user.pk])


def test_ada_adds_a_member_of_staff_who_has_no_password_yet(client, ada) -> None:
    client.force_login(ada)
    given = {"name": "Hugo Hall", "email": "Hugo@Example.com", "role": Role.ADJUSTER}
    client.post(reverse("admin:claims_user_add"), given)
    hugo = get_user_model().objects.get(email="hugo@example.com")
    assert (hugo.role, hugo.has_usable_password(), hugo.is_superuser) == (Role.ADJUSTER, False, False)
    [event] = log.history(account_subject(hugo))
    assert (event.kind, event.facts["role.after"], event.facts["by"]) == ("staff.added", "adjuster", str(ada.person))


def test_an_address_that_has_an_account_is_not_added_again(client, ada, dora) -> None:
    client.force_login(ada)
    given = {"name": "Dora Again", "email": "DORA@example.com", "role": Role.FINANCE}
    answer = client.post(reverse("admin:claims_user_add"), given)
    assert "Somebody has an account under this address already." in answer.context["form"].errors["email"][0]


def test_ada_changes_a_role_and_stops_an_account(client, ada, dora) -> None:
    client.force_login(ada)
    client.post(_account(dora), {"role": Role.SUPERVISOR, "is_active": "on"})
    client.post(_account(dora), {"role": "none"})
    dora.refresh_from_db()
    assert (dora.role, dora.is_active) == ("", False)
    told = [
        (e.facts["role.before"], e.facts["role.after"], e.facts["active.after"])
        for e in log.history(account_subject(dora))
    ]
    assert told == [("adjuster", "supervisor", True), ("supervisor", "", False)]
    assert "Ada, administrator" in words(client.get(_account(dora)))


def test_what_is_not_changed_is_not_recorded(client, ada, dora) -> None:
    client.force_login(ada)
    client.post(_account(dora), {"role": Role.ADJUSTER, "is_active": "on"})
    assert log.history(account_subject(dora)) == []


def test_nobody_changes_their_own_rights(client, ada) -> None:
    client.force_login(ada)
    answer = client.post(_account(ada), {"role": Role.COMPLIANCE, "is_active": "on"})
    assert "Nobody changes their own rights" in words(answer)
    ada.refresh_from_db()
    assert ada.role == ""


def test_a_stopped_account_has_no_desk_any_more(client, ada, dora) -> None:
    client.force_login(dora)
    change_standing(by=ada, user=dora, standing=Standing(Role.ADJUSTER, is_active=False))
    assert client.get(reverse("admin:index")).url == "/staff/login/?next=/staff/"


def test_only_an_administrator_manages_accounts(client, dora, erin) -> None:
    client.force_login(dora)
    assert client.get(_account(erin)).status_code == 403
    assert client.post(_account(erin), {"role": Role.FINANCE}).status_code == 403
    assert client.post(reverse("admin:claims_user_add"), {}).status_code == 403
    with pytest.raises(CannotManage, match="Only an administrator"):
        change_standing(by=dora, user=erin, standing=Standing(Role.FINANCE, is_active=True))
    with pytest.raises(CannotManage, match="Only an administrator"):
        add_staff(by=dora, email="x@example.com", name="X", role=Role.FINANCE)


def test_accounts_are_not_deleted(client, ada, dora) -> None:
    client.force_login(ada)
    assert client.post(reverse("admin:claims_user_delete", args=[dora.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:claims_user_history", args=[dora.pk])).url == _account(dora)
    assert client.get("/staff/claims/user/999999/change/").status_code == 404
