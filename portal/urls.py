"""Every address of the site: the business, the public record, sign-in, the staff desk, the API."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from portal import views

urlpatterns = [
    path("", include("claims.urls")),
    path("", include("anchoring.urls")),
    path("accounts/", include("allauth.urls")),
    path("staff/", admin.site.urls),
    path("api/", include("claims.api_urls")),
    path("healthz", views.healthz, name="healthz"),
]
if settings.DEMO:
    urlpatterns.append(path("outbox/", views.outbox, name="outbox"))
