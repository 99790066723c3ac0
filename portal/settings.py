"""Settings of the portal: one file, read from the environment, safe by default.

``TOUCHSTONE_MODE=development`` (the default) makes its own keys under ``var/`` and runs on SQLite; ``production``
refuses to start when a secret is missing or an unsafe value is set. docs/operations/settings.md lists every variable.
"""

import sys
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from anchoring import networks
from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
MODE = env.choice("TOUCHSTONE_MODE", "development", among=("development", "demo", "production"))
PRODUCTION = MODE == "production"
DEMO = MODE == "demo"
VAR_DIR = Path(env.text("TOUCHSTONE_VAR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
_KEPT_SECRETS = None if PRODUCTION else VAR_DIR / "secrets"

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", kept_in=_KEPT_SECRETS)
SITE_URL = env.url("SITE_URL", "http://localhost:8000", schemes=("http", "https")).rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
PRODUCT_NAME = "Touchstone"
DEMO_PASSWORD = "" if PRODUCTION else env.secret("DEMO_PASSWORD", kept_in=_KEPT_SECRETS)[:12]
HELP_EMAIL = env.text("HELP_EMAIL", "help@touchstone.example")

INSTALLED_APPS = [
    "portal",
    "claims",
    "anchoring",
    "portal.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_countries",
    "csp",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.permissions_policy",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
ASGI_APPLICATION = "portal.asgi.application"
FORM_RENDERER = "portal.forms_renderer.Renderer"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.site",
            ],
        },
    },
]

# --- Databases: business and log in one, the vault's keys in a store of their own -------------------------------------

_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    # REPLACE deletes rows: only so do the insert-only guards see it
    " PRAGMA recursive_triggers=ON;",
}


def _database(name: str, default: str) -> dict[str, Any]:
    """One database's settings; SQLite gets immediate transactions and full durability."""
    value = env.url(name, default, schemes=("sqlite", "postgres", "postgresql"))
    config = environ.Env.db_url_config(value)
    if config["ENGINE"] == "django.db.backends.sqlite3":
        return config | {"OPTIONS": dict(_SQLITE_OPTIONS)}
    return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


