"""P3: filing a claim with the log and without it, through the very action that the pages call.

Without: ``record`` as ``claims.workflow`` knows it is replaced by a function that does nothing. Only the bench does so.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from django.db import connection
from django.test.utils import CaptureQueriesContext

from anchoring.log import Subject, proof
from anchoring.models import Entry
from anchoring.seal import sequencer
from claims.actions import claim
from claims.models import Claim, Policy, Role, User
from tests import people
from tests.bench.rounds import Paired, paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

Filing = Callable[[], Claim]


@dataclass(frozen=True)
class Cover:
    """Alice and her policy."""

    alice: User
    policy: Policy

    def file_claim(self, *, files: int) -> Claim:
        """One claim of two things, with so many files."""
        uploads = [people.a_file(f"{n}.png") for n in range(files)]
        return claim.submit_claim(
            by=self.alice, policy=self.policy, fnol=people.loss(25_000, 9_900), idempotency_key=str(uuid.uuid4()),
            uploads=uploads,
        )  # fmt: skip


def insured() -> Cover:
    """Alice's identity approved and a policy bought, all through the actions."""
    alice = people.person("Alice")
    return Cover(alice, people.insured(alice, officer=people.person("Carol", Role.KYC_OFFICER)))


def lines(*, rounds: int, writes: int) -> list[Line]:
    """P3 without files and with one; and what a proof of one claim costs as a whole."""
    cover = insured()
    out = [_p3(cover, files, rounds=rounds, writes=writes) for files in (0, 1)]
    return [*out, _whole_proof(cover)]


def _p3(cover: Cover, files: int, *, rounds: int, writes: int) -> Line:
    file_claim = partial(cover.file_claim, files=files)
    with_files = "without files" if files == 0 else f"with {files} file"
    cases = {"with": partial(timed, file_claim, times=writes), "without": partial(_unrecorded, file_claim, writes)}
    found = paired(f"filing {with_files}", cases, rounds=rounds)
    ratio = found.ratio("with", "without")
    return Line(
        f"P3 filing a claim {with_files}: with the log ÷ without it",
        f"{ratio:.2f} (CPU {found.cpu_ratio('with', 'without'):.2f})", _absolute(found, file_claim),
        *at_most(ratio, 1.10, 1.2),
    )  # fmt: skip


def _unrecorded(file_claim: Filing, writes: int) -> Took:
    with mock.patch("claims.workflow.record", _nothing):
        return timed(file_claim, times=writes)


def _nothing(**_: Any) -> Entry:
    return Entry()


def _absolute(found: Paired, file_claim: Filing) -> str:
    with CaptureQueriesContext(connection) as caught:
        file_claim()
    itself, added = 1000 * found.wall("without"), 1000 * found.added("with", "without")
    return f"itself {itself:.1f} ms in {len(caught)} statements, the log +{added:.2f} ms"


def _whole_proof(cover: Cover) -> Line:
    filed = cover.file_claim(files=1)
    sequencer.sequence()
    took = min(timed(lambda: proof(Subject("claim", str(filed.pk)), owners=None)).wall for _ in range(10))
    return Line("a claim's proof of record as a file, checked by verify.py before it leaves", f"{1000 * took:.0f} ms")
