"""What commands that need the chain share: how its troubles end them, and what it says of our rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.management.base import CommandError

from anchoring import config
from anchoring.chain import ChainError, ChainUnavailable
from anchoring.fsck import Finding, NotChecked, check_chain
from anchoring.pipeline import Halted

SILENT = 3


@contextmanager
def troubles_in_words() -> Iterator[None]:
    """One sentence on standard error: exit code 3 when nobody answers (try again later), 1 for anything else."""
    try:
        yield
    except ChainUnavailable as error:
        raise CommandError(str(error), returncode=SILENT) from error
    except (ChainError, Halted) as error:
        raise CommandError(str(error), returncode=1) from error


@dataclass(frozen=True)
class ChainVerdict:
    """What the chain says of our rows: nothing amiss, findings, or why it could not be asked."""

    findings: list[Finding]
    not_checked: str = ""

    def __str__(self) -> str:
        if self.not_checked:
            return f"chain not checked: {self.not_checked}"
        return "chain checked: it differs" if self.findings else "chain checked: it holds what our rows say"


def ask_chain() -> ChainVerdict:
    """Compare with the chain behind CHAIN_RPC_URL; a silent one is no error."""
    try:
        return ChainVerdict(list(check_chain(chain=config.chain())))
    except (NotChecked, ChainError) as reason:
        return ChainVerdict([], str(reason).rstrip("."))
