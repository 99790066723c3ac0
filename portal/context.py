"""What every template knows of the site."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Product name, whether this is the demonstration, and where to ask for help."""
    return {"product_name": settings.PRODUCT_NAME, "demo": settings.DEMO, "help_email": settings.HELP_EMAIL}
