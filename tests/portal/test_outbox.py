"""The demonstration's outbox: what would have been sent is kept and can be read."""

import pytest
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.test import override_settings

from portal.outbox import newest_messages

OUTBOX = override_settings(EMAIL_BACKEND="portal.outbox.EmailBackend")
HOSTILE = "Grüße <script>alert(1)</script>\n\nhttp://localhost:8000/cover/\n" + "a long line " * 90


@OUTBOX
def test_a_message_comes_back_as_it_was_written() -> None:
    assert EmailMessage("Straße 5 – 漢字", HOSTILE, to=["alice@example.com"]).send() == 1
    kept = newest_messages()[0]
    assert (kept.subject, kept.to) == ("Straße 5 – 漢字", "alice@example.com")
    assert kept.text.strip() == HOSTILE.strip()


@OUTBOX
def test_the_newest_message_comes_first() -> None:
    for subject in ("one", "two", "three"):
        EmailMessage(subject, "", to=["alice@example.com"]).send()
    assert [message.subject for message in newest_messages()] == ["three", "two", "one"]


@OUTBOX
@pytest.mark.django_db
def test_the_page_links_addresses_and_runs_nothing(rf) -> None:
    EmailMessage("<b>Hello</b>", HOSTILE, to=["alice@example.com"]).send()
    html = render_to_string("portal/outbox.html", {"emails": newest_messages(), "request": rf.get("/"), "user": None})
    assert '<a href="http://localhost:8000/cover/"' in html
    assert "<script>alert" not in html and "<b>Hello" not in html
