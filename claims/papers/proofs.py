"""The two forms in which a proof of record is handed out: the file that a program checks, and the paper for people."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from anchoring import log
from anchoring.log import Subject
from claims.files import PDF
from claims.papers.certificate import certificate, file_name


class _Makes(Protocol):
    """Of the whole history or of one event; ``owners`` names whose facts are shown. Raises NoSuchRecord."""

    def __call__(
        self,
        subject: Subject,
        *,
        owners: Collection[str] | None,
        event: uuid.UUID | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> bytes: ...


@dataclass(frozen=True)
class ProofForm:
    """How it is made, and how the download is called and typed."""

    make: _Makes
    ending: str
    media_type: str

    def file_name(self, number: str, event: uuid.UUID | None = None) -> str:
        """The download's name, of ASCII letters, digits, hyphens and full stops."""
        return file_name(number, event, self.ending)


def _file(
    subject: Subject,
    *,
    owners: Collection[str] | None,
    event: uuid.UUID | None = None,
    progress: Callable[[int], object] | None = None,
) -> bytes:
    return log.proof(subject, owners=owners, entries=None if event is None else [event], progress=progress)


FILE: Final = ProofForm(_file, "proof.json", "application/json")
CERTIFICATE: Final = ProofForm(certificate, "certificate.pdf", PDF)
