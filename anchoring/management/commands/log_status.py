"""``log_status``: how the log is doing, in a table for people or as JSON."""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring.fsck import ChainVerdict, ask_chain
from anchoring.protocol.entry import format_time
from anchoring.status import LogStatus, log_status


class Command(BaseCommand):
    """The public page's figures, and a look at the chain."""

    help = (
        "Show size, newest checkpoint, newest anchor, what waits, and troubles in words. Exits 0; 1 when a promise is"
        " broken or the chain holds something else. A silent chain is said and is no error."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One choice: for people or for programs."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, ask, print."""
        status, chain = log_status(), ask_chain()
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(status, chain)))
        else:
            for name, value in _table(status, chain):
                self.stdout.write(f"{name:18}{value}".rstrip())
        broken = [*filter(None, [status.stopped, status.differs]), *status.alarms, *map(str, chain.findings)]
        if broken:
            raise CommandError(" ".join(broken), returncode=1)


def _table(status: LogStatus, chain: ChainVerdict) -> list[tuple[str, str]]:
    checkpoint, confirmation, registration = status.checkpoint, status.confirmation, status.registration
    rows = [
        ("Leaves", f"{status.size:,}"),
        ("Waiting", f"{status.waiting:,}" + _since(status.oldest_waiting_at)),
        ("Checkpoint", f"size {checkpoint.size:,}, signed {_shown(checkpoint.at)}" if checkpoint else "none yet"),
        ("Registered on", f"{status.chain_name} (chain {registration.chain_id})" if registration else "no chain yet"),
    ]
    if registration:
        rows.append(("Contract", f"0x{bytes(registration.contract).hex()}"))
    if confirmation:
        rows.append(("Anchored", f"size {confirmation.anchor.checkpoint_id:,}, block {confirmation.block_number:,}"))
        rows.append(("Transaction", f"0x{bytes(confirmation.attempt.transaction).hex()}"))
        rows.append(("Block time", _shown(confirmation.block_at)))
    else:
        rows.append(("Anchored", "nothing yet"))
    rows.append(("Not anchored yet", f"{status.not_anchored:,}" + _since(status.not_anchored_since)))
    rows.append(("Chain", str(chain)))
    rows += [("STOPPED", status.stopped)] if status.stopped else []
    if status.scan:
        rows.append(("Compared", f"{_shown(status.scan.at)}, {status.scan.found:,} differences found"))
    rows += [("DIFFERS", status.differs)] if status.differs else []
    rows += [("Trouble", trouble) for trouble in status.troubles]
    rows += [("ALARM", alarm) for alarm in [*status.alarms, *map(str, chain.findings)]]
    return rows


def _as_json(status: LogStatus, chain: ChainVerdict) -> dict[str, Any]:
    checkpoint, confirmation, registration = status.checkpoint, status.confirmation, status.registration
    return {
        "size": status.size,
        "waiting": status.waiting,
        "oldest_waiting_at": _time(status.oldest_waiting_at),
        "checkpoint": {"size": checkpoint.size, "at": _time(checkpoint.at)} if checkpoint else None,
        "registration": {
            "chain_id": registration.chain_id,
            "contract": f"0x{bytes(registration.contract).hex()}",
            "log_id": f"0x{bytes(registration.log_id).hex()}",
        }
        if registration
        else None,
        "anchor": {
            "size": confirmation.anchor.checkpoint_id,
            "block_number": confirmation.block_number,
            "block_at": _time(confirmation.block_at),
            "transaction": f"0x{bytes(confirmation.attempt.transaction).hex()}",
        }
        if confirmation
        else None,
        "not_anchored": status.not_anchored,
        "not_anchored_since": _time(status.not_anchored_since),
        "chain": "not checked" if chain.not_checked else "differs" if chain.findings else "agrees",
        "chain_not_checked_because": chain.not_checked,
        "scan": {"at": _time(status.scan.at), "found": status.scan.found, "took_ms": status.scan.took_ms}
        if status.scan
        else None,
        "stopped": status.stopped,
        "troubles": status.troubles,
        "alarms": [*status.alarms, *map(str, chain.findings)],
    }


def _since(at: datetime | None) -> str:
    return f", the oldest since {_shown(at)}" if at else ""


def _shown(at: datetime) -> str:
    return f"{at:%-d %B %Y %H:%M:%S} UTC"


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None
