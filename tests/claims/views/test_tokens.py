"""Keys for programs."""

import re

import pytest
from knox.models import AuthToken

pytestmark = pytest.mark.django_db
PAGE = "/account/tokens/"


def test_a_key_is_shown_once_and_works(client, alice) -> None:
    client.force_login(alice)
    made = client.post(PAGE).content.decode()
    key = re.search(r'<code class="fingerprint">([0-9a-f]{64})</code>', made)[1]
    assert key not in client.get(PAGE).content.decode()
    client.logout()
    assert client.get("/api/claims/", headers={"Authorization": f"Token {key}"}).json()["results"] == []


def test_a_revoked_key_does_not_work(client, alice, bob) -> None:
    row, key = AuthToken.objects.create(alice)
    client.force_login(bob)
    client.post(f"{PAGE}{row.token_key}/revoke/")
    assert AuthToken.objects.filter(user=alice).count() == 1
    client.force_login(alice)
    response = client.post(f"{PAGE}{row.token_key}/revoke/", follow=True)
    assert "does not work any more" in response.content.decode()
    assert client.get("/api/claims/", headers={"Authorization": f"Token {key}"}).status_code == 401


def test_nobody_has_more_than_ten(client, alice) -> None:
    for _ in range(10):
        AuthToken.objects.create(alice)
    client.force_login(alice)
    page = client.post(PAGE).content.decode()
    assert AuthToken.objects.count() == 10
    assert "as many as there can be" in page


def test_signed_out_the_page_asks_to_sign_in(client) -> None:
    assert client.get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"
