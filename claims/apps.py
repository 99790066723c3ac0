"""The insurance business's Django application."""

from django.apps import AppConfig


class ClaimsConfig(AppConfig):
    """Customer, policy and claim: one chain, one app."""

    name = "claims"
    verbose_name = "Insurance"

    def ready(self) -> None:
        """Tell the log which rows it keeps."""
        from claims.recorded import declare  # noqa: PLC0415 - models exist only once the apps are ready

        declare()
