"""The portal's own settings with what tests change: a throw-away folder, quick passwords, mail in memory."""

import os
import tempfile

os.environ.setdefault("TOUCHSTONE_VAR", tempfile.mkdtemp(prefix="touchstone-tests-"))
os.environ.setdefault("SECRET_KEY", "tests" * 12)
os.environ.setdefault("VAULT_KEY", "11" * 32)
os.environ.setdefault("LOG_KEY", "22" * 32)
os.environ.setdefault("RECEIPT_KEY", "33" * 32)
os.environ.setdefault("CHAIN_KEY", "44" * 32)
os.environ.setdefault("CHAIN_RPC_URL", "http://127.0.0.1:9")

from portal.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
CELERY_TASK_ALWAYS_EAGER = True
ANCHOR_EVERY_SECONDS = 0  # whatever is new is due at once
