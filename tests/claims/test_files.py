"""Files from people: what is kept, what is refused, and how that is said."""

import hashlib
import io
import struct
import uuid
import zlib

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfWriter

from anchoring import vault
from claims import files
from tests.people import PNG

NOT_READABLE = (
    "is not a kind of file that we can read. We can take photos (JPEG, PNG, WebP) and PDF files of up to 25 MB."
)


def picture(kind: str, size: tuple[int, int] = (4, 3)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def paper(*, pages: int = 1, password: str = "") -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(width=72, height=72)
    if password:
        writer.encrypt(password)
    writer.write(out)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has width times height pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(files.FileRefused) as refused:
        files.inspect(name=name, content=content)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.png", picture("PNG"), "image/png"),
        ("a.jpg", picture("JPEG"), "image/jpeg"),
        ("a.JPEG", picture("JPEG"), "image/jpeg"),
        ("a.webp", picture("WEBP"), "image/webp"),
        ("a.pdf", paper(), "application/pdf"),
        ("no ending", picture("PNG"), "image/png"),
        ("a.heic", picture("JPEG"), "image/jpeg"),
        ("a.jpg", picture("PNG"), "image/png"),
    ],
)
def test_pictures_and_papers_are_known_by_their_content(name, content, media_type) -> None:
    received = files.inspect(name=name, content=content)
    assert (received.media_type, received.content) == (media_type, content)


def test_the_fingerprint_is_of_the_bytes_as_received() -> None:
    assert files.inspect(name="a.png", content=PNG).sha256 == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"", "“a.pdf” is empty. Check that it opens on your device, then choose it again."),
        ("a.pdf", picture("PNG"),
         "“a.pdf” is named like a PDF, but it is a picture. Rename it or save it again, then send it."),
        ("a.png", paper(),
         "“a.png” is named like a picture, but it is a PDF. Rename it or save it again, then send it."),
        ("a.png", b"MZ" + b"\x00" * 100, f"“a.png” {NOT_READABLE}"),
        ("a.html", b"<html><script>alert(1)</script>", f"“a.html” {NOT_READABLE}"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", f"“a.svg” {NOT_READABLE}"),
        ("a.gif", picture("GIF"), f"“a.gif” {NOT_READABLE}"),
        ("a.txt", b"plain words", f"“a.txt” {NOT_READABLE}"),
        ("a.png", picture("PNG")[:40],
         "“a.png” cannot be opened as a picture. Save or photograph it again, then send it."),
        ("a.jpg", b"\xff\xd8\xff" + b"\x00" * 50,
         "“a.jpg” cannot be opened as a picture. Save or photograph it again, then send it."),
        ("a.pdf", b"%PDF-1.7 and nothing", "“a.pdf” cannot be opened as a PDF. Save it again, then send it."),
        ("a.pdf", paper(pages=0), "“a.pdf” has no pages. Save it again, then send it."),
        ("a.pdf", paper(password="secret"),
         "“a.pdf” is locked with a password. Save it without one, then send it."),
        ("bomb.png", bomb(50_000, 50_000), "“bomb.png” has too many pixels (over 64 million). Send a smaller copy."),
        ("bomb.png", bomb(8_001, 8_000), "“bomb.png” has too many pixels (over 64 million). Send a smaller copy."),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_what_to_do(name, content, sentence) -> None:
    assert refusal(name, content) == sentence


def test_a_file_larger_than_the_limit_is_refused_before_it_is_read() -> None:
    class Huge(SimpleUploadedFile):
        def read(self, *arguments: int) -> bytes:
            raise AssertionError("read although it is too large")

    upload = Huge("big.png", b"")
    upload.size = files.MAX_BYTES + 1
    with pytest.raises(files.FileRefused) as refused:
        files.receive(upload)
    assert str(refused.value) == "“big.png” is larger than 25 MB. Make it smaller, or send it in parts."


def test_a_file_that_lies_about_its_size_is_still_measured() -> None:
    assert refusal("big.png", PNG + b"\x00" * files.MAX_BYTES) == (
        "“big.png” is larger than 25 MB. Make it smaller, or send it in parts."
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("receipt.png", "receipt.png"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\alice\\receipt.png", "receipt.png"),
        ("..\\..\\receipt.png", "receipt.png"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b.png", "ab.png"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie: x.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("Quittung Müller 発票.png", "Quittung Müller 発票.png"),
        ("x" * 300 + ".png", "x" * 110 + ".png"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_name_is_the_last_part_of_a_path_and_printable(given, kept) -> None:
    assert files.plain_name(given) == kept


@pytest.mark.django_db
def test_content_is_encrypted_in_the_store_and_opens_only_for_its_owner_and_document() -> None:
    mine, other = uuid.uuid4(), uuid.uuid4()
    files.keep(owner="person:alice", document_id=mine, content=PNG)
    with default_storage.open(f"documents/{str(mine)[:2]}/{mine}") as stored:
        raw = stored.read()
    assert PNG not in raw
    assert files.content_of(owner="person:alice", document_id=mine) == PNG
    files.keep(owner="person:alice", document_id=other, content=PNG + b"x")
    default_storage.delete(f"documents/{str(other)[:2]}/{other}")
    with pytest.raises(FileNotFoundError):
        files.content_of(owner="person:alice", document_id=other)
    files.keep(owner="person:bob", document_id=other, content=PNG)
    with pytest.raises(vault.Unreadable):
        files.content_of(owner="person:alice", document_id=other)


@pytest.mark.django_db
def test_content_is_gone_once_its_owner_s_key_is_destroyed() -> None:
    mine = uuid.uuid4()
    files.keep(owner="person:alice", document_id=mine, content=PNG)
    vault.destroy("person:alice")
    with pytest.raises(vault.KeyDestroyed):
        files.content_of(owner="person:alice", document_id=mine)
