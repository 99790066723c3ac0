"""The log's settings made into objects: keys, origin, chain connection."""

from functools import lru_cache

from django.conf import settings

from anchoring import networks
from anchoring.chain import Chain, EthereumChain
from anchoring.keys import SigningKey
from anchoring.networks import Network
from anchoring.protocol.receipt import receipt_key_name


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


def network() -> Network:
    """The chain that CHAIN names, with CHAIN_EXPLORER_URL as its default explorer if that is set."""
    return networks.by_name(settings.CHAIN).with_explorer(settings.CHAIN_EXPLORER_URL)


def chain() -> Chain:
    """The chain behind CHAIN_RPC_URL; making it asks the network nothing."""
    return _chain(settings.CHAIN_RPC_URL)


@lru_cache
def _signing_key(name: str, seed: str) -> SigningKey:
    return SigningKey(name=name, seed=bytes.fromhex(seed))


@lru_cache
def _chain(url: str) -> Chain:
    return EthereumChain(url)
