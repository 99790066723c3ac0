"""The staff desk's site object."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from anchoring.status import log_status
from claims.duties import Duty, duties_of
from claims.models import Role, User

OURS = ("claims", "anchoring")


class StaffSite(AdminSite):
    """Django's admin under the product's name; signing in goes through the one login page there is."""

    site_header = site_title = f"{settings.PRODUCT_NAME} staff desk"
    index_title = "What needs doing"
    index_template = "admin/desk.html"
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only our own lists: those of the libraries (groups, tokens, addresses) would lead past the roles."""
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        ours = [model for model in models if model._meta.app_label in OURS]
        super().register(ours, admin_class, **options)

    def has_log_permission(self, request: HttpRequest) -> bool:
        """Compliance reads the log itself."""
        return isinstance(request.user, User) and request.user.role == Role.COMPLIANCE

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """What waits for the reader, and what they may look up."""
        assert isinstance(request.user, User), "the desk lets nobody else in"
        context: dict[str, Any] = {"duties": [_linked(duty) for duty in duties_of(request.user)]}
        if self.has_log_permission(request):
            status = log_status()
            alarms = [*filter(None, [status.stopped, status.differs]), *status.alarms]
            context["alarms"], context["troubles"] = alarms, status.troubles
        return super().index(request, context | (extra_context or {}))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Everyone signs in at one door; who is in and has no desk is told so."""
        if request.user.is_authenticated:
            if not self.has_permission(request):
                raise PermissionDenied("no desk for policyholders")
            return redirect("admin:index")
        return redirect_to_login(request.GET.get("next", reverse("admin:index")), reverse("account_login"))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """POST signs out and shows the first page."""
        return LogoutView.as_view(next_page=reverse("home"))(request)

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page that everyone has."""
        return redirect("account_change_password")


def _linked(duty: Duty) -> dict[str, Any]:
    """A pile with the address of its list."""
    meta = duty.model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return {"duty": duty, "url": f"{address}?{duty.query}" if duty.query else address}
