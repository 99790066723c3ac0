"""What a request is once login_required let it through."""

from django.http import HttpRequest

from claims.models import User


class SignedIn(HttpRequest):
    """For annotations: ``user`` is somebody."""

    user: User
