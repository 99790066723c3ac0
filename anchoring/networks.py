"""The chains that can be anchored on, as data: networks.toml, read strictly.

What is wrong with the file is said with the file, the row and the key. Fees are wei per unit of gas, times are seconds.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, get_args
from urllib.parse import urlsplit

FILE = Path(__file__).with_name("networks.toml")
GWEI = 10**9
MOST_GWEI = 100_000
"""No fee is ever offered above this."""

Kind = Literal["test", "main", "local"]
"""What a chain is: a public test network, a main network, or a chain of one's own."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PLACES = ("transaction", "block", "address")


class NetworksError(ValueError):
    """The file, or what was asked of it, is wrong."""


class UnknownNetwork(NetworksError):
    """No such chain can be anchored on; the text names those that can."""


@dataclass(frozen=True)
class Explorer:
    """A block explorer: three templates, each with the placeholder of its name once."""

    name: str
    transaction: str
    block: str
    address: str

    @classmethod
    def at(cls, base_url: str) -> Self:
        """An explorer with the usual paths (EIP-3091) under ``base_url``."""
        base = base_url.rstrip("/")
        return cls(base, f"{base}/tx/{{transaction}}", f"{base}/block/{{block}}", f"{base}/address/{{address}}")


@dataclass(frozen=True)
class Network:
    """One chain that can be anchored on. ``finality`` is the node's tag, or a depth in blocks; no genesis: any."""

    name: str
    title: str
    kind: Kind
    chain_id: int
    other_ids: tuple[int, ...]
    genesis: bytes | None
    currency: str
    finality: Literal["finalized"] | int
    block_seconds: int
    smallest_tip: int
    largest_fee: int
    explorers: tuple[Explorer, ...]
    end_of_life: date | None
    end_note: str

    @property
    def testnet(self) -> bool:
        """Whether it is a public test network."""
        return self.kind == "test"

    @property
    def local(self) -> bool:
        """Whether it is a chain of one's own."""
        return self.kind == "local"

    def has_chain_id(self, chain_id: int) -> bool:
        """Whether a node of this network may answer so to eth_chainId."""
        return chain_id == self.chain_id or chain_id in self.other_ids

    def with_explorer(self, base_url: str) -> Self:
        """The same network with another default explorer; "" changes nothing."""
        return replace(self, explorers=(Explorer.at(base_url), *self.explorers)) if base_url else self

    def transaction_url(self, transaction: bytes | str) -> str:
        """Where people look the transaction (32 bytes, or 0x…) up; "" without an explorer."""
        text = _hex(transaction, _HASH, "a transaction's hash is 32 bytes")
        return self.explorers[0].transaction.replace("{transaction}", text) if self.explorers else ""

    def block_url(self, number: int) -> str:
        """Where people look the block up; "" without an explorer."""
        return self.explorers[0].block.replace("{block}", str(number)) if self.explorers else ""

    def address_url(self, address: bytes | str) -> str:
        """Where people look the account or contract (20 bytes, or 0x…) up; "" without an explorer."""
        text = _hex(address, _ADDRESS, "an address is 20 bytes")
        return self.explorers[0].address.replace("{address}", text) if self.explorers else ""

    def days_left(self, today: date) -> int | None:
        """Days until the announced end; negative once it has passed, which need not mean that the chain has stopped."""
        return None if self.end_of_life is None else (self.end_of_life - today).days

    def end_sentence(self, today: date) -> str:
        """What is announced of its end, in sentences; "" when nothing is."""
        left, end = self.days_left(today), self.end_of_life
        if left is None or end is None:
            return ""
        when = "today" if left == 0 else f"in {_days(left)}" if left > 0 else f"{_days(-left)} ago"
        verb = "was" if left < 0 else "is"
        return f"The end of {self.title} {verb} announced for {end:%-d %B %Y}, {when}. {self.end_note}"


@dataclass(frozen=True)
class Known:
    """A chain known by name only."""

    name: str
    title: str
    chain_id: int
    kind: Kind


