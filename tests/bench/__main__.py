"""Run all groups: on PostgreSQL (DATABASE_URL), then the saves again on SQLite in a process of its own.

python -m tests.bench [--quick | --huge] [--only GROUP …]
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile

import django

GROUPS = ("gas", "saving", "filing", "sequencing", "proving", "fsck", "anchoring", "verifying", "demo", "sqlite")


def main(arguments: list[str]) -> int:
    """Measure what was asked for; without DATABASE_URL there is only what SQLite can show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="a few writes of each: shows that it runs, proves nothing")
    effort.add_argument("--huge", action="store_true", help="the log up to 10,000,000 entries as well: takes 20 GB")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="these groups alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        os.environ |= {"TOUCHSTONE_VAR": folder, "DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
        django.setup()
        _measure(options)
    return 0


def _measure(options: argparse.Namespace) -> None:
    from django.conf import settings  # noqa: PLC0415 - chosen above

    from tests.bench import groups  # noqa: PLC0415 - needs the apps
    from tests.bench.database import databases, described  # noqa: PLC0415

    with databases():
        print(f"\n{platform.platform()}, {os.cpu_count()} cores, CPython {platform.python_version()}")
        print(f"{described()}; load {os.getloadavg()[0]:.1f} at the start", flush=True)
        effort = groups.QUICK if options.quick else groups.HUGE if options.huge else groups.FULL
        if "gas" in options.only:
            groups.without_a_database(effort)
        if settings.POSTGRESQL:
            groups.on_postgresql(options.only, effort)
        elif set(options.only) != {"gas"}:
            groups.on_sqlite(effort)
    if settings.POSTGRESQL and set(options.only) & set(groups.ON_A_LOG):
        with databases():
            groups.on_a_log(options.only, effort)
    if settings.POSTGRESQL and "sqlite" in options.only:
        environment = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TOUCHSTONE_VAR")
        }
        quick = ["--quick"] if options.quick else []
        command = [sys.executable, "-m", "tests.bench", "--only", "sqlite", *quick]
        subprocess.run(command, env=environment, check=True)
    elif "saving" in options.only and not settings.POSTGRESQL:
        print("\nOn SQLite alone. With PostgreSQL: make bench")
    print(f"\nload {os.getloadavg()[0]:.1f} at the end", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
