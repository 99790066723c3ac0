"""The log's settings made into objects: keys, origin, chain connection."""

from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from anchoring import networks
from anchoring.chain import EthereumChain
from anchoring.endpoints import Endpoints
from anchoring.keys import SigningKey
from anchoring.networks import Network
from anchoring.protocol.note import Verifier
from anchoring.protocol.receipt import receipt_key_name


def origin() -> str:
    """The log's name, fixed when the log is made."""
    return str(settings.LOG_ORIGIN)


def log_key() -> SigningKey:
    """The key in LOG_KEY, which signs checkpoints and trust.json."""
    return _signing_key(origin(), settings.LOG_KEY)


def next_log_key() -> SigningKey | None:
    """The key in NEXT_LOG_KEY, which is to follow; None without one."""
    return _signing_key(origin(), settings.NEXT_LOG_KEY) if settings.NEXT_LOG_KEY else None


def log_keys() -> list[SigningKey]:
    """The log keys at hand; which of them signs what, trust.json says."""
    following = next_log_key()
    return [log_key()] if following is None else [log_key(), following]


def receipt_key() -> SigningKey:
    """The key that signs receipts; never the log key."""
    return _signing_key(receipt_key_name(origin()), settings.RECEIPT_KEY)


def auditors() -> tuple[Verifier, ...]:
    """The keys of those who may cosign; the settings have looked at their form. Raises ImproperlyConfigured."""
    keys = tuple(Verifier.parse(text) for text in settings.AUDITOR_KEYS)
    if {key.public_key for key in keys} & {log_key().public, receipt_key().public}:
        raise ImproperlyConfigured("AUDITOR_KEYS: an auditor's key is never one of the log's own.")
    return keys


def chain_key() -> bytes:
    """The 32-byte private key that pays for anchors."""
    return bytes.fromhex(settings.CHAIN_KEY)


def next_chain_key() -> bytes:
    """The private key that is to pay on the next chain, or after a handover: NEXT_CHAIN_KEY, else CHAIN_KEY."""
    return bytes.fromhex(settings.NEXT_CHAIN_KEY or settings.CHAIN_KEY)


def network() -> Network:
    """The chain that CHAIN names, with CHAIN_EXPLORER_URL as its default explorer if that is set."""
    return networks.by_name(settings.CHAIN).with_explorer(settings.CHAIN_EXPLORER_URL)


def next_network() -> Network:
    """The chain that NEXT_CHAIN names."""
    return networks.by_name(settings.NEXT_CHAIN)


def chain() -> Endpoints:
    """The chain behind CHAIN_RPC_URL and CHAIN_SECOND_RPC_URL; making it asks the network nothing."""
    return _endpoints(settings.CHAIN_RPC_URL, settings.CHAIN_SECOND_RPC_URL)


def next_chain() -> Endpoints:
    """The chain behind NEXT_CHAIN_RPC_URL and NEXT_CHAIN_SECOND_RPC_URL, if NEXT_CHAIN is set."""
    return _endpoints(settings.NEXT_CHAIN_RPC_URL, settings.NEXT_CHAIN_SECOND_RPC_URL)


@lru_cache
def _signing_key(name: str, seed: str) -> SigningKey:
    return SigningKey(name=name, seed=bytes.fromhex(seed))


def forget_endpoints() -> None:
    """Let the next look at a chain ask endpoints that rest."""
    _endpoints.cache_clear()


@lru_cache
def _endpoints(*urls: str) -> Endpoints:
    """One for each process: it remembers how its endpoints have been doing."""
    return Endpoints([EthereumChain(url) for url in urls if url])