DATABASES = {
    "default": _database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'touchstone.sqlite3'}"),
    "vault": _database("VAULT_URL", f"sqlite:///{VAR_DIR / 'vault.sqlite3'}"),
}
DATABASE_ROUTERS = ["anchoring.routers.VaultRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The log ----------------------------------------------------------------------------------------------------------

VAULT_KEY = env.secret("VAULT_KEY", kept_in=_KEPT_SECRETS)
LOG_ORIGIN = env.text("LOG_ORIGIN", "touchstone.example/log")
LOG_KEY = env.private_key("LOG_KEY", kept_in=_KEPT_SECRETS)
NEXT_LOG_KEY = env.optional_private_key("NEXT_LOG_KEY")
RECEIPT_KEY = env.private_key("RECEIPT_KEY", kept_in=_KEPT_SECRETS)
AUDITOR_KEYS = env.auditor_keys("AUDITOR_KEYS")
SEAL_WITHIN_SECONDS = env.integer("SEAL_WITHIN_SECONDS", 3600, least=60, most=7 * 86400)
SEQUENCE_EVERY_SECONDS = env.integer("SEQUENCE_EVERY_SECONDS", 2, least=1, most=600)
WITNESS_DIR = Path(env.text("WITNESS_DIR", str(VAR_DIR / "witness")))
PUBLIC_TILES_DIR = env.text("PUBLIC_TILES_DIR", "")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

# --- The chain: which one, through whom, and with what key; NEXT_… is the one that is to follow, if any ---------------

_HTTP = ("http", "https")
CHAIN = env.chain("CHAIN", "sepolia" if PRODUCTION else "local")
CHAIN_RPC_URL = env.url("CHAIN_RPC_URL", "http://127.0.0.1:8545", schemes=_HTTP)
CHAIN_SECOND_RPC_URL = env.optional_url("CHAIN_SECOND_RPC_URL", schemes=_HTTP)
CHAIN_KEY = env.private_key("CHAIN_KEY", kept_in=_KEPT_SECRETS)
CHAIN_EXPLORER_URL = env.optional_url("CHAIN_EXPLORER_URL", schemes=_HTTP)
NEXT_CHAIN = env.chain("NEXT_CHAIN", "")
NEXT_CHAIN_RPC_URL = env.optional_url("NEXT_CHAIN_RPC_URL", schemes=_HTTP)
NEXT_CHAIN_SECOND_RPC_URL = env.optional_url("NEXT_CHAIN_SECOND_RPC_URL", schemes=_HTTP)
NEXT_CHAIN_KEY = env.optional_private_key("NEXT_CHAIN_KEY")

ANCHOR_EVERY_SECONDS = env.integer("ANCHOR_EVERY_SECONDS", 5 if DEMO else 600, least=1, most=86400)
ANCHOR_EVERY_RECORDS = env.integer("ANCHOR_EVERY_RECORDS", 1000, least=1, most=1_000_000)
CHAIN_TICK_SECONDS = env.integer("CHAIN_TICK_SECONDS", 2 if DEMO else 15, least=1, most=3600)
FEE_BUMP_AFTER_SECONDS = env.integer("FEE_BUMP_AFTER_SECONDS", 180, least=1, most=86400)
CHAIN_MAX_FEE_GWEI = env.integer(
    "CHAIN_MAX_FEE_GWEI",
    networks.by_name(CHAIN).largest_fee // networks.GWEI,
    least=1,
    most=networks.MOST_GWEI,
)

# --- Payments: the built-in test gateway is the only one yet, and production must say that it knows

PAYMENT_GATEWAY = env.choice("PAYMENT_GATEWAY", "none" if PRODUCTION else "test", among=("test", "none"))

# --- Celery -----------------------------------------------------------------------------------------------------------

REDIS_URL = env.url("REDIS_URL", "memory://", schemes=("redis", "rediss", "memory"))
CELERY_BROKER_URL = "memory://localhost/" if REDIS_URL == "memory://" else REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    name: {"task": name, "schedule": seconds, "options": {"expires": max(2 * seconds, 10)}}
    for name, seconds in {
        "anchoring.sequence": SEQUENCE_EVERY_SECONDS,
        "anchoring.anchor": CHAIN_TICK_SECONDS,
        "claims.send_notices": 5,
        "claims.release_notices": 15,
        "anchoring.restore_check": 3600,
    }.items()
}
FSCK_TIME_LIMIT_SECONDS = 6 * 3600  # of its own: it reads everything there is
CELERY_BEAT_SCHEDULE["anchoring.fsck"] = {
    "task": "anchoring.fsck",
    "schedule": crontab(hour=str(env.integer("FSCK_HOUR", 2, least=0, most=23)), minute="17"),
    "options": {"expires": FSCK_TIME_LIMIT_SECONDS},
}
if REDIS_URL == "memory://":
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- People -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "claims.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.split(":", 1)[0]
ACCOUNT_PREVENT_ENUMERATION = True

EMAIL_CONFIG = env.url("EMAIL_URL", "outbox:", schemes=("outbox", "smtp", "smtp+tls", "smtp+ssl"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{PRODUCT_NAME} <{HELP_EMAIL}>")
OUTBOX_DIR = VAR_DIR / "outbox"
if EMAIL_CONFIG == "outbox:":
    EMAIL_BACKEND = "portal.outbox.EmailBackend"
else:
    vars().update(environ.Env.email_url_config(EMAIL_CONFIG))

# --- Language, files, web ---------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
DATE_FORMAT = "j F Y"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
FILES_DIR = VAR_DIR / "files"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_MAX_AGE = 0 if not PRODUCTION else 3600
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(FILES_DIR), "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- API --------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "120/minute"},
    "EXCEPTION_HANDLER": "claims.api.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"TOKEN_TTL": None, "TOKEN_LIMIT_PER_USER": 10, "USER_SERIALIZER": None}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{PRODUCT_NAME} API",
    "VERSION": "1",
    "DESCRIPTION": "Policies, claims, evidence and proofs of record, over the same rules as the web pages.",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": env.choice(
            "LOG_LEVEL", "INFO" if PRODUCTION else "WARNING", among=("DEBUG", "INFO", "WARNING", "ERROR")
        ),
    },
    "loggers": {"django.request": {"level": "ERROR"}, "anchoring": {"level": "INFO"}, "claims": {"level": "INFO"}},
}


