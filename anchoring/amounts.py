"""Amounts of a chain's coin as people read them: three digits that count, never an exponent. Wei in, text out."""

from decimal import Context, Decimal

_ROUGHLY = Context(prec=3)


def in_coin(wei: int) -> str:
    """In whole coins: ``0.0000612``."""
    return _plain(Decimal(wei).scaleb(-18))


def in_gwei(wei: int) -> str:
    """In billionths of a coin: ``1.23``."""
    return _plain(Decimal(wei).scaleb(-9))


def _plain(value: Decimal) -> str:
    return f"{_ROUGHLY.plus(value).normalize():,f}"
