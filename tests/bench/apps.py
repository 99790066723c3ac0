"""The bench's Django application."""

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Bench-only models."""

    name = "tests.bench"
    label = "bench"

    def ready(self) -> None:
        """Tell whoever keeps a history by registration."""
        from tests.bench.models import declare  # noqa: PLC0415 - models exist only once the apps are ready

        declare()
