"""Public addresses of the log."""

from django.urls import path

urlpatterns: list[object] = []
