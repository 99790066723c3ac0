"""What is offered for a transaction, and what to replace one that was not taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.chain import Fees
from anchoring.fees import FeeTooHigh, dearer_offer, first_offer

wei = st.integers(0, 10**15)


def fair(*, tip: int, base: int) -> Fees:
    return Fees(tip, tip + 2 * base)


def test_the_first_offer_is_the_fair_one() -> None:
    assert first_offer(fair(tip=3, base=10), least_tip=0, most=1000) == Fees(tip=3, cap=23)


def test_a_tip_below_the_networks_least_is_raised() -> None:
    assert first_offer(fair(tip=1, base=10), least_tip=5, most=1000) == Fees(tip=5, cap=25)


def test_the_cap_cuts_what_is_only_reserve() -> None:
    assert first_offer(fair(tip=3, base=10), least_tip=0, most=15) == Fees(tip=3, cap=15)


def test_a_cap_that_does_not_pay_for_the_next_block_refuses() -> None:
    with pytest.raises(FeeTooHigh) as refused:
        first_offer(fair(tip=3, base=10), least_tip=0, most=12)
    assert refused.value.asked == 13


def test_a_dearer_offer_is_an_eighth_higher_in_both() -> None:
    assert dearer_offer(Fees(8, 80), fair(tip=1, base=1), least_tip=0, most=1000) == Fees(tip=9, cap=90)


def test_a_dearer_offer_is_no_lower_than_a_first_one_would_be() -> None:
    assert dearer_offer(Fees(8, 80), fair(tip=30, base=100), least_tip=0, most=1000) == Fees(tip=30, cap=230)


def test_a_dearer_offer_above_the_cap_refuses() -> None:
    with pytest.raises(FeeTooHigh) as refused:
        dearer_offer(Fees(8, 80), fair(tip=1, base=1), least_tip=0, most=89)
    assert refused.value.asked == 90


@given(tip=wei, cap=wei, fair_tip=wei, base=wei, least=wei, most=wei)
def test_any_replacement_is_one_that_every_node_takes(tip, cap, fair_tip, base, least, most) -> None:
    last = Fees(min(tip, cap), cap)
    try:
        offer = dearer_offer(last, fair(tip=fair_tip, base=base), least_tip=least, most=most)
    except FeeTooHigh as refused:
        assert refused.asked > most
        return
    assert 8 * offer.tip >= 9 * last.tip and 8 * offer.cap >= 9 * last.cap
    assert offer.tip >= least and offer.tip <= offer.cap <= most and offer.cap >= base + offer.tip
