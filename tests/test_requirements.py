"""The pinned requirements: what runs is what is tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def pins(name: str) -> dict[str, str]:
    """Package → its pin, as the compiled file has it."""
    lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if re.match(r"[a-zA-Z]", line)]
    return {re.split(r"[=\[; ]", line)[0].lower(): line for line in lines}


def wanted(name: str) -> set[str]:
    """What the file for people names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[=<>\[; ]", line)[0].lower() for line in lines if re.match(r"[a-zA-Z]", line)}


def test_everything_that_runs_is_tested_in_the_same_version() -> None:
    tested = pins("requirements-dev.txt")
    assert {name: tested.get(name) for name in pins("requirements.txt")} == pins("requirements.txt")


def test_everything_that_is_asked_for_is_pinned() -> None:
    assert wanted("requirements.in") - set(pins("requirements.txt")) == set()
    assert wanted("requirements-dev.in") - set(pins("requirements-dev.txt")) == set()
