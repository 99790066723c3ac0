"""Public addresses of the log."""

from django.urls import path

from anchoring import views

urlpatterns = [
    path("log/", views.log_page, name="log-status"),
    path("check/", views.check, name="check"),
    path("verify.py", views.verify_py, name="verify-py"),
    path("verify/", views.verify_page, name="verify-page"),
    path("verify.html", views.verify_html, name="verify-html"),
    path("metrics", views.metrics_page, name="metrics"),
    path("trust.json", views.trust_json, name="trust-json"),
]
