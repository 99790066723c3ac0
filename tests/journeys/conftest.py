"""The running demonstration and a real browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent.parent
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NO_BROWSER = (
    "NO BROWSER: the journey through the whole product was NOT run. Install one: `apt-get install chromium`,"
    " or `.venv/bin/playwright install chromium`, and run `make test` again."
)


@dataclass(frozen=True)
class Demo:
    """A running demonstration: where it is, the password of its people, what it printed, where its state lies."""

    url: str
    chain: str
    password: str
    state: Path
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_demo(state: Path, log: Path) -> tuple[subprocess.Popen[bytes], Demo]:
    """Start ``python -m portal.demo`` and wait until it says how to stop it."""
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_KEY")) or name == "PATH"
    } | {"TOUCHSTONE_VAR": str(state)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.demo", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while "Ctrl-C stops it" not in (said := log.read_text()):
        assert process.poll() is None and time.monotonic() < deadline, said
        time.sleep(0.2)
    password = re.search(r"password for all: (\S+)\)", said)[1]
    page = urllib.request.urlopen(f"http://localhost:{port}/check/", timeout=30).read().decode()
    chain = re.search(r"http://127\.0\.0\.1:\d+", page)[0]
    return process, Demo(f"http://localhost:{port}", chain, password, state, log)


def stop_demo(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C; how long it took does not matter, that it ends does."""
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=30)


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    process, running = start_demo(folder / "var", folder / "log")
    yield running
    stop_demo(process)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        path = found or (str(own) if own.exists() else None)
        if path is None:
            warnings.warn(pytest.PytestWarning(NO_BROWSER), stacklevel=1)
            pytest.skip(NO_BROWSER)
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, demo: Demo) -> Iterator[Callable[..., Page]]:
    """A new person's browser window; any script error or refused content on any page fails the test."""
    contexts, faults = [], []

    def open_(width: int = 1280) -> Page:
        context = browser.new_context(base_url=demo.url, viewport={"width": width, "height": 900}, locale="en-GB")
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("console", lambda m: faults.append(f"{page.url}: {m.text}") if "Content Security" in m.text else None)
        contexts.append(context)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []
