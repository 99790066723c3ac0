"""Pages of the site itself: is it alive, and the demonstration's outbox."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.outbox import newest_messages


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def outbox(request: HttpRequest) -> HttpResponse:
    """The e-mails that the demonstration did not send."""
    return render(request, "portal/outbox.html", {"emails": newest_messages()})
