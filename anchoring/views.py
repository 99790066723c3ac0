"""Pages for everybody: how the log is doing, and how to check a proof without us."""

import hashlib
import hmac
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from csp.constants import NONE
from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from anchoring import audit as auditor
from anchoring import cosignatures, drawing, metrics, stages, standing, trust
from anchoring import verify as verifier
from anchoring.amounts import in_coin, in_gwei
from anchoring.models import Checkpoint, Confirmation, Registration
from anchoring.protocol.trust import fingerprint
from anchoring.status import LogStatus, log_status
from anchoring.verify_page import verify_page as the_verify_page

LOOPBACK = ("127.0.0.1", "::1")

SHOWN = 5
"""How many of the newest anchors are listed."""

DRAWN = 30
"""How many of the newest anchors the drawings show."""


@require_safe
def log_page(request: HttpRequest) -> HttpResponse:
    """How large the log is, how far behind seal and anchor are, and what is wrong; some thirty small queries."""
    now = timezone.now()
    status = log_status(now)
    registration, stands = status.registration, status.standing
    measured = standing.measured(registration, DRAWN)
    lag, price = _drawn_figures(measured)
    believed = trust.current()
    context = {
        "status": status,
        "bars": _bars(status),
        "root": bytes(status.checkpoint.root).hex() if status.checkpoint else "",
        "waiting_for": _minutes(status.oldest_waiting_at if status.records_waiting else None, now),
        "not_anchored_for": _minutes(status.not_anchored_since, now),
        "counted": standing.COUNTED,
        "due_now": stands.due is not None and stands.due <= now,
        "anchors": [_anchor(registration, *row) for row in standing.newest_anchors(registration, SHOWN)]
        if registration
        else [],
        "currency": stages.currency(registration.chain_id) if registration else "",
        "chain_worth": stages.chain_worth(registration.chain_id) if registration else "",
        "chain_end": stages.chain_end(registration.chain_id, now) if registration else "",
        "measured": measured[::-1],
        "growth": drawing.draw(_seals(measured, status.checkpoint)),
        "lag": lag,
        "price": price,
        "recomputed": cosignatures.recomputed(believed.auditors),
        "fingerprint": fingerprint(believed),
    }
    return render(request, "anchoring/log_status.html", context)


@require_safe
def check(request: HttpRequest) -> HttpResponse:
    """How to check a proof, step by step."""
    registration = stages.current_registration()
    context = {
        "fingerprint": trust.current_fingerprint(),
        "program_sha256": hashlib.sha256(_verify_py()).hexdigest(),
        "page_sha256": hashlib.sha256(the_verify_page().content).hexdigest(),
        "chain_name": stages.chain_name(registration.chain_id) if registration else "",
        "rpc_url": settings.CHAIN_RPC_URL if settings.DEMO else "",
    }
    return render(request, "anchoring/check.html", context)


@require_safe
def verify_py(request: HttpRequest) -> HttpResponse:
    """The verifier, byte for byte as it stands in the source."""
    return _file(request, _verify_py(), "verify.py", "text/x-python; charset=utf-8", "public, max-age=300")


@require_safe
def audit_py(request: HttpRequest) -> HttpResponse:
    """The auditor's program, byte for byte as it stands in the source."""
    return _file(request, _audit_py(), "audit.py", "text/x-python; charset=utf-8", "public, max-age=300")


@require_safe
def verify_page(request: HttpRequest) -> HttpResponse:
    """The verifier page, under the directives that it states itself; and in nobody's frame."""
    return csp({**the_verify_page().directives, "frame-ancestors": [NONE]})(_shown_page)(request)


@require_safe
def verify_html(request: HttpRequest) -> HttpResponse:
    """The same bytes, to be kept."""
    return _file(request, the_verify_page().content, "verify.html", "text/html; charset=utf-8", "public, max-age=300")


