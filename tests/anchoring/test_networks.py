"""The chains as data: what is shipped, what is said of the dead ones, and that a wrong file is refused by its place."""

from datetime import date

import pytest

from anchoring import config, networks, stages, verify
from anchoring.networks import GWEI, Explorer, NetworksError, UnknownNetwork

SEPOLIA, HOODI, LOCAL = (networks.by_name(name) for name in ("sepolia", "hoodi", "local"))
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()
ROW = """
[networks.first]
title = "the First test network"
kind = "test"
chain_id = 7
genesis = "0x{genesis}"
currency = "ETH"
finality = "finalized"
block_seconds = 12
smallest_tip_gwei = 0.25
largest_fee_gwei = 50

[networks.first.explorers.See]
transaction = "https://see.example/tx/{{transaction}}"
block = "https://see.example/block/{{block}}"
address = "https://see.example/address/{{address}}"
""".format(genesis="ab" * 32)
KNOWN = '[known]\nmain = { title = "Main", chain_id = 8, kind = "main" }\n'
DEAD = '[dead]\ngone = { title = "the Gone test network", chain_id = 9, instead = ["first"] }\n'


def table(text: str) -> networks.Table:
    return networks.read(text.encode(), file="t.toml")


def refusal(text: str) -> str:
    with pytest.raises(NetworksError) as error:
        table(text)
    return str(error.value)


def changed(old: str, new: str) -> str:
    """The row with one place changed."""
    assert ROW.count(old) == 1
    return ROW.replace(old, new)


# --- What is shipped --------------------------------------------------------------------------------------------------


