"""The demonstration: from a warm start to the first page, and how much memory it holds."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.bench.table import Line

PATIENCE = 180.0  # seconds for a start
SETTLED = 15.0  # seconds in which it registers, seals and anchors
NOT_FOR_IT = ("DATABASE_URL", "VAULT_URL", "REDIS_URL", "TOUCHSTONE_VAR", "DJANGO_SETTINGS_MODULE")


def lines() -> list[Line]:
    """Start it twice on the same state: the second start is the warm one."""
    with tempfile.TemporaryDirectory(prefix="touchstone-demo-") as folder:
        cold, _ = _start(folder)
        warm, memory = _start(folder)
    return [
        Line(
            "demo: warm start to first page",
            f"{warm:.1f} s (first start {cold:.1f} s)",
            "",
            "< 10 s",
            _verdict(warm < 10),
        ),
        Line("demo: resident memory of all of it", f"{memory:.0f} MB", "", "< 300 MB", _verdict(memory < 300)),
    ]


def _start(folder: str) -> tuple[float, float]:
    """Seconds to the first page, and the resident memory in MB once it has settled."""
    environment = {n: v for n, v in os.environ.items() if n not in NOT_FOR_IT} | {"TOUCHSTONE_VAR": folder}
    port = _free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.demo", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        page = _first_page(port, process) - began
        time.sleep(SETTLED)
        return page, _resident(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def _first_page(port: int, process: subprocess.Popen[bytes]) -> float:
    """When the first page came."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                answer.read()
                return time.monotonic()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError("the demonstration showed no page")


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _verdict(met: bool) -> str:
    return "met" if met else "not met"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