@require_safe
def trust_json(request: HttpRequest) -> HttpResponse:
    """Our public keys and registrations; a cache must ask whether there is a newer version."""
    return _file(request, trust.trust_file(), "trust.json", "application/json", "public, no-cache")


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """The figures for Prometheus: to whoever knows METRICS_TOKEN; without one, to this computer outside production."""
    if not settings.METRICS_TOKEN:
        if settings.PRODUCTION or request.META.get("REMOTE_ADDR") not in LOOPBACK:
            raise Http404
    elif not _knows_the_token(request.headers.get("Authorization", "")):
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("Give METRICS_TOKEN as a bearer token.\n", "text/plain", 401, headers=headers)
    text, media_type = metrics.exposition(request.headers.get("Accept", ""))
    return HttpResponse(text, content_type=media_type, headers={"Cache-Control": "no-store"})


def _knows_the_token(authorization: str) -> bool:
    """In constant time, whatever the bytes."""
    scheme, _, token = authorization.partition(" ")
    known = hmac.compare_digest(token.encode(errors="surrogateescape"), settings.METRICS_TOKEN.encode())
    return known and scheme.lower() == "bearer"


def _shown_page(request: HttpRequest) -> HttpResponse:
    response = _file(
        request, the_verify_page().content, "verify.html", "text/html; charset=utf-8", "public, max-age=300"
    )
    del response["Content-Disposition"]
    return response


def _file(request: HttpRequest, content: bytes, name: str, media_type: str, cache_control: str) -> HttpResponse:
    etag = quote_etag(hashlib.sha256(content).hexdigest())
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": cache_control, "ETag": etag,
    }  # fmt: skip
    response = HttpResponse(content, content_type=media_type, headers=headers)
    answer = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(answer, HttpResponse | HttpResponseNotModified)
    return answer


@cache
def _verify_py() -> bytes:
    assert verifier.__file__ is not None
    return Path(verifier.__file__).read_bytes()


@cache
def _audit_py() -> bytes:
    assert auditor.__file__ is not None
    return Path(auditor.__file__).read_bytes()


def _bars(status: LogStatus) -> list[dict[str, object]]:
    """Recorded, sealed and anchored beside each other, each with its share of all that is recorded, in percent."""
    recorded = status.size + status.waiting
    counts = {"Recorded": recorded, "Sealed": status.size, "Anchored": status.size - status.not_anchored}
    return [
        {"word": word, "icon": word.lower(), "count": count, "share": round(100 * count / max(recorded, 1), 2)}
        for word, count in counts.items()
    ]


def _minutes(since: datetime | None, now: datetime) -> int | None:
    """Whole minutes that something waits; None when nothing does."""
    return None if since is None else max(0, (now - since) // timedelta(minutes=1))


def _seals(measured: list[standing.Measured], newest: Checkpoint | None) -> list[drawing.Seal]:
    """The anchored checkpoints, and the newest seal if it has come further."""
    seals = [drawing.Seal(anchor.size, anchor.sealed_at, True) for anchor in measured]
    covers = seals[-1].size if seals else 0
    return [*seals, drawing.Seal(newest.size, newest.at, False)] if newest and newest.size > covers else seals


def _drawn_figures(measured: list[standing.Measured]) -> tuple[drawing.Bars | None, dict[str, object] | None]:
    """Minutes from seal to final block, and gwei for each entry, anchor by anchor."""
    price = drawing.draw_bars([anchor.per_entry for anchor in measured])
    words = {"bars": price, "most": in_gwei(price.most), "middle": in_gwei(price.middle)} if price else None
    return drawing.draw_bars([anchor.lag_minutes for anchor in measured]), words


def _anchor(
    registration: Registration, row: Confirmation, cost: standing.Cost | None, moves: list[str]
) -> dict[str, object]:
    """One anchor as it is shown: when, how much it covers, what it cost in words, and where to look at it."""
    transaction = "0x" + bytes(row.attempt.transaction).hex()
    return {
        "at": row.block_at, "size": row.anchor.checkpoint_id, "added": row.anchor.checkpoint_id - row.anchor.old_size,
        "block_number": row.block_number, "transaction": transaction[2:], "moves": moves,
        "explorer_url": stages.explorer_url(registration.chain_id, transaction),
        "cost": in_coin(cost.whole) if cost else "", "per_entry": in_gwei(cost.per_entry) if cost else "",
        "fee": in_gwei(cost.fee) if cost else "",
    }  # fmt: skip
