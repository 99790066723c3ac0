"""``import_claims``: a book of claims comes in row by row, and however often the run dies, each row comes in once."""

import csv
import fcntl
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from anchoring import log
from anchoring.models import DataKey, Entry, Leaf, Pending
from anchoring.seal import sequencer
from claims.actions import adjusting
from claims.actions.adjusting import Verdict
from claims.models import Claim, ClaimDecision, ClaimPayment, Notice, Party, Policy, User
from claims.workflow import subject_of
from tests.claims.importers import tsa_files as files

ROOT = Path(__file__).resolve().parents[2]
REAL_FILE = ROOT.parent / "shared" / "data" / "tsa" / "tsa_claims_4000.csv"
GOOD = [files.APPROVED, files.SETTLED, files.DENIED, files.LARGE, files.LARGE_DENIED]
BAD = [files.DENIED_BUT_PAID, files.PAID_ABOVE_CLAIMED, files.UNREADABLE]
pytestmark = pytest.mark.django_db


@pytest.fixture(name="book")
def _book(tmp_path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_bytes(files.file_of([*GOOD, *BAD]))
    return path


def run(path: Path, *options: str) -> dict[str, int]:
    """The command's one line on standard output."""
    out = io.StringIO()
    call_command("import_claims", str(path), "--format=tsa", *options, stdout=out, stderr=io.StringIO())
    (line,) = out.getvalue().splitlines()
    return json.loads(line)


def report_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def outcomes() -> list[tuple]:
    """Each imported claim, in the order of its row: state, what was claimed and decided, what was paid."""
    claims = Claim.objects.order_by("policy__external_ref")
    return [
        (
            claim.status, claim.claimed_minor, claim.decision.outcome, claim.decision.payable_minor,
            claim.payments.aggregate(paid=Sum("amount_minor"))["paid"],
        )
        for claim in claims
    ]  # fmt: skip


WANTED = [
    ("paid", 2_500, "accepted", 2_500, 2_500),
    ("paid", 21_050, "part_accepted", 6_000, 6_000),
    ("decided", 23_500, "declined", 0, None),
    ("paid", 660_000, "accepted", 660_000, 660_000),
    ("decided", 1_820_000, "declined", 0, None),
]
SUMS = {"claimed_minor": 2_527_050, "paid_minor": 668_500}


def test_good_rows_come_in_with_decision_and_payment_and_bad_rows_are_reported(book, tmp_path) -> None:
    report = tmp_path / "refused.jsonl"
    done = run(book, f"--report={report}")
    assert done == {"rows": 8, "imported": 5, "refused": 3, "duplicates": 0} | SUMS
    assert outcomes() == WANTED
    assert report_of(report) == [
        {
            "row": 6, "line": 7, "rule": "DENIED_BUT_PAID", "claimed_minor": 9_000, "paid_minor": 1_234,
            "text": "The claim is said to be denied, but money was paid.",
            "claimed": "90", "paid": "12.34", "status": "Denied",
        },
        {
            "row": 7, "line": 8, "rule": "PAID_ABOVE_CLAIMED", "claimed_minor": 4_863, "paid_minor": 4_900,
            "text": "More was paid than was claimed; the file does not say what the difference is.",
            "claimed": "48.63", "paid": "49", "status": "Approved",
        },
        {
            "row": 8, "line": 9, "rule": "AMOUNT_UNREADABLE", "claimed_minor": None, "paid_minor": 2_000,
            "text": "An amount is not a figure of dollars with at most two decimals.",
            "claimed": "about 20", "paid": "20", "status": "Approved",
        },
    ]  # fmt: skip


def test_every_broken_line_is_refused_alone_and_reported_under_its_rule(tmp_path) -> None:
    path, report = tmp_path / "bad.csv", tmp_path / "refused.jsonl"
    path.write_bytes(files.file_of([*files.BAD_LINES, files.APPROVED]))
    done = run(path, f"--report={report}")
    assert (done["refused"], done["imported"]) == (len(files.BAD_LINES), 1)
    assert [line["rule"] for line in report_of(report)] == list(files.BAD_LINES.values())


def test_the_desk_has_one_person_for_each_role_and_nobody_can_sign_in_as_them(book) -> None:
    run(book)
    desk = User.objects.order_by("email")
    assert [(user.email, user.role, user.has_usable_password()) for user in desk] == [
        ("import-adjuster@touchstone.invalid", "adjuster", False),
        ("import-finance@touchstone.invalid", "finance", False),
        ("import-supervisor@touchstone.invalid", "supervisor", False),
        ("import-underwriter@touchstone.invalid", "underwriter", False),
    ]


def test_a_small_claim_is_decided_by_the_adjuster_alone_and_a_large_one_by_two(book) -> None:
    run(book)
    small, _, _, large, large_denied = Claim.objects.order_by("policy__external_ref")
    assert small.decision.approved_by is None
    for claim in (large, large_denied):
        assert claim.decision.proposed_by.role == "adjuster"
        assert claim.decision.approved_by.role == "supervisor"
    assert [event.kind for event in log.history(subject_of(large))] == [
        "claim.submitted", "claim.taken", "claim.decision_proposed", "claim.decision_approved", "claim.paid",
    ]  # fmt: skip


def test_holders_are_made_up_one_for_each_row_and_get_no_mail(book) -> None:
    run(book)
    assert sorted(Party.objects.values_list("name", "user")) == [(f"Imported holder {n}", None) for n in range(1, 6)]
    assert Notice.objects.count() == 0


def test_policies_and_claims_carry_the_rows_key_and_the_products_terms(book) -> None:
    run(book)
    for claim in Claim.objects.select_related("policy"):
        assert claim.idempotency_key == claim.policy.external_ref
        assert claim.policy.product_code == "airport-baggage-us-1"
        assert (claim.currency, claim.policy.currency) == ("USD", "USD")
        assert claim.policy.trust_fingerprint == log.trust_fingerprint()


def test_the_day_of_loss_is_the_one_given_and_marked_as_made_up(book) -> None:
    run(book, "--as-of=2026-02-28")
    for claim in Claim.objects.select_related("policy"):
        assert (claim.loss_at, claim.loss_precision) == (datetime(2026, 2, 28, 12, tzinfo=UTC), "synthesised")
        assert claim.policy.starts_at == datetime(2026, 2, 28, tzinfo=UTC)
        assert claim.policy.ends_at == datetime(2026, 3, 1, tzinfo=UTC)
        facts = log.history(subject_of(claim))[0].facts
        assert (facts["loss_precision"], facts["loss_at"]) == ("synthesised", "2026-02-28T12:00:00+00:00")


def test_without_a_day_today_stands_in(book) -> None:
    run(book)
    assert {claim.loss_at.date() for claim in Claim.objects.all()} == {timezone.now().date()}


def test_the_log_seals_everything_that_the_import_recorded(book) -> None:
    run(book)
    recorded = Entry.objects.count()
    assert recorded == 5 * 4 + 2 * 1 + 3 * 1  # taken over, submitted, taken, decided; two approvals; three payments
    assert sequencer.sequence() == recorded
    assert (Leaf.objects.count(), Pending.objects.count()) == (recorded, 0)


def test_a_second_run_imports_nothing_whatever_the_day_and_the_files_name(book, tmp_path) -> None:
    run(book)
    entries, before = Entry.objects.count(), outcomes()
    other_name = tmp_path / "copy.csv"
    other_name.write_bytes(book.read_bytes())
    done = run(other_name, "--as-of=2026-01-01")
    assert done == {"rows": 8, "imported": 0, "refused": 3, "duplicates": 5, "claimed_minor": 0, "paid_minor": 0}
    assert (Entry.objects.count(), outcomes()) == (entries, before)


def test_two_equal_rows_are_two_claims(tmp_path) -> None:
    path = tmp_path / "twins.csv"
    path.write_bytes(files.file_of([files.APPROVED, files.APPROVED]))
    assert run(path)["imported"] == 2
    assert Claim.objects.count() == 2


def test_a_limit_takes_the_first_rows_and_a_run_without_one_the_rest(book) -> None:
    first, rest = run(book, "--limit=2"), run(book)
    assert (first["rows"], first["imported"], first["duplicates"]) == (2, 2, 0)
    assert (rest["rows"], rest["imported"], rest["duplicates"]) == (8, 3, 2)
    assert first["claimed_minor"] + rest["claimed_minor"] == SUMS["claimed_minor"]
    assert first["paid_minor"] + rest["paid_minor"] == SUMS["paid_minor"]


def test_a_dry_run_says_the_same_and_writes_nothing(book, tmp_path) -> None:
    dry_report, report = tmp_path / "dry.jsonl", tmp_path / "refused.jsonl"
    foretold = run(book, "--dry-run", f"--report={dry_report}")
    written = [User, Party, Policy, Claim, Entry, DataKey]
    assert [model.objects.count() for model in written] == [0] * len(written)
    assert foretold == run(book, f"--report={report}")
    assert dry_report.read_text() == report.read_text()
    assert run(book, "--dry-run")["duplicates"] == 5


class Killed(BaseException):
    """The process is gone."""


def writes_an_entry(sql: str) -> bool:
    """By an INSERT on SQLite, by a function of the database on PostgreSQL."""
    return "INSERT INTO anchoring_entry" in sql or "anchoring_record(" in sql


class DiesAtEntry:
    """Stands in the way of the n-th entry of the log, so that everything before it is committed and nothing after."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        if writes_an_entry(sql):
            self.left -= 1
            if self.left == 0:
                raise Killed
        return execute(sql, params, many, context)


@pytest.mark.parametrize("entry", range(1, 7))
@pytest.mark.parametrize("next_day", ["2026-02-01", "2026-02-02"])
def test_a_run_killed_before_any_action_of_a_row_is_taken_up_there(tmp_path, entry: int, next_day: str) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(files.file_of([files.LARGE]))
    with pytest.raises(Killed), connection.execute_wrapper(DiesAtEntry(entry)):
        run(path, "--as-of=2026-02-01")
    assert Entry.objects.count() == entry - 1
    resumed = run(path, f"--as-of={next_day}")
    again = run(path, f"--as-of={next_day}")
    assert (resumed["imported"], resumed["paid_minor"], again["duplicates"]) == (1, 660_000, 1)
    assert outcomes() == [("paid", 660_000, "accepted", 660_000, 660_000)]
    assert (Policy.objects.count(), Party.objects.count(), Entry.objects.count()) == (1, 1, 6)
    assert ClaimPayment.objects.count() == 1


def test_what_erin_sent_back_meanwhile_is_proposed_again(tmp_path, erin) -> None:
    path = _killed_while_waiting_for_approval(tmp_path)
    adjusting.send_back_decision(by=erin, claim=Claim.objects.get(), reason="Whose decision is this?")
    assert run(path)["imported"] == 1
    assert Claim.objects.get().status == "paid"


def test_what_dora_decided_otherwise_meanwhile_is_refused_and_left_as_it_is(tmp_path, dora, erin) -> None:
    path, report = _killed_while_waiting_for_approval(tmp_path), tmp_path / "refused.jsonl"
    claim = Claim.objects.get()
    adjusting.send_back_decision(by=erin, claim=claim, reason="Too much.")
    less = Verdict(ClaimDecision.Outcome.PART_ACCEPTED, 100, "Worth less.", "PRIOR_DECISION", "1.2")
    adjusting.decide_claim(by=dora, claim=claim, verdict=less)
    done = run(path, f"--report={report}")
    assert (done["imported"], done["refused"], done["paid_minor"]) == (0, 1, 0)
    (line,) = report_of(report)
    assert line["rule"] == "ACTION_REFUSED"
    assert line["text"] == f"{claim.number} has been decided here with another amount since an earlier import."
    assert ClaimPayment.objects.count() == 0


def _killed_while_waiting_for_approval(tmp_path: Path) -> Path:
    path = tmp_path / "large.csv"
    path.write_bytes(files.file_of([files.LARGE]))
    with pytest.raises(Killed), connection.execute_wrapper(DiesAtEntry(5)):
        run(path)
    assert Claim.objects.get().status == "awaiting_approval"
    return path


def _refused(*words: str) -> CommandError:
    with pytest.raises(CommandError) as refused:
        call_command("import_claims", *words, stdout=io.StringIO(), stderr=io.StringIO())
    assert Claim.objects.count() == 0
    return refused.value


def test_a_file_of_another_layout_exits_2_and_leaves_report_and_database_alone(tmp_path) -> None:
    path, report = tmp_path / "other.csv", tmp_path / "refused.jsonl"
    path.write_text("a,b\n1,2\n")
    error = _refused(str(path), "--format=tsa", f"--report={report}")
    assert error.returncode == 2
    assert "but it names “a” and 1 more." in str(error)
    assert not report.exists()
    assert User.objects.count() == 0


def test_a_file_that_is_not_there_or_a_folder_exits_2_with_one_sentence(tmp_path) -> None:
    missing, folder = _refused(str(tmp_path / "no.csv"), "--format=tsa"), _refused(str(tmp_path), "--format=tsa")
    assert (missing.returncode, folder.returncode) == (2, 2)
    assert str(missing) == f"Cannot use {tmp_path}/no.csv: No such file or directory."
    assert str(folder) == f"Cannot use {tmp_path}: Is a directory."


def test_a_report_that_cannot_be_written_or_is_the_file_itself_exits_2(book, tmp_path) -> None:
    nowhere = _refused(str(book), "--format=tsa", f"--report={tmp_path}/no/report")
    itself = _refused(str(book), "--format=tsa", f"--report={book}")
    assert (nowhere.returncode, itself.returncode) == (2, 2)
    assert str(itself) == "The report would overwrite the file that is imported."
    assert book.read_bytes() == files.file_of([*GOOD, *BAD])


def test_a_day_to_come_before_the_agency_or_no_day_at_all_is_refused(book) -> None:
    tomorrow = str(timezone.now().date() + timedelta(days=1))
    for day, sentence in (
        (tomorrow, f"{tomorrow} must lie between 2001-11-19 and today"),
        ("2001-11-18", "2001-11-18 must lie between 2001-11-19 and today"),
        ("soon", "'soon' is not a date like 2026-11-30"),
    ):
        assert sentence in str(_refused(str(book), "--format=tsa", f"--as-of={day}"))


def test_a_limit_below_zero_is_refused(book) -> None:
    assert "'-1' is not a number of rows" in str(_refused(str(book), "--format=tsa", "--limit=-1"))


def test_a_second_import_at_the_same_time_is_refused(book) -> None:
    with (settings.VAR_DIR / "import_claims.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        error = _refused(str(book), "--format=tsa")
    assert (error.returncode, str(error)) == (2, "Another import is running here.")


def test_a_desk_account_that_lost_its_role_stops_the_import_before_it_begins(book) -> None:
    User.objects.create_user("import-adjuster@touchstone.invalid", None, role="finance")
    error = _refused(str(book), "--format=tsa")
    assert error.returncode == 2
    assert str(error).startswith("import-adjuster@touchstone.invalid must have the role Adjuster")


def test_away_from_a_terminal_progress_is_a_line_every_500_rows_on_standard_error(tmp_path) -> None:
    path, errors = tmp_path / "long.csv", io.StringIO()
    path.write_bytes(files.file_of([files.DENIED_BUT_PAID] * 1001))
    call_command("import_claims", str(path), "--format=tsa", stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue().splitlines() == ["500 of about 1001 rows", "1000 of about 1001 rows"]


# The real file --------------------------------------------------------------------------------------------------------


def _real_file(capsys) -> Path:
    if not REAL_FILE.exists():
        with capsys.disabled():
            print(
                f"\n*** NOT CHECKED: the real TSA claims are not at {REAL_FILE}: nothing is reconciled with them. ***"
            )
        pytest.skip(f"no real file at {REAL_FILE}")
    return REAL_FILE


def _sums_of_file(path: Path, rows: int | None = None) -> tuple[int, int]:
    """Added up by other means than the importer's."""
    with path.open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))[:rows]
    claimed, paid = (sum(Decimal(r[name]) for r in records) for name in ("Claim.Amount", "Close.Amount"))
    return int(claimed * 100), int(paid * 100)


