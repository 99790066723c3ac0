"""Where each table lives: the vault's keys in their own store, everything else in the main one."""

from typing import Any

from django.db.models import Model

VAULT_MODELS = {"datakey"}


class VaultRouter:
    """Sends DataKey to the ``vault`` database, and nothing else there."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """The vault for its keys; no opinion otherwise."""
        return "vault" if _is_vault(model) else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        """The vault's database holds DataKey alone; data migrations and triggers run on the main one."""
        return (app_label == "anchoring" and model_name in VAULT_MODELS) == (db == "vault")


def _is_vault(model: type[Model]) -> bool:
    return model._meta.app_label == "anchoring" and model._meta.model_name in VAULT_MODELS
