"""What a tick costs that finds nothing to do, however many anchors there were; and what it notes of the endpoints."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anchoring import anchors, config, schedule, states, tasks
from anchoring.models import Anchor, Tick
from anchoring.protocol.state import Block
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, a_route, anchor_all, note, register
from tests.anchoring.test_pipeline import Failing

pytestmark = pytest.mark.django_db


def cost(counting, route) -> tuple[int, list[str]]:
    """Database queries and questions to the chain of one scheduled run."""
    counting.asked.clear()
    with CaptureQueriesContext(connection) as captured:
        assert schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health) == ""
    return len(captured), list(counting.asked)


def test_a_tick_with_nothing_to_do_is_three_queries_and_two_questions_at_one_anchor_and_at_fifty() -> None:
    chain = a_chain()
    register(chain)
    counting = Failing(chain, "")
    costs = {}
    for count in range(1, 51):
        note()
        anchor_all(chain)
        if count in (1, 50):
            costs[count] = cost(counting, a_route(counting))
    assert Anchor.objects.count() == 50
    assert costs == {1: (3, ["block", "block"]), 50: (3, ["block", "block"])}


def test_how_each_endpoint_did_is_noted_however_the_tick_went() -> None:
    chain, second = a_chain(), a_chain()
    register(chain)
    second.name = "second"
    note()
    sequencer.sequence()
    route = a_route(second, second=chain)
    second.down = True
    assert schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health) == ""
    well = {"name": "memory", "problem": "", "failures": 0, "rests": 0}
    ill = {"name": "second", "problem": "The chain is down.", "failures": 1, "rests": 5}
    assert Tick.objects.get().seen["endpoints"] == [ill, well]
    chain.down = True
    said = schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health)
    assert said == "The chain is down. It is asked again in 5 seconds. The chain is down."
    assert Tick.objects.get().seen["endpoints"] == [
        ill,
        well | {"problem": "The chain is down.", "failures": 1, "rests": 5},
    ]


def test_the_last_final_block_is_kept_through_a_problem_and_stands_alone_in_the_state_leaf() -> None:
    chain = a_chain()
    register(chain)
    note()
    anchor_all(chain)
    route = a_route(chain)
    schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health)
    final = Tick.objects.get().seen["final"]
    assert final == {"chain_id": 31337, "block_number": 3, "block_hash": "0x" + chain.block(3).hash.hex()}
    chain.down = True
    schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health)
    assert (Tick.objects.get().seen["final"], Tick.objects.get().seen["trouble"]) == (final, "silent")
    assert states._last_final_block() == Block(31337, 3, bytes.fromhex(final["block_hash"][2:]))


def test_which_kind_of_problem_it_is_is_noted_and_forgotten_when_it_is_over() -> None:
    def halt() -> None:
        raise schedule.Halted("The moon is full.")

    schedule.tick("anchor", halt)
    assert Tick.objects.get().seen == {"trouble": "halted"}
    schedule.tick("anchor", lambda: None)
    assert Tick.objects.get().seen == {}


def test_the_scheduled_task_notes_its_endpoints() -> None:
    register(a_chain())
    tasks.anchor.delay().get()
    [line] = Tick.objects.get(step="anchor").seen["endpoints"]
    assert (line["name"], line["failures"]) == (config.chain().health()[0].name, 1)