def _sums_of(done: dict[str, int], refused: list[dict]) -> tuple[int, int]:
    return (
        done["claimed_minor"] + sum(line["claimed_minor"] for line in refused),
        done["paid_minor"] + sum(line["paid_minor"] for line in refused),
    )


def test_the_real_files_4000_rows_reconcile_to_the_cent(tmp_path, capsys) -> None:
    path, report = _real_file(capsys), tmp_path / "refused.jsonl"
    done = run(path, "--dry-run", f"--report={report}")
    refused = report_of(report)
    assert _sums_of(done, refused) == _sums_of_file(path) == (457_542_374, 33_412_694)
    assert (done["rows"], done["imported"], done["refused"], done["duplicates"]) == (4000, 3964, 36, 0)
    assert Counter(line["rule"] for line in refused) == {
        "DENIED_BUT_PAID": 18, "PAID_ABOVE_CLAIMED": 13, "ACCEPTED_BUT_UNPAID": 3, "NOTHING_CLAIMED": 2,
    }  # fmt: skip
    assert sum(line["paid_minor"] for line in refused if line["rule"] == "DENIED_BUT_PAID") == 969_669


def test_the_real_files_first_rows_reconcile_with_what_stands_in_the_books(tmp_path, capsys) -> None:
    path, report = _real_file(capsys), tmp_path / "refused.jsonl"
    done = run(path, "--limit=250", f"--report={report}", "--as-of=2026-11-01")
    assert _sums_of(done, report_of(report)) == _sums_of_file(path, 250)
    booked = (
        Claim.objects.aggregate(sum=Sum("claimed_minor"))["sum"],
        ClaimPayment.objects.aggregate(sum=Sum("amount_minor"))["sum"],
    )
    assert booked == (done["claimed_minor"], done["paid_minor"])
    assert Claim.objects.exclude(status__in=["decided", "paid"]).count() == 0
    assert sequencer.sequence() == Entry.objects.count()


