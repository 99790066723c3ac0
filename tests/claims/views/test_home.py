"""The first page, for everyone."""

import pytest
from django.urls import reverse

from claims.catalogue import product

pytestmark = pytest.mark.django_db


def test_a_stranger_reads_what_is_sold_and_where_to_begin(client) -> None:
    html = client.get("/").content.decode()
    assert [c.name for c in product("travel-1").coverages if c.name not in html] == []
    assert f'href="{reverse("quote-new", args=["travel-1"])}"' in html
    assert f'href="{reverse("account_login")}"' in html


def test_who_is_signed_in_is_led_to_their_cover(client, alice) -> None:
    client.force_login(alice)
    html = client.get("/").content.decode()
    assert '<a href="/cover/">Your cover</a>' in html
    assert reverse("account_login") not in html


def test_the_page_takes_no_answers(client) -> None:
    assert client.post("/").status_code == 405
