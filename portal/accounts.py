"""How people sign in: allauth, with staff accounts made only by staff."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Sends staff to the staff desk after sign-in, everyone else to their cover."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The staff desk for staff, the dashboard for policyholders."""
        if request.user.is_staff:
            return "/staff/"
        return super().get_login_redirect_url(request)

    def get_from_email(self) -> str:
        """One sender for everything we send."""
        return str(settings.DEFAULT_FROM_EMAIL)
