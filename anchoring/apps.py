"""The log's Django application."""

from django.apps import AppConfig


class AnchoringConfig(AppConfig):
    """Knows nothing of insurance: kinds, subjects, owners and facts are opaque to it."""

    name = "anchoring"
    verbose_name = "Log"
