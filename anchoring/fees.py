"""What a transaction offers: at first, and to replace one that was not taken. Pure; wei a unit of gas."""

from anchoring.chain import Fees

STEP_NUMERATOR, STEP_DENOMINATOR = 9, 8
"""Nodes take a replacement only if both of its fees are a tenth (geth) or an eighth (others) higher: 12.5 %."""


class FeeTooHigh(Exception):  # noqa: N818 - what the network asks, not an error of ours
    """The network asks for more than the settings allow; ``asked`` is what it takes to be included."""

    def __init__(self, asked: int) -> None:
        super().__init__(f"the network asks for {asked} wei a unit of gas")
        self.asked = asked


def first_offer(fair: Fees, *, least_tip: int, most: int) -> Fees:
    """The fair offer with a tip of at least ``least_tip`` and a cap of at most ``most``.

    Raises FeeTooHigh when that cap would not pay for the next block.
    """
    tip, base = max(fair.tip, least_tip), _base(fair)
    if base + tip > most:
        raise FeeTooHigh(base + tip)
    return Fees(tip=tip, cap=min(tip + 2 * base, most))


def dearer_offer(last: Fees, fair: Fees, *, least_tip: int, most: int) -> Fees:
    """An offer that replaces ``last``: both fees an eighth higher, and no lower than a first offer would be.

    Raises FeeTooHigh when that would be above ``most``.
    """
    tip = max(fair.tip, least_tip, _eighth_more(last.tip))
    cap = max(_eighth_more(last.cap), min(tip + 2 * _base(fair), most))
    if cap > most or _base(fair) + tip > most:
        raise FeeTooHigh(max(cap, _base(fair) + tip))
    return Fees(tip=tip, cap=max(cap, tip))


def _base(fair: Fees) -> int:
    """The base fee that a fair offer (cap = tip + 2 x base) was made from."""
    return (fair.cap - fair.tip) // 2


def _eighth_more(fee: int) -> int:
    return -(-fee * STEP_NUMERATOR // STEP_DENOMINATOR)
