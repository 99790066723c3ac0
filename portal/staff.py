"""The staff desk's site object."""

from django.conf import settings
from django.contrib.admin import AdminSite


class StaffSite(AdminSite):
    """Django's admin under the product's name; signing in goes through the one login page there is."""

    site_header = site_title = f"{settings.PRODUCT_NAME} staff desk"
    index_title = "What needs doing"
    enable_nav_sidebar = True
