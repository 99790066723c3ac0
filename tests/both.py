"""Run the tests on SQLite and, at the same time, on a real PostgreSQL with a real Redis-protocol server.

    python -m tests.both [ARGUMENT FOR PYTEST ...]

Each run keeps one processor busy, so that two take hardly longer than one. The first prints as it goes; what the second
said follows when both are done. Tests that touch no database, or bring their own, are left out of the second; the drill
table, which takes minutes and runs processes of its own, is left out of the first: `pytest` alone plays it on SQLite.
"""

import subprocess
import sys
import tempfile

ONCE = (
    "tests/anchoring/protocol", "tests/vectors", "tests/journeys", "tests/portal/test_look.py",
    "tests/claims/catalogue", "tests/claims/importers", "tests/claims/test_mrz.py",
    *(f"tests/anchoring/drill/test_{name}.py" for name in ("anvil", "node", "proxy")),
    *(f"tests/anchoring/test_{name}.py" for name in (
        "audit", "chain", "chain_faults", "chain_import", "contract", "contract_fuzz", "contract_judged", "drawing",
        "fees", "inclusion", "keys", "networks", "verify", "verify_crypto", "verify_history", "verify_node",
        "verify_report",
    )),
)  # fmt: skip
ON_POSTGRESQL = ("tests/anchoring/drill/test_table.py",)


def main(arguments: list[str]) -> int:
    """The worse of the two exit codes."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    with tempfile.TemporaryFile() as told:
        on_postgresql = subprocess.Popen(
            [sys.executable, "-m", "tests.services", *pytest, *without(ONCE)], stdout=told, stderr=subprocess.STDOUT
        )
        on_sqlite = subprocess.call([*pytest, *without(ON_POSTGRESQL)])
        print("\n\nThe tests on PostgreSQL:", flush=True)
        code = on_postgresql.wait()
        told.seek(0)
        sys.stdout.buffer.write(told.read())
        sys.stdout.flush()
    return max(on_sqlite, code)


def without(paths: tuple[str, ...]) -> list[str]:
    """pytest's options that leave these out."""
    return [word for path in paths for word in ("--ignore", path)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
