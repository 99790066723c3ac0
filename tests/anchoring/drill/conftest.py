"""A real node for each test that asks for one."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from anchoring.chain import address_of
from anchoring.drill.anvil import VERSION, find_anvil
from anchoring.drill.node import Node

INSURER = b"\x44" * 32
STRANGER = b"\x55" * 32
NO_ANVIL = (
    "ANVIL IS MISSING: the drills on a real node were NOT run. Install it: `make anvil`, or"
    f" `npm install --prefix var/anvil @foundry-rs/anvil@{VERSION}`, and run `make test` again."
)


@pytest.fixture
def anvil() -> None:
    """Skips loudly where there is none; with REQUIRE_ANVIL=1, fails."""
    if find_anvil() is None:
        if os.environ.get("REQUIRE_ANVIL") == "1":
            pytest.fail(NO_ANVIL)
        pytest.skip(NO_ANVIL)


@pytest.fixture
def start_node(anvil) -> Iterator[Callable[..., Node]]:
    """Nodes with options of their own; INSURER and STRANGER have funds on each."""
    with ExitStack() as stack:
        funded = [address_of(INSURER), address_of(STRANGER)]
        yield lambda **options: stack.enter_context(Node(**({"funded": funded} | options)))


@pytest.fixture
def node(start_node) -> Node:
    return start_node()
