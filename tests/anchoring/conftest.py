"""A chain in two makes: the twin in memory, and a real EVM behind JSON-RPC."""

import pytest

from anchoring import config
from anchoring.chain import EthereumChain, address_of
from anchoring.registry import FACTORY
from portal.localchain import LocalChain
from tests.anchoring.contract_world import FACTORY_CODE
from tests.anchoring.log_world import a_chain, a_chain_with_the_factory


@pytest.fixture(scope="session")
def local_chain():
    with LocalChain(port=0, funded=[address_of(config.chain_key())]) as local:
        yield local


@pytest.fixture(params=["in memory", "on a real EVM"])
def any_chain_with_the_factory(request):
    """A new chain, on which the contract stands that makes others at addresses known before."""
    if request.param == "in memory":
        yield a_chain_with_the_factory()
        return
    with LocalChain(port=0, funded=[address_of(config.chain_key())], contracts={FACTORY: FACTORY_CODE}) as local:
        yield EthereumChain(local.url)


@pytest.fixture(params=["in memory", "on a real EVM"])
def any_chain(request):
    """Where the log is anchored; the EVM's chain is shared, and every test registers a log of its own there."""
    if request.param == "in memory":
        return a_chain()
    return EthereumChain(request.getfixturevalue("local_chain").url)
