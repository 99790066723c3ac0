"""The portal's settings with the bench's own models, and the peers as far as the database can take them."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, VAR_DIR

# isort: split
from portal import settings as portal  # second: the keys come from the environment that the tests' settings fill

STORAGES = portal.STORAGES
POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
INSTALLED_APPS = [*INSTALLED_APPS, "simple_history", "auditlog", "tests.bench"]
if POSTGRESQL:
    INSTALLED_APPS += ["pgtrigger", "pghistory"]
MIGRATION_MODULES = {"bench": None}
PGTRIGGER_MIGRATIONS = False
PGTRIGGER_INSTALL_ON_MIGRATE = True

# The test runner's own machinery makes the databases; those of SQLite lie in files, as they do in use.
for alias, config in DATABASES.items():
    name = f"touchstone_bench_{os.getpid()}" if "postgresql" in config["ENGINE"] else str(VAR_DIR / f"bench-{alias}.db")
    config["TEST"] = {"NAME": name}
