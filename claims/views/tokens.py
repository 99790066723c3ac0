"""Keys for programs: made, shown once, revoked."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from knox.models import AuthToken
from knox.settings import knox_settings


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List one's keys; POST makes one, which is shown on this page and never again."""
    mine = AuthToken.objects.filter(user=request.user).order_by("created", "pk")
    limit = knox_settings.TOKEN_LIMIT_PER_USER
    context = {"tokens": mine, "limit": limit, "is_full": mine.count() >= limit}
    if request.method == "POST" and not context["is_full"]:
        _, context["made"] = AuthToken.objects.create(request.user)
    return render(request, "claims/tokens/tokens.html", context)


@login_required
@require_POST
def revoke_token(request: HttpRequest, key: str) -> HttpResponse:
    """Revoke one of one's keys, named by its first characters."""
    revoked, _ = AuthToken.objects.filter(user=request.user, token_key=key).delete()
    if revoked:
        messages.success(request, "The key does not work any more.")
    return redirect("api-tokens")
