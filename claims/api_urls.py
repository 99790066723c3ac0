"""Addresses of the business."""

from django.urls import path

urlpatterns: list[object] = []
