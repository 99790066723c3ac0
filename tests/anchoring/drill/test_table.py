"""The drill table, played once for all: every row of it is a test, and so is every way to call the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from anchoring.drill import anvil as drill_anvil
from anchoring.drill.driver import require_scratch
from anchoring.drill.row import BOTH
from anchoring.drill.table import TABLE

ROOT = Path(__file__).resolve().parents[3]
POSTGRESQL = os.environ.get("DATABASE_URL", "")
LINES = [(row.id, replies) for row in TABLE for replies in BOTH]


def drill(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", "anchor_drill", *options], env=os.environ | environment, cwd=ROOT,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500,
    )  # fmt: skip


@pytest.fixture(scope="session")
def played() -> dict[tuple[str, str], dict]:
    """All rows, in one go: on PostgreSQL if DATABASE_URL names one, else on SQLite files."""
    where = ["--postgresql", POSTGRESQL] if POSTGRESQL.startswith("postgres") else []
    done = drill("--json", *where)
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "") or not all(line["good"] for line in lines), done.stderr
    return {(line["id"], line["replies"]): line for line in lines}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("row", "replies"), LINES, ids=[f"{row}, replies {replies}" for row, replies in LINES])
def test_nothing_is_lost_and_nothing_doubled(anvil, request, row, replies) -> None:
    line = request.getfixturevalue("played")[row, replies]
    assert (line["problems"], line["good"]) == ([], True), line["story"]


def test_rows_have_names_and_words_of_their_own() -> None:
    for told in ([row.id for row in TABLE], [(row.fault, row.end) for row in TABLE]):
        assert len(told) == len(set(told))
    assert {text[-1] for row in TABLE for text in (row.fault, row.end)} == {"."}


def test_the_table_in_troubles_md_is_the_codes() -> None:
    page = (ROOT / "docs" / "operations" / "troubles.md").read_text(encoding="utf-8")
    section = page[page.index("## Drills") :].split("\n## ")[0]
    documented = [line for line in section.split("\n") if line.startswith("| `")]
    assert documented == [f"| `{row.id}` | {row.fault} | {row.end} |" for row in TABLE]


# --- The command -----------------------------------------------------------------------------------------------------


def test_a_row_is_told_in_words_and_the_operators_database_is_left_alone(anvil, tmp_path) -> None:
    done = drill("--only", "dropped", DATABASE_URL=f"sqlite:///{tmp_path}/operator.sqlite3")
    first, second, last = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert first.startswith("✓ dropped") and first.endswith(
        "  sent ×2 · mined ×2 · confirmed · idle ×2 · sent · mined ×2 · confirmed · idle"
    )
    assert second.startswith("✓ dropped") and " replies lost " in second
    assert last == "All 2 ended as they must: nothing lost, nothing doubled."
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_ends_badly_is_exit_code_1(anvil) -> None:
    done = drill("--only", "dropped", "--json", ANVIL="/bin/false")
    assert [json.loads(text)["problems"] for text in done.stdout.splitlines()] == [
        ["NodeError: anvil ended at its start: "]
    ] * 2
    assert (done.returncode, done.stderr) == (1, "CommandError: 2 of 2 did not end as they must.\n")


def test_a_driver_that_dies_leaves_no_row_untold(anvil, tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif sys.argv[:1] == ['-c']:\n    os.write(2, b'no driver\\n')\n    os._exit(7)\n"
    )
    done = drill("--only", "dropped", "outage", "--json", PYTHONPATH=str(tmp_path))
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert [(line["id"], line["replies"]) for line in lines] == [
        ("dropped", "kept"), ("dropped", "lost"), ("outage", "kept"), ("outage", "lost"),
    ]  # fmt: skip
    assert {(line["good"], *line["problems"]) for line in lines} == {
        (False, "It was not played: the process that plays the table ended with 7.")
    }
    assert (done.returncode, done.stderr) == (1, "no driver\nCommandError: 4 of 4 did not end as they must.\n")


def test_an_id_that_is_in_no_row_is_exit_code_2_and_names_those_that_are() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("anchor_drill", only=["dropped", "dorpped"])
    ids = ", ".join(row.id for row in TABLE)
    assert (refused.value.returncode, str(refused.value)) == (2, f"No row is called dorpped. There are: {ids}.")


def test_a_url_that_names_no_postgresql_is_exit_code_2(anvil) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("anchor_drill", postgresql="sqlite:///x")
    assert (refused.value.returncode, str(refused.value)) == (
        2, "The URL names no PostgreSQL database: it must start with postgresql://.",
    )  # fmt: skip


def test_without_anvil_it_is_exit_code_3_and_says_how_to_get_it(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(drill_anvil, "PACKAGES", tmp_path)
    with pytest.raises(CommandError) as refused:
        call_command("anchor_drill")
    assert (refused.value.returncode, str(refused.value)) == (
        3, "There is no anvil, the node that the drill runs on. Run `make anvil`, or set ANVIL to its path.",
    )  # fmt: skip


def test_with_a_variable_that_names_no_program_it_is_exit_code_3(monkeypatch) -> None:
    monkeypatch.setenv("ANVIL", "/nowhere")
    with pytest.raises(CommandError) as refused:
        call_command("anchor_drill")
    assert (refused.value.returncode, str(refused.value)) == (
        3, "ANVIL names /nowhere, which is no program: correct it, or unset it and run `make anvil`.",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["/var/lib/touchstone/touchstone.sqlite3", "touchstone"])
def test_the_driver_refuses_databases_that_are_not_scratch(name) -> None:
    with pytest.raises(SystemExit) as refused:
        require_scratch(name)
    assert str(refused.value) == (
        f"The drill runs on databases of its own, not on {Path(name).name}: start it by manage.py anchor_drill."
    )


@pytest.mark.parametrize("name", ["/tmp/touchstone-drill-x/drill.sqlite3", "touchstone_drill_0123456789abcdef"])
def test_the_driver_takes_scratch_databases(name) -> None:
    require_scratch(name)
