"""What an anchor costs: executed under today's rules, computed for Glamsterdam's, beside an event without any check.

Today is the local chain's Prague; no later fork until Osaka changes what these operations cost. A transaction costs

    today         21,000 + max(calldata + execution,         10 · zero bytes + 40 · other bytes)     EIP-7623
    Glamsterdam   15,000 + max(calldata + execution + 7,200, 64 · bytes)           EIP-2780, EIP-7976, EIP-8038

where calldata is 4 for each zero byte and 16 for each other one, execution is what the EVM counts, and 7,200 is what
the one overwritten storage slot costs more: 100 + 10,000 (warm access and write) instead of 2,900.
"""

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from anchoring.chain import Call, address_of
from tests.anchoring.contract_world import ALICE, Growth, World, as_hex, made_up_growth

SIZES = (2**10, 2**16, 2**20, 2**24)
BATCHES = (10, 100, 1_000, 10_000, 100_000)
MEAN, MOST = 60_000, 65_000  # what we promise of logs of up to 2^24 entries
OVERWRITE = 7_200

# Logs what an anchor logs, from calldata of log id, new root, old root and both sizes in 8 bytes, and checks nothing.
_EVENT = bytes.fromhex(
    "6020355f52"  # memory[0] = new root
    "60603560c01c602052"  # memory[32] = old size
    "604035604052"  # memory[64] = old root
    "60683560c01c"  # new size
    "5f35"  # log id
    "7f" + keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)").hex() + "60605fa300"  # LOG3, STOP
)


@dataclass(frozen=True)
class Cost:
    """Of one transaction: gas by today's rules, as executed, and by Glamsterdam's, as computed."""

    today: int
    glamsterdam: int


def rows(*, samples: int) -> Iterator[tuple[str, ...]]:
    """For each size of log: each batch and growths from anywhere, as many of random sizes from half of it up."""
    world, rng = World(), random.Random(1014)  # noqa: S311 - which sizes are tried
    event = event_cost(world)
    for size in SIZES:
        name = f"2^{size.bit_length() - 1}"
        for batch in (batch for batch in BATCHES if 2 * batch <= size):
            news = [rng.randrange(size // 2 + batch, size + 1) for _ in range(samples)]
            costs = _costs(world, rng, [(new - batch, new) for new in news])
            yield _row((name, f"{batch:,}"), costs, event, batch=batch)
        news = [rng.randrange(size // 2, size + 1) for _ in range(samples)]
        yield _row((name, "any"), _costs(world, rng, [(rng.randrange(1, new), new) for new in news]), event)
    worst = [(2**24 - 1 ^ 1 << bit, 2**24 - 1) for bit in (1, 12, 22, 23)]  # test_contract.py shows that they are
    yield _row(("2^24", "the worst"), _costs(world, rng, worst), event)


def _costs(world: World, rng: random.Random, pairs: list[tuple[int, int]]) -> list[Cost]:
    return [anchor_cost(world, made_up_growth(rng, *pair)) for pair in pairs]


HEAD = (
    "entries",
    "batch",
    "today: mean",
    "max",
    "a record",
    f"≤ {MEAN:,}, {MOST:,}?",
    "Glamsterdam, computed: mean",
    "max",
    "a record",
    "event alone: today",
    "computed",
)


def _row(named: tuple[str, str], costs: list[Cost], event: Cost, *, batch: int | None = None) -> tuple[str, ...]:
    today, later = [cost.today for cost in costs], [cost.glamsterdam for cost in costs]
    promised = max(today) <= MOST and (named[1] == "the worst" or statistics.mean(today) <= MEAN)
    beside = (f"{event.today:,}", f"{event.glamsterdam:,}")
    return (*named, *_figures(today, batch), "met" if promised else "not met", *_figures(later, batch), *beside)


def _figures(gas: list[int], batch: int | None) -> tuple[str, str, str]:
    """Mean, max, and the mean for each record of a batch."""
    mean = statistics.mean(gas)
    a_record = mean / batch if batch else 0
    return f"{mean:,.0f}", f"{max(gas):,}", f"{a_record:,.{2 if a_record < 10 else 0}f}" if batch else ""


def anchor_cost(world: World, growth: Growth) -> Cost:
    """Of anchoring that growth in a log that stands at its beginning."""
    log_id = world.log_at(growth.old, growth.old_root)
    call = world.anchor(log_id, *growth)
    execution = _execution(world, call)
    receipt = world.send(call, key=ALICE)
    return _cost(call, execution, receipt, dearer=OVERWRITE)


def event_cost(world: World) -> Cost:
    """Of an event with the same fields, in a contract that does nothing else."""
    making = bytes.fromhex(f"60{len(_EVENT):02x}8060095f395ff3") + _EVENT
    sender = address_of(ALICE)
    contract = world.mined(Call(sender=sender, to=None, data=making), key=ALICE)["contractAddress"]
    rng = random.Random(1014)  # noqa: S311 - bytes as those of hashes
    words = [rng.randbytes(32) for _ in range(3)]
    sizes = [(2**24 - 1000).to_bytes(8, "big"), (2**24).to_bytes(8, "big")]
    call = Call(sender=sender, to=bytes.fromhex(contract[2:]), data=b"".join([*words, *sizes]))
    execution = _execution(world, call)
    receipt = world.mined(call, key=ALICE)
    [event] = receipt["logs"]
    assert [*event["topics"][1:], event["data"]] == [
        as_hex(words[0]),
        as_hex((2**24).to_bytes(32, "big")),
        as_hex(words[1] + (2**24 - 1000).to_bytes(32, "big") + words[2]),
    ]
    return _cost(call, execution, receipt, dearer=0)


def _cost(call: Call, execution: int, receipt: dict[str, Any], *, dearer: int) -> Cost:
    """By both formulas; today's must give what was charged."""
    zeros = call.data.count(0)
    others = len(call.data) - zeros
    calldata = 4 * zeros + 16 * others
    today = 21_000 + max(calldata + execution, 10 * zeros + 40 * others)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x1", today)
    return Cost(today, 15_000 + max(calldata + execution + dearer, 64 * len(call.data)))


def _execution(world: World, call: Call) -> int:
    """Gas that the EVM counts beyond what the transaction costs before its first operation; no refunds arise here."""
    chain = world.ledger._chain
    transaction = world.ledger._unsigned(
        {"from": as_hex(call.sender), "to": as_hex(call.to), "data": as_hex(call.data)}
    )
    with chain.get_vm(chain.get_canonical_head()).in_costless_state() as state:
        computation = state.costless_execute_transaction(transaction)
    computation.raise_if_error()
    return computation.get_gas_used()