def _contradicting() -> list[tuple[bool, str]]:
    """What is wrong in every mode: an endpoint that is missing its chain, or its like."""
    return [
        (
            CHAIN_SECOND_RPC_URL == CHAIN_RPC_URL,
            "CHAIN_SECOND_RPC_URL must differ from CHAIN_RPC_URL: two independent endpoints are compared.",
        ),
        (
            NEXT_CHAIN == "" and NEXT_CHAIN_RPC_URL + NEXT_CHAIN_SECOND_RPC_URL != "",
            "NEXT_CHAIN must be set beside NEXT_CHAIN_RPC_URL and NEXT_CHAIN_SECOND_RPC_URL: it says which chain they"
            " lead to.",
        ),
        (
            NEXT_CHAIN != "" and NEXT_CHAIN_RPC_URL == "",
            "NEXT_CHAIN_RPC_URL must be set beside NEXT_CHAIN: an endpoint of that chain.",
        ),
        (
            NEXT_CHAIN_SECOND_RPC_URL != "" and NEXT_CHAIN_SECOND_RPC_URL == NEXT_CHAIN_RPC_URL,
            "NEXT_CHAIN_SECOND_RPC_URL must differ from NEXT_CHAIN_RPC_URL: two independent endpoints are compared.",
        ),
    ]


def _refuse_unsafe_production() -> None:
    """Name every unsafe value at once, so that a new operator fixes them in one go."""
    faults = [
        fault
        for unsafe, fault in (
            (DEBUG, "DEBUG must be false."),
            (sys.flags.optimize > 0, "Python must run without -O and PYTHONOPTIMIZE: they switch off checks."),
            (not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS, "ALLOWED_HOSTS must name your host names (no *)."),
            (not SITE_URL.startswith("https://"), "SITE_URL must start with https://."),
            (len(SECRET_KEY) < 50, "SECRET_KEY must have at least 50 characters."),
            (len(VAULT_KEY) < 43, "VAULT_KEY must have at least 43 characters: 256 random bits."),
            (
                len({LOG_KEY, RECEIPT_KEY, CHAIN_KEY, VAULT_KEY}) < 4,
                "LOG_KEY, RECEIPT_KEY, CHAIN_KEY and VAULT_KEY must all differ.",
            ),
            (EMAIL_CONFIG == "outbox:", "EMAIL_URL must name a mail server (smtp+tls://…)."),
            (REDIS_URL == "memory://", "REDIS_URL must name a Redis server."),
            (
                LOG_ORIGIN.startswith("touchstone.example"),
                "LOG_ORIGIN must be a name of your own: it is fixed for ever.",
            ),
            (DATABASES["default"]["ENGINE"].endswith("sqlite3"), "DATABASE_URL must name a PostgreSQL server."),
            (
                PAYMENT_GATEWAY == "none",
                "PAYMENT_GATEWAY must be test: it takes no real money.",
            ),
            (env.text("VAULT_URL", "") == "", "VAULT_URL must name a store of its own, backed up apart from the rest."),
            (
                env.text("CHAIN_RPC_URL", "") == "",
                f"CHAIN_RPC_URL must name an endpoint of {networks.by_name(CHAIN).title}.",
            ),
            (
                NEXT_CHAIN_KEY != "" and NEXT_CHAIN_KEY in {LOG_KEY, RECEIPT_KEY, CHAIN_KEY, VAULT_KEY},
                "NEXT_CHAIN_KEY must differ from every other key; leave it out to go on with CHAIN_KEY.",
            ),
            (
                NEXT_LOG_KEY != "" and NEXT_LOG_KEY in {LOG_KEY, RECEIPT_KEY, CHAIN_KEY, VAULT_KEY, NEXT_CHAIN_KEY},
                "NEXT_LOG_KEY must differ from every other key; leave it out while the log key is not being changed.",
            ),
            (
                0 < len(METRICS_TOKEN) < 32,
                "METRICS_TOKEN must have at least 32 characters, or be left out: then there are no metrics.",
            ),
            *_contradicting(),
        )
        if unsafe
    ]
    if faults:
        raise ImproperlyConfigured("Unsafe production settings: " + " ".join(faults))


if PRODUCTION:
    _refuse_unsafe_production()
elif _faults := [fault for wrong, fault in _contradicting() if wrong]:
    raise ImproperlyConfigured("Settings that contradict each other: " + " ".join(_faults))
