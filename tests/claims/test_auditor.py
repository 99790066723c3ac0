"""``auditor``: an account that reads the log's entries and cosigns, and nothing else."""

import pytest
from django.core.management import CommandError, call_command
from knox.models import AuthToken

from claims.models import User

pytestmark = pytest.mark.django_db


def admitted(capsys, email: str = "Audit@example.org") -> dict[str, str]:
    """The headers of that auditor's program."""
    call_command("auditor", email)
    return {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}


def status(client, headers: dict[str, str]) -> int:
    """Of a bundle that the empty log does not have: 404 is for those who may look."""
    return int(client.get("/log/tile/entries/000", headers=headers).status_code)


def test_an_auditor_gets_an_account_without_role_or_password_and_a_token(client, capsys) -> None:
    headers = admitted(capsys)
    user = User.objects.get()
    assert (user.email, user.role, user.is_staff, user.has_usable_password()) == ("audit@example.org", "", False, False)
    assert status(client, headers) == 404


def test_a_new_token_ends_the_one_before(client, capsys) -> None:
    first, second = admitted(capsys), admitted(capsys)
    assert (status(client, first), status(client, second), AuthToken.objects.count()) == (401, 404, 1)


def test_it_ends_when_it_is_ended(client, capsys) -> None:
    headers = admitted(capsys)
    call_command("auditor", "audit@example.org", "--end")
    assert capsys.readouterr().out == "audit@example.org reads no entries any more, and its tokens have ended.\n"
    assert (status(client, headers), User.objects.get().has_perm("anchoring.read_entries")) == (401, False)


def test_a_member_of_staff_is_no_auditor_and_nobody_can_be_ended(dora) -> None:
    with pytest.raises(CommandError, match="dora@example.com is a member of staff: an auditor is somebody else."):
        call_command("auditor", "dora@example.com")
    with pytest.raises(CommandError, match="Nobody has the address nobody@example.org."):
        call_command("auditor", "nobody@example.org", "--end")


def test_an_auditor_sees_no_records_of_anybodys(client, capsys) -> None:
    headers = admitted(capsys)
    token = headers["Authorization"].removeprefix("Bearer ")
    answer = client.get("/api/claims/", headers={"Authorization": f"Token {token}"})
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert client.get("/staff/", headers=headers).status_code == 302
