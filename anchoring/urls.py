"""Public addresses of the log."""

from django.urls import path, re_path

from anchoring import auditing, explorer, views

urlpatterns = [
    path("log/", views.log_page, name="log-status"),
    path("log/anchors/", explorer.anchors, name="log-anchors"),
    re_path(r"^log/anchors/(?P<size>[1-9][0-9]{0,17})/$", explorer.anchor, name="log-anchor"),
    path("log/checkpoint", auditing.newest_checkpoint, name="log-checkpoint"),
    re_path(r"^log/checkpoint/(?P<size>[1-9][0-9]{0,17})$", auditing.checkpoint, name="log-checkpoint-of"),
    re_path(r"^log/(?P<path>tile/entries/[0-9x/p.]{1,60})$", auditing.entries, name="log-entries"),
    re_path(r"^log/(?P<path>tile/[0-9x/p.]{1,60})$", auditing.tile, name="log-tile"),
    re_path(r"^log/cosignature/(?P<size>[1-9][0-9]{0,17})$", auditing.cosignature, name="log-cosignature"),
    path("check/", views.check, name="check"),
    path("verify.py", views.verify_py, name="verify-py"),
    path("audit.py", views.audit_py, name="audit-py"),
    path("verify/", views.verify_page, name="verify-page"),
    path("verify.html", views.verify_html, name="verify-html"),
    path("metrics", views.metrics_page, name="metrics"),
    path("trust.json", views.trust_json, name="trust-json"),
]
