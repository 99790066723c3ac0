"""Application configurations of the project itself."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class PortalConfig(AppConfig):
    """The project: its static files."""

    name = "portal"
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin, with our site class as the default one."""

    default = False
    default_site = "portal.staff.StaffSite"
