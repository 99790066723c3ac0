"""Accounts at the desk: the administrator gives roles, and does nothing else here."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from anchoring import log
from claims.actions.people import CannotManage, Standing, account_subject, add_staff, change_standing
from claims.admin.desk import DeskAdmin, rows_of, signed_in, tag
from claims.admin.history import happened
from claims.forms.staff import NO_ROLE, NewStaffForm, StandingForm
from claims.models import User


@admin.register(User)
class PeopleAdmin(DeskAdmin):
    """The list of accounts, and the page on which one is given its role."""

    readers = frozenset()
    list_display = ("email", "name", "does", "may_sign_in", "since")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    search_help_text = "Name or address"
    ordering = ("email",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return signed_in(request).is_superuser

    has_module_permission = has_add_permission = has_view_permission

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return User.objects.all() if signed_in(request).is_superuser else User.objects.none()

    @admin.display(description="Role", ordering="role")
    def does(self, user: User) -> str:
        return role_words(user)

    @admin.display(description="Signs in", ordering="is_active")
    def may_sign_in(self, user: User) -> SafeString:
        return tag("Yes", "good") if user.is_active else tag("Stopped", "bad")

    @admin.display(description="Since", ordering="date_joined")
    def since(self, user: User) -> str:
        return f"{user.date_joined:%-d %b %Y}"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new member of staff."""
        self._require_administrator(request)
        form = NewStaffForm(request.POST or None)
        if form.is_valid():
            try:
                made = add_staff(by=signed_in(request), **form.cleaned_data)
            except CannotManage as refused:
                form.add_error("email", str(refused))
            else:
                messages.success(request, f"{made} can sign in once they have chosen a password.")
                return redirect("admin:claims_user_changelist")
        return self._page(request, "admin/claims/user/add.html", form=form, title="Add a member of staff")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An account with its role to change and what was changed before."""
        self._require_administrator(request)
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404("no such account")
        form = StandingForm(request.POST or None, initial={"role": user.role or NO_ROLE, "is_active": user.is_active})
        if request.method == "POST" and form.is_valid():
            try:
                change_standing(by=signed_in(request), user=user, standing=Standing(**form.cleaned_data))
            except CannotManage as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, f"{user} is up to date. The change is in the log.")
                return redirect("admin:claims_user_change", user.pk)
        return self._page(
            request, "admin/claims/user/account.html", form=form, title=str(user), account=user,
            is_self=user.pk == request.user.pk, lines=happened(log.history(account_subject(user)))[::-1],
            about=rows_of(
                ("Address", user.email), ("Role", role_words(user)), ("Since", f"{user.date_joined:%-d %B %Y}")
            ),
        )  # fmt: skip

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """It stands on the account's page."""
        return redirect("admin:claims_user_change", object_id)

    def _require_administrator(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request, template, self.admin_site.each_context(request) | {"opts": self.opts, **context}
        )


def role_words(user: User) -> str:
    """What the account is for."""
    roles = [user.get_role_display()] if user.role else []
    return ", ".join([*roles, "Administrator"] if user.is_superuser else roles) or "Policyholder"
