"""One finding of the doctor, and the names of the settings that it gives advice about."""

from dataclasses import dataclass
from typing import Literal, Self

from anchoring.routes import Route

Verdict = Literal["ok", "warning", "fault", "unknown"]


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do; ``advice`` is "" where nothing is to be done."""

    name: str
    verdict: Verdict
    sentence: str
    advice: str = ""


@dataclass(frozen=True)
class Setting:
    """The settings that this chain is configured by."""

    chain: str
    urls: tuple[str, str]
    key: str
    fee: str

    @classmethod
    def of(cls, route: Route) -> Self:
        """Those of the chain of CHAIN, or those of NEXT_CHAIN, whose fee has no setting but its row."""
        if route.step == "anchor":
            return cls("CHAIN", ("CHAIN_RPC_URL", "CHAIN_SECOND_RPC_URL"), "CHAIN_KEY", "CHAIN_MAX_FEE_GWEI")
        urls = ("NEXT_CHAIN_RPC_URL", "NEXT_CHAIN_SECOND_RPC_URL")
        return cls("NEXT_CHAIN", urls, "NEXT_CHAIN_KEY", "largest_fee_gwei in networks.toml")
