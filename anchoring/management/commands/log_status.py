"""``log_status``: how the log is doing, in a table for people or as JSON."""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from anchoring.amounts import in_coin, in_gwei
from anchoring.fsck import ChainVerdict, ask_chain
from anchoring.management.on_chain import missing_tables_in_words
from anchoring.networks import GWEI
from anchoring.protocol.entry import format_time
from anchoring.stages import chain_end, currency
from anchoring.standing import cost
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
        with missing_tables_in_words():
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
    records = f", {status.records_not_anchored:,} of them records" if status.not_anchored else ""
    rows.append(("Not anchored yet", f"{status.not_anchored:,}{records}" + _since(status.not_anchored_since)))
    if registration:
        rows += _anchoring(status)
    rows.append(("Chain", str(chain)))
    rows += [("STOPPED", status.stopped)] if status.stopped else []
    if status.scan:
        rows.append(("Compared", f"{_shown(status.scan.at)}, {status.scan.found:,} differences found"))
    rows += [("DIFFERS", status.differs)] if status.differs else []
    rows += [("Trouble", trouble) for trouble in status.troubles]
    rows += [("ALARM", alarm) for alarm in [*status.alarms, *map(str, chain.findings)]]
    return rows


def _anchoring(status: LogStatus) -> list[tuple[str, str]]:
    """The state in words, what is under way and due, what the newest anchor cost and how many the key pays for."""
    stands, symbol = status.standing, currency(status.registration.chain_id) if status.registration else ""
    tick = status.ticks.get("anchor")
    rows = [("Anchoring", tick.said if tick and not tick.problem and tick.said else stands.sentence)]
    if stands.under_way:
        way = stands.under_way
        offer = f"{way.attempts} signed, up to {in_gwei(way.offer)} gwei"
        block = f"seen in block {way.block:,}" if way.block else "seen in no block yet"
        rows.append(("Under way", f"size {way.size:,} since {_shown(way.since)}, {offer}, {block}"))
        rows += [("", move) for move in way.moves]
    elif stands.due:
        rows.append(("Next anchor", f"by {_shown(stands.due)}" if stands.due > timezone.now() else "due now"))
    spent = cost(status.confirmation) if status.confirmation else None
    if spent:
        each = f"{in_gwei(spent.per_entry)} gwei an entry, at {in_gwei(spent.fee)} gwei a unit of gas"
        rows.append(("Newest cost", f"{in_coin(spent.whole)} {symbol}, {each}"))
    if stands.funds:
        held = f"{in_coin(stands.funds.balance_gwei * GWEI)} {symbol}"
        rows.append(("Anchors left", f"{stands.funds.anchors_left:,}, from {held} on {_shown(stands.funds.at)}"))
    if end := chain_end(status.registration.chain_id, timezone.now()) if status.registration else "":
        rows.append(("End of the chain", end))
    return rows


def _anchoring_as_json(status: LogStatus) -> dict[str, Any]:
    stands = status.standing
    way, funds, spent = stands.under_way, stands.funds, cost(status.confirmation) if status.confirmation else None
    return {
        "state": stands.word,
        "due_by": _time(stands.due),
        "under_way": {
            "size": way.size, "since": _time(way.since), "attempts": way.attempts, "offer_wei": way.offer,
            "transaction": way.transaction, "block_number": way.block, "moves": way.moves,
        } if way else None,
        "newest_cost": {"fee_wei": spent.fee, "wei": spent.whole, "wei_per_entry": spent.per_entry} if spent else None,
        "funds": {
            "balance_gwei": funds.balance_gwei, "anchors_left": funds.anchors_left, "looked_at": _time(funds.at),
        } if funds else None,
    }  # fmt: skip


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
        "records_not_anchored": status.records_not_anchored,
        "not_anchored_since": _time(status.not_anchored_since),
        "anchoring": _anchoring_as_json(status),
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
