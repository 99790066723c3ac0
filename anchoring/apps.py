"""The log's Django application."""

from django.apps import AppConfig


class AnchoringConfig(AppConfig):
    """Knows nothing of insurance: kinds, subjects, owners and facts are opaque to it."""

    name = "anchoring"
    verbose_name = "Log"

    def ready(self) -> None:
        """The checks count once they are imported."""
        from anchoring import checks  # noqa: F401, PLC0415 - models exist only once the apps are ready