def test_the_chains_that_can_be_anchored_on() -> None:
    assert [
        (n.name, n.chain_id, n.testnet, n.local, n.currency, n.finality, n.block_seconds, n.smallest_tip, n.largest_fee)
        for n in networks.shipped().networks.values()
    ] == [
        ("sepolia", 11155111, True, False, "ETH", "finalized", 12, GWEI // 10, 100 * GWEI),
        ("hoodi", 560048, True, False, "ETH", "finalized", 12, GWEI // 10, 100 * GWEI),
        ("local", 31337, False, True, "ETH", "finalized", 1, GWEI, 1000 * GWEI),
    ]


def test_their_first_blocks_are_pinned_but_for_a_chain_of_one_s_own() -> None:
    assert [network.genesis and network.genesis.hex() for network in (SEPOLIA, HOODI, LOCAL)] == [
        "25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9",
        "bbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b",
        None,
    ]


def test_a_chain_is_found_by_each_of_its_ids_and_no_other() -> None:
    assert [networks.by_chain_id(number) for number in (11155111, 560048, 31337, 1337, 131277322940537)] == [
        SEPOLIA, HOODI, LOCAL, LOCAL, LOCAL,
    ]  # fmt: skip
    assert [networks.by_chain_id(number) for number in (1, 84532, 17000, 424242)] == [None] * 4
    assert (SEPOLIA.has_chain_id(11155111), SEPOLIA.has_chain_id(31337)) == (True, False)


def test_a_name_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownNetwork) as error:
        networks.by_name("testnet")
    assert str(error.value) == (
        "There is no chain of that name. There are sepolia, hoodi, local; docs/operations/chain.md says how to add one."
    )


def test_a_chain_known_by_name_only_is_refused_as_what_it_is() -> None:
    with pytest.raises(UnknownNetwork) as error:
        networks.by_name("base-sepolia")
    assert str(error.value) == (
        "The Base Sepolia test network (chain 84532) is known by name only: nothing says how to anchor there. There are"
        " sepolia, hoodi, local; docs/operations/chain.md says how to add one."
    )


@pytest.mark.parametrize(
    ("name", "chain_id", "sentence"),
    [
        ("holesky", 17000, "The Holesky test network (chain 17000) has ended. Use sepolia or hoodi instead."),
        ("goerli", 5, "The Goerli test network (chain 5) has ended. Use sepolia or hoodi instead."),
        ("ropsten", 3, "The Ropsten test network (chain 3) has ended. Use sepolia or hoodi instead."),
        ("rinkeby", 4, "The Rinkeby test network (chain 4) has ended. Use sepolia or hoodi instead."),
        (
            "kovan", 42,
            "The Kovan test network (chain 42) has ended. Its number belongs to the LUKSO main network now, which is no"
            " test network. Use sepolia or hoodi instead.",
        ),
        (
            "mumbai", 80001,
            "The Mumbai test network of Polygon (chain 80001) has ended. Use sepolia or hoodi instead.",
        ),
    ],
)  # fmt: skip
def test_a_dead_chain_is_refused_by_name_and_by_id(name, chain_id, sentence) -> None:
    with pytest.raises(UnknownNetwork) as error:
        networks.by_name(name)
    assert (str(error.value), networks.shipped().dead_sentence(chain_id)) == (sentence, sentence)
    assert (networks.is_dead(chain_id), networks.by_chain_id(chain_id)) == (True, None)


@pytest.mark.parametrize("chain_id", [1, 11155111, 84532, 31337, 424242])
def test_a_chain_that_lives_or_is_not_known_is_not_called_dead(chain_id) -> None:
    assert (networks.is_dead(chain_id), networks.shipped().dead_sentence(chain_id)) == (False, "")


def test_the_configured_chain_is_the_one_that_CHAIN_names(settings) -> None:  # noqa: N802 - the setting's name
    assert config.network() == LOCAL
    settings.CHAIN = "hoodi"
    assert config.network() == HOODI
    settings.CHAIN_EXPLORER_URL = "https://see.example"
    assert config.network().block_url(5) == "https://see.example/block/5"


# --- The end of a chain -----------------------------------------------------------------------------------------------


def test_the_days_until_an_announced_end_go_below_zero_after_it() -> None:
    assert [SEPOLIA.days_left(day) for day in (date(2026, 9, 29), date(2026, 9, 30), date(2026, 11, 26))] == [1, 0, -57]
    assert (HOODI.days_left(date(2026, 11, 26)), LOCAL.days_left(date(2026, 11, 26))) == (736, None)


@pytest.mark.parametrize(
    ("today", "begins"),
    [
        (
            date(2028, 11, 29),
            "The end of the Hoodi test network is announced for 1 December 2028, in 2 days. Its makers",
        ),
        (
            date(2028, 11, 30),
            "The end of the Hoodi test network is announced for 1 December 2028, in 1 day. Its makers",
        ),
        (date(2028, 12, 1), "The end of the Hoodi test network is announced for 1 December 2028, today. Its makers"),
        (date(2028, 12, 2), "The end of the Hoodi test network was announced for 1 December 2028, 1 day ago. Its"),
    ],
)
def test_what_is_said_of_the_end_never_says_that_a_chain_has_stopped(today, begins) -> None:
    assert HOODI.end_sentence(today)[: len(begins)] == begins


def test_a_chain_without_an_announced_end_says_nothing_of_it() -> None:
    assert LOCAL.end_sentence(date(2026, 11, 26)) == ""


# --- Where people look things up --------------------------------------------------------------------------------------


def test_links_lead_to_the_first_explorer() -> None:
    assert SEPOLIA.transaction_url(HASH) == f"https://sepolia.etherscan.io/tx/{HASH_TEXT}"
    assert SEPOLIA.transaction_url(HASH_TEXT) == SEPOLIA.transaction_url(HASH)
    assert SEPOLIA.block_url(10_000_000) == "https://sepolia.etherscan.io/block/10000000"
    assert HOODI.address_url(bytes(20)) == f"https://hoodi.etherscan.io/address/0x{'00' * 20}"
    assert HOODI.address_url("0x" + "Ab" * 20) == f"https://hoodi.etherscan.io/address/0x{'Ab' * 20}"


def test_an_explorer_s_address_alone_is_enough_for_another_default() -> None:
    other = SEPOLIA.with_explorer("https://see.example/")
    assert [explorer.name for explorer in other.explorers[1:]] == [explorer.name for explorer in SEPOLIA.explorers]
    assert (other.transaction_url(HASH), other.block_url(1), other.address_url(bytes(20))) == (
        f"https://see.example/tx/{HASH_TEXT}", "https://see.example/block/1",
        f"https://see.example/address/0x{'00' * 20}",
    )  # fmt: skip
    assert SEPOLIA.with_explorer("") == SEPOLIA


def test_without_an_explorer_there_is_no_link() -> None:
    assert (LOCAL.transaction_url(HASH), LOCAL.block_url(1), LOCAL.address_url(bytes(20))) == ("", "", "")


@pytest.mark.parametrize("value", [HASH[:-1], HASH_TEXT[2:], HASH_TEXT + "0", "0x" + "zz" * 32, "", b""])
def test_what_is_no_hash_makes_no_link(value) -> None:
    with pytest.raises(NetworksError, match="^a transaction's hash is 32 bytes, written as 0x and hexadecimal digits$"):
        SEPOLIA.transaction_url(value)


@pytest.mark.parametrize("value", [HASH, "0x" + "00" * 19, "00" * 20])
def test_what_is_no_address_makes_no_link(value) -> None:
    with pytest.raises(NetworksError, match="^an address is 20 bytes, written as 0x and hexadecimal digits$"):
        SEPOLIA.address_url(value)


# --- What pages say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain_id", "name", "worth"),
    [
        (1, "Ethereum", "main"), (11155111, "the Sepolia test network", "test"),
        (84532, "the Base Sepolia test network", "test"), (80002, "the Polygon Amoy test network", "test"),
        (31337, "this computer's local test chain", "local"), (1337, "this computer's local test chain", "local"),
        (17000, "the Holesky test network, which has ended", "ended"), (42, "chain 42", "unknown"),
        (424242, "chain 424242", "unknown"),
    ],
)  # fmt: skip
def test_a_chain_is_called_what_it_is_and_no_more_is_said_of_it_than_is_known(chain_id, name, worth) -> None:
    assert (stages.chain_name(chain_id), stages.chain_worth(chain_id)) == (name, stages.WORTH[worth])


