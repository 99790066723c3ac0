"""The witness: what this log signed, in a file outside the database, so that no restored backup can make us forget it.

One line for each checkpoint, appended after its commit: ``<time> signed <base64 of the signed note>``. A line
``<time> void <base64 of the words>`` says that a person recorded a loss: what was signed before it counts no more. Only
the end of the file is ever read; it may be shortened from its beginning. A line that a crash cut short is passed over.
Keep the folder (``WITNESS_DIR``) on another disk than the database, and never restore the two together.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from anchoring.models import Checkpoint
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.checkpoint import parse_checkpoint
from anchoring.protocol.entry import format_time, parse_time
from anchoring.protocol.note import split_note
from anchoring.protocol.scalars import from_base64, to_base64

TAIL = 64 * 1024
_logger = logging.getLogger(__name__)
_read: dict[Path, tuple[tuple[int, int], "Signed | None"]] = {}  # path → (time and size of the file, what it said)


@dataclass(frozen=True)
class Signed:
    """A head that this log signed, as something outside the database remembers it."""

    size: int
    root: bytes
    at: datetime
    note: str


def path() -> Path:
    """The file."""
    return Path(settings.WITNESS_DIR) / "checkpoints"


def remember(checkpoint: Checkpoint) -> None:
    """Append a committed checkpoint, durably. What the disk refuses is logged and shown by ``is_behind``, not raised:
    the checkpoint exists, and the next one is remembered as well."""
    try:
        _append("signed", checkpoint.note)
    except OSError as error:
        _logger.error("The witness cannot be written: %s. Seals go on; see to the disk soon.", error.strerror)


def void(words: str) -> None:
    """From here on what was signed before counts no more. Raises OSError."""
    _append("void", words)


def newest() -> Signed | None:
    """The largest head in the file's end that counts; of two of one size the older line. Raises OSError."""
    file = path()
    try:
        state = file.stat()
    except FileNotFoundError:
        return None
    seen = (state.st_mtime_ns, state.st_size)
    if file not in _read or _read[file][0] != seen:
        _read[file] = (seen, _newest(_tail(file)))
    return _read[file][1]


def is_missing() -> bool:
    """Whether there is no file, or nothing in it. Raises OSError."""
    try:
        return path().stat().st_size == 0
    except FileNotFoundError:
        return True


def is_behind(checkpoint: Checkpoint) -> bool:
    """Whether the witness lacks the database's newest checkpoint: it could not be written, or is new."""
    signed = newest()
    return signed is None or signed.size < checkpoint.size


def parse_signed(note: str, at: datetime) -> Signed:
    """A signed note as a head; the signature is not looked at. Raises Malformed."""
    text, _ = split_note(note)
    checkpoint = parse_checkpoint(text)
    return Signed(checkpoint.size, checkpoint.root, at, note)


def _newest(lines: Iterator[bytes]) -> Signed | None:
    found: Signed | None = None
    for line in lines:
        try:
            at, word, content = line.decode().split(" ")
            text = from_base64(content).decode()
            if word == "void":
                found = None
            elif word == "signed" and (signed := parse_signed(text, parse_time(at))).size > (
                found.size if found else 0
            ):
                found = signed
        except (ValueError, Malformed):
            continue
    return found


def _tail(file: Path) -> Iterator[bytes]:
    """The file's last complete lines."""
    with file.open("rb") as stream:
        start = max(0, stream.seek(0, os.SEEK_END) - TAIL)
        stream.seek(start)
        lines = stream.read().split(b"\n")[:-1]
    yield from lines[1:] if start else lines


def _append(word: str, text: str) -> None:
    file = path()
    line = f"{format_time(timezone.now())} {word} {to_base64(text.encode())}\n".encode()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # until it is closed
        end = stream.seek(0, os.SEEK_END)
        if end and os.pread(stream.fileno(), 1, end - 1) != b"\n":
            line = b"\n" + line  # a crash cut the last line short
        if stream.write(line) != len(line):
            raise OSError(28, "the disk is full")
        os.fsync(stream.fileno())
