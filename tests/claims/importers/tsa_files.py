"""Small files of the TSA claims layout, written for the tests."""

import io
from collections.abc import Iterable

from claims.importers import tsa

HEADER = ",".join(tsa.COLUMNS)
APPROVED = "BOS,Boston (Logan) International,Delta Air Lines,Property Damage,Checked Baggage,Other,25,Approved,25"
SETTLED = 'BOS,Boston (Logan) International,UAL,Passenger Theft,Checkpoint,"Shoes, belts",210.50,Settled,60'
DENIED = "ABQ,Albuquerque International,Jet Blue,Passenger Property Loss,Other,Locks,235,Denied,0"
LARGE = "ABQ,Albuquerque International,Jet Blue,Personal Injury,Other,Other,6600,Approved,6600"
LARGE_DENIED = "ABQ,Albuquerque International,Jet Blue,Employee Loss (MPCECA),Other,Other,18200,Denied,0"
DENIED_BUT_PAID = "BOS,Boston,UAL,Property Damage,Checkpoint,Locks,90,Denied,12.34"
PAID_ABOVE_CLAIMED = "BOS,Boston,UAL,Property Damage,Checkpoint,Locks,48.63,Approved,49"
UNREADABLE = "BOS,Boston,UAL,Property Damage,Checkpoint,Locks,about 20,Approved,20"

BAD_LINES: dict[bytes, str] = {
    b"BOS,Boston,UAL,Property Damage,Checkpoint," + b"x" * 70_000 + b",20,Approved,20": "LINE_TOO_LONG",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Caf\xe9 table,20,Approved,20": "ENCODING",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Lo\x00cks,20,Approved,20": "ENCODING",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Lo\rcks,20,Approved,20": "ENCODING",
    b'BOS,Boston,UAL,Property Damage,Checkpoint,"Locks,20,Approved,20': "QUOTATION_MARKS",
    b'BOS,Boston,UAL,Property Damage,Checkpoint,"Lo"cks,20,Approved,20': "QUOTATION_MARKS",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Approved": "COLUMN_COUNT",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Approved,20,": "COLUMN_COUNT",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Pending,20": "STATUS_UNKNOWN",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,denied,0": "STATUS_UNKNOWN",
    b"BOS,Boston,UAL,Compliment,Checkpoint,Locks,20,Approved,20": "TYPE_UNKNOWN",
    b"BOS,Boston,UAL,Property Damage,Checkpoint, ,20,Approved,20": "ITEM_MISSING",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,,Approved,20": "AMOUNT_UNREADABLE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20.005,Approved,20": "AMOUNT_UNREADABLE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,1e3,Approved,20": "AMOUNT_UNREADABLE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Approved,NaN": "AMOUNT_UNREADABLE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,-20,Denied,0": "AMOUNT_NEGATIVE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Settled,-5": "AMOUNT_NEGATIVE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Denied,20": "DENIED_BUT_PAID",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Denied,21": "DENIED_BUT_PAID",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Settled,20.01": "PAID_ABOVE_CLAIMED",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,0,Settled,135": "PAID_ABOVE_CLAIMED",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,0,Denied,0": "NOTHING_CLAIMED",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,20,Approved,0": "ACCEPTED_BUT_UNPAID",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,10000000.01,Settled,5": "AMOUNT_TOO_LARGE",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,2500000.01,Denied,0": "ABOVE_ALL_AUTHORITY",
    b"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,9000000,Settled,2500000.01": "ABOVE_ALL_AUTHORITY",
}
"""A line for every rule, and the rule that it breaks."""


def file_of(lines: Iterable[str | bytes], *, header: str = HEADER, end: str = "\r\n") -> bytes:
    """The bytes of a file with these lines."""
    encoded = [line.encode() if isinstance(line, str) else line for line in (header, *lines)]
    return b"".join(line + end.encode() for line in encoded)


def source_of(content: bytes) -> tsa.Source:
    return tsa.open_source(io.BytesIO(content))


def rows_of(content: bytes) -> list[tsa.Row]:
    return list(tsa.read_rows(source_of(content)))