def test_a_link_leads_to_the_explorer_of_the_anchor_s_own_chain(settings) -> None:
    settings.CHAIN = "hoodi"
    settings.CHAIN_EXPLORER_URL = "https://see.example"
    assert stages.explorer_url(560048, HASH_TEXT) == f"https://see.example/tx/{HASH_TEXT}"
    assert stages.explorer_url(11155111, HASH_TEXT) == f"https://sepolia.etherscan.io/tx/{HASH_TEXT}"
    assert [stages.explorer_url(number, HASH_TEXT) for number in (31337, 1, 424242)] == ["", "", ""]
    assert stages.explorer_url(11155111, None) == ""


REUSED = frozenset({42})
"""Ids of which the verifier says that it does not know them: an ended test network's, taken by a main network since."""


def test_the_verifier_s_own_table_agrees_on_what_each_chain_is() -> None:
    shipped = networks.shipped()
    words = {verify.MAIN: "main", verify.TEST: "test", verify.LOCAL: "local"}
    ours = {number: "test" if shipped.has_ended(number) else shipped.kind(number) for number in shipped.chain_ids()}
    assert {number: words[kind] for number, (_name, kind) in verify.CHAINS.items()} == {
        number: kind for number, kind in ours.items() if number not in REUSED
    }
    assert {number for number, kind in ours.items() if kind is None} == REUSED


# --- The file ---------------------------------------------------------------------------------------------------------


def test_a_row_is_read_whole() -> None:
    assert list(table(ROW + KNOWN + DEAD).networks.values()) == [
        networks.Network(
            name="first", title="the First test network", kind="test", chain_id=7, other_ids=(), genesis=b"\xab" * 32,
            currency="ETH", finality="finalized", block_seconds=12, smallest_tip=GWEI // 4, largest_fee=50 * GWEI,
            explorers=(
                Explorer(
                    "See", "https://see.example/tx/{transaction}", "https://see.example/block/{block}",
                    "https://see.example/address/{address}",
                ),
            ),
            end_of_life=None, end_note="",
        )
    ]  # fmt: skip


