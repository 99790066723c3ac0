"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

from anchoring.restore import warn_at_start  # noqa: E402 - models exist only once the apps are ready

warn_at_start()
connections.close_all()  # a server that loads this before it forks must not hand its connections on