# The real process -----------------------------------------------------------------------------------------------------


def _manage(*words: str, var: Path) -> subprocess.Popen[str]:
    """manage.py in a process of its own, on SQLite under ``var``."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VAULT_URL")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | {"TOUCHSTONE_VAR": str(var), "DJANGO_SETTINGS_MODULE": "portal.settings"},
    )  # fmt: skip


def _finished(*words: str, var: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with _manage(*words, var=var) as process:
        out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


def _ask(var: Path, question: str) -> int:
    with sqlite3.connect(f"file:{var / 'touchstone.sqlite3'}?mode=ro", uri=True) as database:
        return database.execute(question).fetchone()[0]


@pytest.mark.slow
def test_a_process_killed_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path) -> None:
    var, path = tmp_path / "var", tmp_path / "claims.csv"
    path.write_bytes(files.file_of(GOOD * 12))
    words = ("import_claims", str(path), "--format=tsa")
    assert _finished("migrate", "-v0", var=var) == (0, "", "")
    first = _manage(*words, var=var)
    with first:
        until = time.monotonic() + 60
        while _ask(var, "SELECT count(*) FROM claims_claim") < 15 and time.monotonic() < until:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    done_before = _ask(var, "SELECT count(*) FROM claims_claim")
    assert 15 <= done_before < 60
    assert first.returncode == -signal.SIGKILL
    code, out, _ = _finished(*words, var=var)
    done = json.loads(out)
    assert code == 0
    assert (done["rows"], done["refused"], done["imported"] + done["duplicates"]) == (60, 0, 60)
    assert done_before - 1 <= done["duplicates"] <= done_before
    assert _ask(var, "SELECT count(*) FROM claims_policy") == _ask(var, "SELECT count(*) FROM claims_claim") == 60
    assert _ask(var, "SELECT sum(amount_minor) FROM claims_claimpayment") == 12 * SUMS["paid_minor"]
    assert _ask(var, "SELECT count(*) FROM anchoring_entry") == 12 * (5 * 4 + 2 + 3)


@pytest.mark.slow
def test_from_the_shell_the_exit_codes_and_the_two_streams_are_as_promised(tmp_path) -> None:
    var, path = tmp_path / "var", tmp_path / "claims.csv"
    path.write_text("not,this\n")
    code, out, errors = _finished("import_claims", str(path), "--format=tsa", "--dry-run", var=var)
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1
    assert errors.startswith("CommandError: This is not a file of the TSA claims layout:")


def test_a_key_press_stops_the_run_between_two_actions_and_says_how_to_go_on(book) -> None:
    def press(execute, sql, params, many, context):
        if writes_an_entry(sql) and Claim.objects.count() == 2:
            raise KeyboardInterrupt
        return execute(sql, params, many, context)

    with pytest.raises(CommandError) as stopped, connection.execute_wrapper(press):
        run(book)
    assert stopped.value.returncode == 130
    assert str(stopped.value) == "Stopped. Run the same command again: it goes on where this run ended."
    assert run(book)["imported"] + 1 == 5
    assert outcomes() == WANTED