def test_finality_may_be_a_depth_in_blocks() -> None:
    assert table(changed('"finalized"', "64")).by_name("first").finality == 64


def test_a_known_chain_that_gets_a_row_of_its_own_needs_no_other_change() -> None:
    made = table(ROW + '[known]\nfirst = { title = "First", chain_id = 7, kind = "test" }\n')
    assert (made.by_name("first").title, dict(made.known)) == ("the First test network", {})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "test"', 'kind = "fun"', "kind: must be one of test, main, local"),
        ('kind = "test"\n', "", "kind: is missing"),
        ('title = "the First test network"\n', "", "title: is missing"),
        ('"the First test network"', '" x"',
         "title: must not be empty, nor have line breaks or spaces at its ends or doubled"),
        ('"the First test network"', "3", "title: must be text in quotes"),
        ("chain_id = 7\n", "", "chain_id: is missing"),
        ("chain_id = 7", "chain_id = 0", "chain_id: must be from 1 to 9223372036854775807"),
        ("chain_id = 7", 'chain_id = "7"', "chain_id: must be a whole number"),
        ("chain_id = 7", "chain_id = true", "chain_id: must be a whole number"),
        ("chain_id = 7", "chain_id = 7\nother_ids = [8]",
         "other_ids: only a local chain has more than one id"),
        ('kind = "test"', 'kind = "local"\nother_ids = [8, 8]', "other_ids: names something twice"),
        ('kind = "test"', 'kind = "local"\nother_ids = ["8"]', "other_ids: must be a list of whole numbers"),
        ('kind = "test"', 'kind = "local"\nother_ids = [7]', "other_ids: networks.first has chain id 7 already"),
        ('kind = "test"', 'kind = "local"\nother_ids = [0]', "other_ids: must each be 1 or more"),
        ("ab" * 32, "ab" * 31, "genesis: must be 0x and 64 hexadecimal digits"),
        ("ab" * 32, "ag" * 32, "genesis: must be 0x and 64 hexadecimal digits"),
        ("0x", "", "genesis: must be 0x and 64 hexadecimal digits"),
        ("genesis", "first_block", "genesis: is missing"),
        ('currency = "ETH"\n', "", "currency: is missing"),
        ('finality = "finalized"\n', "", "finality: is missing"),
        ('"finalized"', '"safe"', 'finality: must be "finalized" or a number of blocks, 1 or more'),
        ('"finalized"', "0", 'finality: must be "finalized" or a number of blocks, 1 or more'),
        ('"finalized"', "1.5", 'finality: must be "finalized" or a number of blocks'),
        ("block_seconds = 12", "block_seconds = 0.25", "block_seconds: must be a whole number"),
        ("block_seconds = 12", "block_seconds = -1", "block_seconds: must be from 1 to 9223372036854775807"),
        ("0.25", "-1", "smallest_tip_gwei: must be from 0 to 100000, with at most nine decimals"),
        ("0.25", "0.0000000001", "smallest_tip_gwei: must be from 0 to 100000, with at most nine decimals"),
        ("0.25", "nan", "smallest_tip_gwei: must be from 0 to 100000, with at most nine decimals"),
        ("0.25", '"1"', "smallest_tip_gwei: must be a number"),
        ("0.25", "51", "smallest_tip_gwei: must not be more than largest_fee_gwei"),
        ("largest_fee_gwei = 50", "largest_fee_gwei = 0", "largest_fee_gwei: must be from 1 to 100000"),
        ("largest_fee_gwei = 50", "largest_fee_gwei = 100001", "largest_fee_gwei: must be from 1 to 100000"),
        ("block_seconds", "end_of_life = 2028-12-01\nblock_seconds",
         "end_note: stands beside end_of_life and says what is known of it: both or neither"),
        ("block_seconds", 'end_note = "It ends."\nblock_seconds',
         "end_note: stands beside end_of_life and says what is known of it: both or neither"),
        ("block_seconds", 'end_of_life = "2028-12-01"\nblock_seconds',
         "end_of_life: must be a date, such as 2028-12-01"),
        ("block_seconds", "end_of_life = 2028-12-01T00:00:00Z\nblock_seconds",
         "end_of_life: must be a date, such as 2028-12-01"),
        ("block_seconds", "poa = true\nblock_seconds", "poa: is no key of such a table"),
        ("/tx/{transaction}", "/tx/",
         "explorers.See.transaction: must have the placeholder {transaction} once and no other"),
        ("/tx/{transaction}", "/tx/{transaction}/{transaction}",
         "explorers.See.transaction: must have the placeholder {transaction} once and no other"),
        ("/block/{block}", "/block/{address}",
         "explorers.See.block: must have the placeholder {block} once and no other"),
        ("/block/{block}", "/{chain}/{block}",
         "explorers.See.block: must have the placeholder {block} once and no other"),
        ("https://see.example/address", "ftp://see.example/address",
         "explorers.See.address: must be a URL that starts with https:// or http://"),
        ("https://see.example/address", "https:///address",
         "explorers.See.address: must be a URL that starts with https:// or http://"),
        ('address = "https', 'account = "https', "explorers.See.address: is missing"),
        ('address = "https', 'api = "https://see.example"\naddress = "https',
         "explorers.See.api: is no key of such a table"),
        ("[networks.first.explorers.See]", "[networks.first.explorers]",
         "explorers.transaction: must be a table"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_with_file_row_and_key(old, new, sentence) -> None:
    assert refusal(changed(old, new)) == f"t.toml: networks.first.{sentence}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ROW + "[nets]\n", "nets: is no key of such a table"),
        ("networks = 3\n", "networks: must be a table of tables"),
        ("[networks]\nfirst = 3\n", "networks.first: must be a table"),
        (ROW.replace("networks.first", "networks.First"),
         "networks.First: a name is small letters, digits and hyphens, a letter first"),
        (ROW + ROW.replace("networks.first", "networks.second"),
         "networks.second.chain_id: networks.first has chain id 7 already"),
        (ROW + KNOWN.replace("8", "7"), "known.main.chain_id: networks.first has chain id 7 already"),
        (ROW + KNOWN.replace("main =", "first ="), "known.first: there is another row of this name"),
        (ROW + KNOWN + DEAD.replace("gone", "main"), "dead.main: there is another row of this name"),
        (ROW + DEAD.replace("9", "7"), "dead.gone.chain_id: networks.first has chain id 7 already"),
        (ROW + KNOWN.replace('"main" }', '"fun" }'), "known.main.kind: must be one of test, main, local"),
        (ROW + KNOWN.replace(" }", ", rpc = 1 }"), "known.main.rpc: is no key of such a table"),
        (ROW + DEAD.replace('["first"]', "[]"), "dead.gone.instead: must be a list of names under [networks]"),
        (ROW + DEAD.replace('["first"]', '["gone"]'), "dead.gone.instead: must be a list of names under [networks]"),
        (ROW + DEAD.replace('["first"]', '"first"'), "dead.gone.instead: must be a list of names under [networks]"),
        (ROW + DEAD.replace(" }", ', reused_by = "" }'),
         "dead.gone.reused_by: must not be empty, nor have line breaks or spaces at its ends or doubled"),
        (ROW + DEAD.replace(" }", ", why = 1 }"), "dead.gone.why: is no key of such a table"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_place(text, sentence) -> None:
    assert refusal(text) == f"t.toml: {sentence}"


@pytest.mark.parametrize("content", [b"[networks", b"\xff", ROW.encode() + ROW.encode()])
def test_what_is_no_toml_is_refused(content) -> None:
    with pytest.raises(NetworksError, match=r"^t\.toml: is not TOML in UTF-8: "):
        networks.read(content, file="t.toml")