@dataclass(frozen=True)
class Dead:
    """A chain that has ended; ``reused_by`` names the chain that has its id now, or is ""."""

    name: str
    title: str
    chain_id: int
    instead: tuple[str, ...]
    reused_by: str

    @property
    def sentence(self) -> str:
        """That it has ended, and what to use."""
        reuse = f" Its number belongs to {self.reused_by} now, which is no test network." if self.reused_by else ""
        return (
            f"{_capital(self.title)} (chain {self.chain_id}) has ended.{reuse} Use {' or '.join(self.instead)} instead."
        )


@dataclass(frozen=True)
class Table:
    """All rows of one file, by name."""

    networks: Mapping[str, Network]
    known: Mapping[str, Known]
    dead: Mapping[str, Dead]

    def by_name(self, name: str) -> Network:
        """The chain of that name; UnknownNetwork says which there are, or what to use in place of a dead one."""
        if name in self.networks:
            return self.networks[name]
        if name in self.dead:
            raise UnknownNetwork(self.dead[name].sentence)
        listed = f"There are {', '.join(self.networks)}; docs/operations/chain.md says how to add one."
        if name in self.known:
            row = self.known[name]
            raise UnknownNetwork(
                f"{_capital(row.title)} (chain {row.chain_id}) is known by name only: nothing says how to anchor there."
                f" {listed}"
            )
        raise UnknownNetwork(f"There is no chain of that name. {listed}")

    def by_chain_id(self, chain_id: int) -> Network | None:
        """The chain with that id, if it can be anchored on."""
        return next((network for network in self.networks.values() if network.has_chain_id(chain_id)), None)

    def dead_sentence(self, chain_id: int) -> str:
        """That the chain of that id has ended and what to use instead; "" if it has not."""
        return next((row.sentence for row in self.dead.values() if row.chain_id == chain_id), "")

    def title(self, chain_id: int) -> str:
        """The chain in a sentence; "chain 42" where nothing certain is known."""
        if alive := self._alive(chain_id):
            return alive.title
        ended = (f"{row.title}, which has ended" for row in self._ended() if row.chain_id == chain_id)
        return next(ended, f"chain {chain_id}")

    def kind(self, chain_id: int) -> Kind | None:
        """What the chain of that id is; None where that is not known, or the chain has ended."""
        row = self._alive(chain_id)
        return row.kind if row else None

    def has_ended(self, chain_id: int) -> bool:
        """Whether the id means an ended test network and nothing else."""
        return any(row.chain_id == chain_id for row in self._ended())

    def chain_ids(self) -> frozenset[int]:
        """Every id of which the file says something."""
        return frozenset(
            [chain_id for row in self.networks.values() for chain_id in (row.chain_id, *row.other_ids)]
            + [row.chain_id for row in self.known.values()]
            + [row.chain_id for row in self.dead.values()]
        )

    def _ended(self) -> list[Dead]:
        """The dead chains whose id means nothing else today."""
        return [row for row in self.dead.values() if not row.reused_by]

    def _alive(self, chain_id: int) -> Network | Known | None:
        known = (row for row in self.known.values() if row.chain_id == chain_id)
        return self.by_chain_id(chain_id) or next(known, None)


def by_name(name: str) -> Network:
    """The chain of that name; UnknownNetwork says which there are, or what to use in place of a dead one."""
    return shipped().by_name(name)


def by_chain_id(chain_id: int) -> Network | None:
    """The chain with that id, if it can be anchored on."""
    return shipped().by_chain_id(chain_id)


def is_dead(chain_id: int) -> bool:
    """Whether the id is refused: it belonged to a chain that has ended."""
    return shipped().dead_sentence(chain_id) != ""


@lru_cache
def shipped() -> Table:
    """The table in networks.toml, read once."""
    return read(FILE.read_bytes(), file=FILE.name)


