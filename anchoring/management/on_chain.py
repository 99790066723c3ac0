"""What commands that need the chain share: how its troubles end them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from anchoring.chain import ChainError, ChainUnavailable
from anchoring.pipeline import Halted
from anchoring.trust import KeyNotAtHand

SILENT = 3


@contextmanager
def troubles_in_words() -> Iterator[None]:
    """One sentence on standard error: exit code 3 when nobody answers (try again later), 1 for anything else."""
    try:
        yield
    except ChainUnavailable as error:
        raise CommandError(str(error), returncode=SILENT) from error
    except (ChainError, Halted, KeyNotAtHand) as error:
        raise CommandError(str(error), returncode=1) from error
