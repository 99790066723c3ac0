"""Files from people: looked at before they are kept, kept encrypted as they were received.

The content decides what a file is, never its name or the browser's word. The hash is of the bytes as received.
"""

import hashlib
import io
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath

import filetype
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from PIL import Image
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from anchoring import vault
from claims.models import Claim, ClaimDraft, Document, KycCase, Party, Policy

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 64_000_000
MAX_NAME = 120
PDF = "application/pdf"
IMAGES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
EXTENSIONS = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "pdf": PDF,
}  # fmt: skip
ACCEPT = ".jpg,.jpeg,.png,.webp,.pdf"
WE_ACCEPT = "We can take photos (JPEG, PNG, WebP) and PDF files of up to 25 MB"


class FileRefused(ValueError):  # noqa: N818 - the sentence is for the person who chose the file
    """A file that cannot be kept; the text says why and what to do."""


@dataclass(frozen=True)
class Received:
    """A file that was looked at and may be kept. ``sha256`` is hex, of ``content`` as received."""

    name: str
    media_type: str
    content: bytes
    sha256: str


def receive(upload: UploadedFile) -> Received:
    """Look at an uploaded file. Raises FileRefused with a sentence for the person."""
    name = plain_name(upload.name or "file")
    if (upload.size or 0) > MAX_BYTES:
        raise FileRefused(f"“{name}” is larger than 25 MB. Make it smaller, or send it in parts.")
    return inspect(name=name, content=upload.read())


def inspect(*, name: str, content: bytes) -> Received:
    """The same for bytes at hand."""
    name = plain_name(name)
    if not content:
        raise FileRefused(f"“{name}” is empty. Check that it opens on your device, then choose it again.")
    if len(content) > MAX_BYTES:
        raise FileRefused(f"“{name}” is larger than 25 MB. Make it smaller, or send it in parts.")
    kind = filetype.guess(content[:8192])
    media_type = kind.mime if kind else ""
    if media_type not in IMAGES and media_type != PDF:
        raise FileRefused(f"“{name}” is not a kind of file that we can read. {WE_ACCEPT}.")
    _refuse_lying_name(name, media_type)
    if media_type == PDF:
        _open_pdf(name, content)
    else:
        _open_image(name, content, IMAGES[media_type])
    return Received(name, media_type, content, hashlib.sha256(content).hexdigest())


def plain_name(name: str) -> str:
    """The last part of a path of either kind, printable, at most 120 characters with its ending kept."""
    last = PureWindowsPath(PurePosixPath(name.replace("\x00", "")).name).name
    shown = "".join(c for c in last if c.isprintable()).strip(". ") or "file"
    if len(shown) <= MAX_NAME:
        return shown
    stem, dot, ending = shown.rpartition(".")
    return f"{stem[: MAX_NAME - 10]}{dot}{ending[:9]}" if dot else shown[:MAX_NAME]


def keep(*, owner: str, document_id: uuid.UUID, content: bytes) -> None:
    """Write the content into the file store, encrypted under the owner's key. What no row names is swept up later."""
    sealed = vault.seal(owner, content, context=_context(document_id))
    default_storage.save(_path(document_id), ContentFile(sealed))


def content_of(*, owner: str, document_id: uuid.UUID) -> bytes:
    """The bytes as received. Raises vault.VaultError, or FileNotFoundError when the store lost them."""
    with default_storage.open(_path(document_id)) as file:
        return vault.unseal(owner, file.read(), context=_context(document_id))


def discard(document_id: uuid.UUID) -> None:
    """Remove the content of a file that was never recorded."""
    default_storage.delete(_path(document_id))


def _path(document_id: uuid.UUID) -> str:
    text = str(document_id)
    return f"documents/{text[:2]}/{text}"


def _context(document_id: uuid.UUID) -> bytes:
    return f"file/v1\x00{document_id}".encode()


def _refuse_lying_name(name: str, media_type: str) -> None:
    """A picture may be called any picture's name; beyond that, name and content must agree."""
    claimed = EXTENSIONS.get(name.rpartition(".")[2].lower())
    if claimed is not None and (claimed == PDF) != (media_type == PDF):
        told, found = ("a PDF", "a picture") if claimed == PDF else ("a picture", "a PDF")
        raise FileRefused(
            f"“{name}” is named like {told}, but it is {found}. Rename it or save it again, then send it."
        )


def _open_image(name: str, content: bytes, image_format: str) -> None:
    unreadable = FileRefused(f"“{name}” cannot be opened as a picture. Save or photograph it again, then send it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=[image_format]) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise FileRefused(f"“{name}” has too many pixels (over 64 million). Send a smaller copy.")
                image.verify()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise FileRefused(f"“{name}” has too many pixels (over 64 million). Send a smaller copy.") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, FileRefused):
            raise
        raise unreadable from error


def _open_pdf(name: str, content: bytes) -> None:
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            raise FileRefused(f"“{name}” is locked with a password. Save it without one, then send it.")
        pages = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, OSError, RecursionError) as error:
        if isinstance(error, FileRefused):
            raise
        raise FileRefused(f"“{name}” cannot be opened as a PDF. Save it again, then send it.") from error
    if not pages:
        raise FileRefused(f"“{name}” has no pages. Save it again, then send it.")


def kept(
    received: Received,
    *,
    party: Party,
    kind: str,
    received_at: datetime,
    **belongs_to: KycCase | Policy | Claim | ClaimDraft,
) -> Document:
    """Keep the content and make its row, not saved yet: the caller's step inserts and records it."""
    document = Document(
        party=party, kind=kind, name=received.name, media_type=received.media_type, size=len(received.content),
        sha256=received.sha256, received_at=received_at, **belongs_to,
    )  # fmt: skip
    keep(owner=document.owner, document_id=document.id, content=received.content)
    return document


def facts_of(received: Sequence[Received]) -> dict[str, str]:
    """Numbered hashes of files, as the log shows them."""
    return {f"file.{number}.sha256": file.sha256 for number, file in enumerate(received, start=1)}
