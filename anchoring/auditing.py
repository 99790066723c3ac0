"""The log for auditors and tools: checkpoints and hash tiles for everybody, entries and cosignatures for auditors.

No session and no cookie: an auditor's program shows a token (``Authorization: Bearer …``) of an account that has the
permission ``anchoring.read_entries``. protocol.md §3 and §12 have the formats.
"""

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from anchoring import publishing
from anchoring.cosignatures import CosignatureRefused, accept_cosignature
from anchoring.models import Checkpoint

PERMISSION = "anchoring.read_entries"
FOR_EVER = "public, max-age=31536000, immutable"
MOMENTS = "public, max-age=5"
LINE_BYTES = 2_000

TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"


@require_safe
def newest_checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest anchored checkpoint, with its cosignatures."""
    return _shown(request, lambda: publishing.newest_note().encode(), TEXT, MOMENTS)


@require_safe
def checkpoint(request: HttpRequest, size: str) -> HttpResponse:
    """A checkpoint by its size, as the log signed it."""
    return _shown(request, lambda: publishing.own_note(int(size)).encode(), TEXT, FOR_EVER)


@require_safe
def tile(request: HttpRequest, path: str) -> HttpResponse:
    """A hash tile."""
    return _shown(request, lambda: publishing.tile(path), BYTES, FOR_EVER)


@require_safe
def entries(request: HttpRequest, path: str) -> HttpResponse:
    """A bundle of entries: pseudonymous data, for auditors alone."""
    return _refusal(request) or _shown(request, lambda: publishing.entries(path), BYTES, "private, no-store")


@csrf_exempt
@require_POST
def cosignature(request: HttpRequest, size: str) -> HttpResponse:
    """Take an auditor's line; sent again it stays as it is. 400 with the reason if it is none for this checkpoint."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    if not Checkpoint.objects.filter(pk=int(size)).exists():
        return _said(404, f"There is no checkpoint of size {size}.")
    line = request.read(LINE_BYTES + 1)
    try:
        if len(line) > LINE_BYTES:
            raise CosignatureRefused(f"A cosignature line has at most {LINE_BYTES:,} bytes.")
        kept = accept_cosignature(int(size), line.decode())
    except UnicodeDecodeError:
        return _said(400, "The line was not taken: it is not UTF-8.")
    except CosignatureRefused as problem:
        return _said(400, str(problem))
    return _said(200, f"The cosignature of {kept.auditor} stands under checkpoint {size}.")


def _shown(request: HttpRequest, content: Callable[[], bytes], media_type: str, cache_control: str) -> HttpResponse:
    try:
        body = content()
    except publishing.NotShown as problem:
        return _said(404, f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
    etag = quote_etag(hashlib.sha256(body).hexdigest())
    response = HttpResponse(body, content_type=media_type, headers={"Cache-Control": cache_control, "ETag": etag})
    answer = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(answer, HttpResponse)
    return answer


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Why the asker is not let in, or None. The token is that of the API; both words for it are understood."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.isascii():
        return _said(401, "Give an auditor's token: Authorization: Bearer …", authenticate=True)
    try:
        user, _ = TokenAuthentication().authenticate_credentials(token.strip().encode())
    except AuthenticationFailed:
        return _said(401, "This token is unknown or has ended.", authenticate=True)
    if not user.has_perm(PERMISSION):
        return _said(403, "This account may not read entries: that is for auditors.")
    return None


def _said(status: int, sentence: str, *, authenticate: bool = False) -> HttpResponse:
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": 'Bearer realm="log"'} if authenticate else {})
    return HttpResponse(f"{sentence}\n", content_type=TEXT, status=status, headers=headers)
