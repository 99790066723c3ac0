"""One run of the scan, with the chain's word, kept for the status page and for the next scan."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import chain

from django.utils import timezone

from anchoring.fsck.chain import ChainVerdict
from anchoring.fsck.finding import Finding, Tally
from anchoring.fsck.since import Memory
from anchoring.models import Checkpoint, Scan

KEPT = 1_000  # findings that are kept; more are counted

Show = Callable[[Finding, str], object]
"""Told each finding as it comes, and since when it is so."""


def keep(findings: Iterable[Finding], tally: Tally, verdict: ChainVerdict, *, show: Show) -> Scan:
    """Take all that the scan finds, then what the chain said, and keep it. Memory is steady however much is wrong."""
    began, clock, memory = timezone.now(), time.monotonic(), Memory()
    newest = Checkpoint.objects.order_by("-size").first()
    kept: list[dict[str, str]] = []
    found = 0
    for finding in chain(findings, verdict.findings):
        since = memory.since(finding)
        show(finding, since)
        found += 1
        if len(kept) < KEPT:
            kept.append({"where": finding.where, "what": finding.what, "since": since})
    return Scan.objects.create(
        at=began, took_ms=int(1000 * (time.monotonic() - clock)), size=newest.size if newest else 0,
        checked=asdict(tally), chain=str(verdict), found=found, findings=kept,
    )  # fmt: skip
