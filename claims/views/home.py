"""The first page: what is sold here, and why nobody needs to take our word for it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from claims.catalogue import products_on_sale


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """For everyone, signed in or not."""
    return render(request, "claims/home/home.html", {"products": products_on_sale()})