def read(content: bytes, *, file: str) -> Table:
    """A table of chains; NetworksError names the file, the row and the key of the first thing that is wrong."""
    try:
        values = tomllib.loads(content.decode(), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NetworksError(f"{file}: is not TOML in UTF-8: {error}") from error
    top = _Row(values, file=file)
    networks = {row.name: _network(row) for row in top.rows("networks")}
    known = {row.name: _known(row) for row in top.rows("known")}
    dead = {row.name: _dead(row, networks) for row in top.rows("dead")}
    top.done()
    # a chain that has got a row of its own under [networks] is no longer known by name only
    known = {name: row for name, row in known.items() if not _is_same(networks.get(name), row)}
    _refuse_twins(file, networks, known, dead)
    return Table(networks=networks, known=known, dead=dead)


# --- Reading the file -------------------------------------------------------------------------------------------------


class _Row:
    """One table of the file: each key is taken once with a type; what is left over is refused."""

    def __init__(self, values: dict[str, Any], *, file: str, path: tuple[str, ...] = ()) -> None:
        self._values, self._file, self._path = dict(values), file, path

    @property
    def name(self) -> str:
        return self._path[-1]

    def wrong(self, key: str, what: str) -> NetworksError:
        """The error for the key, or for the whole row where the key is ""."""
        return NetworksError(f"{self._file}: {'.'.join(filter(None, (*self._path, key)))}: {what}")

    def rows(self, key: str) -> list["_Row"]:
        """The tables inside the table ``key``, in the file's order."""
        group = self.take(key, dict, "a table of tables", {})
        for name, values in group.items():
            if not isinstance(values, dict):
                raise self.wrong(f"{key}.{name}", "must be a table")
        return [_Row(values, file=self._file, path=(*self._path, key, name)) for name, values in group.items()]

    def take(self, key: str, kind: type | tuple[type, ...], called: str, *default: Any) -> Any:
        """The value of ``key``, or the default if one is given; a bool is never a number."""
        if key not in self._values:
            if default:
                return default[0]
            raise self.wrong(key, "is missing")
        value = self._values.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(key, f"must be {called}")
        return value

    def text(self, key: str, *default: str) -> str:
        if default and key not in self._values:
            return default[0]
        value: str = self.take(key, str, "text in quotes")
        if not value or value != " ".join(value.split()):
            raise self.wrong(key, "must not be empty, nor have line breaks or spaces at its ends or doubled")
        return value

    def number(self, key: str, *, most: int = 2**63 - 1) -> int:
        value: int = self.take(key, int, "a whole number")
        if not 1 <= value <= most:
            raise self.wrong(key, f"must be from 1 to {most}")
        return value

    def word(self, key: str, words: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in words:
            raise self.wrong(key, f"must be one of {', '.join(words)}")
        return value

    def day(self, key: str) -> date | None:
        value: date | None = self.take(key, (date, type(None)), "a date, such as 2028-12-01", None)
        if isinstance(value, datetime):
            raise self.wrong(key, "must be a date, such as 2028-12-01")
        return value

    def items(self, key: str, kind: type, called: str, *default: Any) -> tuple[Any, ...]:
        """A list without repetition whose items are of one type."""
        values = self.take(key, list, called, *default)
        if not all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
            raise self.wrong(key, f"must be {called}")
        if len(set(values)) != len(values):
            raise self.wrong(key, "names something twice")
        return tuple(values)

    def done(self) -> None:
        """Refuse what nobody asked for."""
        for key in self._values:
            raise self.wrong(key, "is no key of such a table")


def _network(row: _Row) -> Network:
    kind, name = row.word("kind", get_args(Kind)), _name(row)
    network = Network(
        name=name,
        title=row.text("title"),
        kind=kind,  # type: ignore[arg-type]  # one of Kind's words
        chain_id=row.number("chain_id"),
        other_ids=_other_ids(row, kind),
        genesis=_genesis(row, kind),
        currency=row.text("currency"),
        finality=_finality(row),
        block_seconds=row.number("block_seconds"),
        smallest_tip=_smallest_tip(row),
        largest_fee=row.number("largest_fee_gwei", most=MOST_GWEI) * GWEI,
        explorers=tuple(_explorer(inner) for inner in row.rows("explorers")),
        end_of_life=row.day("end_of_life"),
        end_note=row.text("end_note", ""),
    )
    row.done()
    if network.smallest_tip > network.largest_fee:
        raise row.wrong("smallest_tip_gwei", "must not be more than largest_fee_gwei")
    if (network.end_of_life is None) != (network.end_note == ""):
        raise row.wrong("end_note", "stands beside end_of_life and says what is known of it: both or neither")
    return network


def _known(row: _Row) -> Known:
    found = Known(
        name=_name(row),
        title=row.text("title"),
        chain_id=row.number("chain_id"),
        kind=row.word("kind", get_args(Kind)),  # type: ignore[arg-type]  # one of Kind's words
    )
    row.done()
    return found


def _dead(row: _Row, networks: Mapping[str, Network]) -> Dead:
    found = Dead(
        name=_name(row),
        title=row.text("title"),
        chain_id=row.number("chain_id"),
        instead=row.items("instead", str, "a list of names under [networks]"),
        reused_by=row.text("reused_by", ""),
    )
    row.done()
    if not found.instead or not set(found.instead) <= set(networks):
        raise row.wrong("instead", "must be a list of names under [networks]")
    return found


def _name(row: _Row) -> str:
    if _NAME.fullmatch(row.name) is None:
        raise row.wrong("", "a name is small letters, digits and hyphens, a letter first")
    return row.name


def _other_ids(row: _Row, kind: str) -> tuple[int, ...]:
    found = row.items("other_ids", int, "a list of whole numbers", [])
    if found and kind != "local":
        raise row.wrong("other_ids", "only a local chain has more than one id")
    if min(found, default=1) < 1:
        raise row.wrong("other_ids", "must each be 1 or more")
    return found


def _genesis(row: _Row, kind: str) -> bytes | None:
    """The hash of block 0; only a local chain may have any."""
    text = row.text("genesis", "") if kind == "local" else row.text("genesis")
    if text and _HASH.fullmatch(text) is None:
        raise row.wrong("genesis", "must be 0x and 64 hexadecimal digits")
    return bytes.fromhex(text[2:]) if text else None


def _finality(row: _Row) -> Literal["finalized"] | int:
    value: str | int = row.take("finality", (str, int), '"finalized" or a number of blocks')
    if value == "finalized":
        return "finalized"
    if isinstance(value, str) or value < 1:
        raise row.wrong("finality", 'must be "finalized" or a number of blocks, 1 or more')
    return value


def _smallest_tip(row: _Row) -> int:
    """The tip in wei; the file says it in gwei, with decimals where it must."""
    value = Decimal(row.take("smallest_tip_gwei", (int, Decimal), "a number"))
    if not value.is_finite() or not 0 <= value <= MOST_GWEI or int(value.as_tuple().exponent) < -9:
        raise row.wrong("smallest_tip_gwei", f"must be from 0 to {MOST_GWEI}, with at most nine decimals")
    return int(value * GWEI)


def _explorer(row: _Row) -> Explorer:
    found = Explorer(row.name, *(_template(row, key) for key in _PLACES))
    row.done()
    return found


def _template(row: _Row, key: str) -> str:
    text = row.text(key)
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise row.wrong(key, "must be a URL that starts with https:// or http://")
    if text.count(f"{{{key}}}") != 1 or text.count("{") != 1 or text.count("}") != 1:
        raise row.wrong(key, f"must have the placeholder {{{key}}} once and no other")
    return text


def _is_same(network: Network | None, row: Known) -> bool:
    return network is not None and network.chain_id == row.chain_id


def _refuse_twins(file: str, *groups: Mapping[str, Network] | Mapping[str, Known] | Mapping[str, Dead]) -> None:
    """Each name and each chain id once in the whole file."""
    names: set[str] = set()
    owners: dict[int, str] = {}
    for path, name, key, chain_id in _ids(groups):
        if key == "chain_id" and name in names:
            raise NetworksError(f"{file}: {path}: there is another row of this name")
        if chain_id in owners:
            raise NetworksError(f"{file}: {path}.{key}: {owners[chain_id]} has chain id {chain_id} already")
        names.add(name)
        owners[chain_id] = path


def _ids(groups: tuple[Mapping[str, Any], ...]) -> Iterator[tuple[str, str, str, int]]:
    """Path, name, key and value of every chain id."""
    for group, rows in zip(("networks", "known", "dead"), groups, strict=True):
        for name, row in rows.items():
            yield f"{group}.{name}", name, "chain_id", row.chain_id
            for other in getattr(row, "other_ids", ()):
                yield f"{group}.{name}", name, "other_ids", other


# --- Words ------------------------------------------------------------------------------------------------------------


def _hex(value: bytes | str, form: re.Pattern[str], what: str) -> str:
    text = value if isinstance(value, str) else f"0x{value.hex()}"
    if form.fullmatch(text) is None:
        raise NetworksError(f"{what}, written as 0x and hexadecimal digits")
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
