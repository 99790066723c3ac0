"""Files for whom they concern: as they were received, never shown inside a page."""

import uuid
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from anchoring import vault
from claims import files
from claims.models import Document
from claims.views.signed_in import SignedIn


@login_required
@require_safe
def document(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """The bytes as received; 410 once they were erased, 404 when they are not to be found."""
    found = get_object_or_404(Document.objects.visible_to(request.user).select_related("party"), pk=pk)
    try:
        content = files.content_of(owner=found.owner, document_id=found.pk)
    except vault.KeyDestroyed:
        return render(request, "claims/document/gone.html", {"document": found, "erased": True}, status=410)
    except (vault.VaultError, FileNotFoundError):
        return render(request, "claims/document/gone.html", {"document": found}, status=404)
    return HttpResponse(
        content,
        content_type=found.media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
