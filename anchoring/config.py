"""The log's settings made into objects: keys, origin, chain connection."""

from functools import lru_cache

from django.conf import settings

from anchoring.chain import EthereumChain, Wallet
from anchoring.endpoints import Endpoints
from anchoring.keys import SigningKey
from anchoring.protocol.receipt import receipt_key_name
from anchoring.routes import GWEI, Route, latest_registration


def origin() -> str:
    """The log's name, fixed when the log is made."""
    return str(settings.LOG_ORIGIN)


def log_key() -> SigningKey:
    """The key that signs checkpoints and trust.json."""
    return _signing_key(origin(), settings.LOG_KEY)


def receipt_key() -> SigningKey:
    """The key that signs receipts; never the log key."""
    return _signing_key(receipt_key_name(origin()), settings.RECEIPT_KEY)


def chain_key() -> bytes:
    """The 32-byte private key that pays for anchors."""
    return bytes.fromhex(settings.CHAIN_KEY)


def chain() -> Endpoints:
    """The chain behind CHAIN_RPC_URL (and CHAIN_SECOND_RPC_URL); making it asks the network nothing."""
    return route().chain


def route() -> Route:
    """The chain that the log is anchored on."""
    urls = (settings.CHAIN_RPC_URL, settings.CHAIN_SECOND_RPC_URL)
    return _route(settings.CHAIN, urls, settings.CHAIN_KEY, settings.CHAIN_MAX_FEE_GWEI, "anchor")


def next_route() -> Route | None:
    """The chain that the log is moving to, if one is configured."""
    if not settings.NEXT_CHAIN:
        return None
    urls = (settings.NEXT_CHAIN_RPC_URL, settings.NEXT_CHAIN_SECOND_RPC_URL)
    most = networks.by_name(settings.NEXT_CHAIN).largest_fee // GWEI
    return _route(settings.NEXT_CHAIN, urls, settings.NEXT_CHAIN_KEY or settings.CHAIN_KEY, most, "anchor next")


def routes() -> list[Route]:
    """Every chain that is configured and that the log is registered on or to be, the current one first."""
    following = next_route()
    registered = following is not None and latest_registration(following.chain_id) is not None
    return [route(), following] if following and registered else [route()]


@lru_cache
def _signing_key(name: str, seed: str) -> SigningKey:
    return SigningKey(name=name, seed=bytes.fromhex(seed))


@lru_cache
def _route(name: str, urls: tuple[str, ...], key: str, most_gwei: int, step: str) -> Route:
    """One for each process: endpoints remember how they have been doing."""
    network = networks.by_name(name)
    return Route(
        chain_id=network.chain_id,
        chain=Endpoints([EthereumChain(url) for url in urls if url]),
        wallet=Wallet(bytes.fromhex(key)),
        finality=None if network.finality == "finalized" else int(network.finality),
        least_tip=network.smallest_tip,
        most_fee=most_gwei * GWEI,
        step=step,
    )
