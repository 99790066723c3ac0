"""The log changes hands: step by step, and not before a final block says so."""

import pytest

from anchoring import handover
from anchoring.chain import address_of
from tests.anchoring.log_world import a_chain, a_route, anchor_all, note, register

pytestmark = pytest.mark.django_db

NEXT = address_of(b"\x66" * 32)


def test_on_a_chain_whose_finality_is_a_depth_it_is_done_once_it_lies_so_deep() -> None:
    chain = a_chain()
    register(chain)
    note()
    anchor_all(chain)
    said = []
    for _ in range(4):
        step = handover.step(a_route(chain, finality=2), to=NEXT)
        said.append((step.done, step.sentence.removeprefix(f"The log is in the hand of 0x{NEXT.hex()}")))
        if len(said) > 1:
            chain.mine()
    assert said[0][1].startswith(f"The handover to 0x{NEXT.hex()} was sent in transaction 0x")
    assert said[1:] == [
        (False, " in a block that is not final yet."), (False, " in a block that is not final yet."),
        (True, ", in a final block."),
    ]  # fmt: skip
