"""An endpoint that fails and lies on demand: a proxy on loopback in front of a node, with a rule for each method.

    with Node() as node, Proxy(node.url) as proxy:
        proxy.set("eth_sendRawTransaction", LoseReply(times=1))
        ...
        assert proxy.outcomes("eth_sendRawTransaction") == ["reply lost", "passed"]

Two proxies on one node are two endpoints of different operators, of which one may lie. Rules can be set and cleared
while requests run. Of several rules for one method the first is used until its ``times`` are up, then the next; a
method without rules of its own follows those of ``ANY``.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from anchoring.drill.ports import free_port

ANY = "*"
UPSTREAM_SECONDS = 60
CLIENT_SECONDS = 60  # a client that says nothing for so long is hung up on
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a web proxy
_WITH_A_TAG = {  # methods that look at a block, and where in the parameters it stands
    "eth_getBlockByNumber": 0, "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_call": 1,
    "eth_estimateGas": 1, "eth_getStorageAt": 2, "eth_getProof": 2, "eth_getBlockReceipts": 0,
}  # fmt: skip
_MINED = {  # methods that tell of something mined, and the member that holds its height
    "eth_getTransactionReceipt": "blockNumber",
    "eth_getTransactionByHash": "blockNumber",
    "eth_getBlockByHash": "number",
}


class ProxyError(Exception):
    """The rules make no sense, or what was waited for did not come; the text says which."""


@dataclass(frozen=True)
class Sent:
    """One request as it came, and what became of it."""

    method: str
    params: list[Any]
    outcome: str


@dataclass(frozen=True)
class _Reply:
    """What goes back to the client; ``hang_up_after`` bytes of the body the connection is closed (None: never)."""

    body: bytes
    status: int = 200
    hang_up_after: int | None = None
    after_seconds: float = 0


_SILENCE = _Reply(b"", hang_up_after=0)


@dataclass(frozen=True)
class _Request:
    """A request on its way: what the rules work on. ``upstream`` is where it would go."""

    method: str
    params: list[Any]
    body: bytes
    upstream: str

    def forward(self) -> _Reply:
        """The node's answer, whatever its status; OSError if there is none."""
        request = urllib.request.Request(self.upstream, self.body, {"Content-Type": "application/json"})
        try:
            with _DIRECT.open(request, timeout=UPSTREAM_SECONDS) as answer:
                return _Reply(answer.read(), answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return _Reply(error.read(), error.code)

    def ask(self, method: str, *params: Any) -> Any:
        """The answer of the node to another question; None in place of an error."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return json.loads(_Request(method, list(params), body, self.upstream).forward().body).get("result")

    def answer(self, result: Any) -> _Reply:
        """A well-formed answer to this request."""
        return _Reply(json.dumps({"jsonrpc": "2.0", "id": json.loads(self.body).get("id"), "result": result}).encode())


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What happens to a request; ``times`` is how often, None without end."""

    times: int | None = None
    outcome = "passed"

    def apply(self, request: _Request) -> _Reply:
        """The reply that the client gets. OSError when the node does not answer."""
        return request.forward()


@dataclass(frozen=True)
class Pass(Rule):
    """Nothing happens to it: to let some through before the next rule."""


@dataclass(frozen=True)
class LoseReply(Rule):
    """The node does as asked; the client's connection is closed without an answer."""

    outcome = "reply lost"

    def apply(self, request: _Request) -> _Reply:
        request.forward()
        return _SILENCE


@dataclass(frozen=True)
class DropRequest(Rule):
    """The node never sees it; the client's connection is closed without an answer."""

    outcome = "dropped"

    def apply(self, request: _Request) -> _Reply:
        return _SILENCE


@dataclass(frozen=True)
class Answer(Rule):
    """These bytes with this HTTP status; the node never sees the request."""

    body: bytes
    status: int = 200
    outcome = "answered"

    def apply(self, request: _Request) -> _Reply:
        return _Reply(self.body, self.status)


@dataclass(frozen=True)
class Refuse(Rule):
    """A JSON-RPC error in these words, as another kind of node would say it; the node never sees the request."""

    message: str
    code: int = -32000
    outcome = "refused"

    def apply(self, request: _Request) -> _Reply:
        error = {"code": self.code, "message": self.message}
        return _Reply(json.dumps({"jsonrpc": "2.0", "id": json.loads(request.body).get("id"), "error": error}).encode())


@dataclass(frozen=True)
class Delay(Rule):
    """The node is asked at once; its answer comes that many seconds later."""

    seconds: float
    outcome = "delayed"

    def apply(self, request: _Request) -> _Reply:
        reply = request.forward()
        return _Reply(reply.body, reply.status, after_seconds=self.seconds)


@dataclass(frozen=True)
class Cut(Rule):
    """The node's true answer breaks off after that many bytes of its body."""

    after: int
    outcome = "cut"

    def apply(self, request: _Request) -> _Reply:
        reply = request.forward()
        return _Reply(reply.body, reply.status, hang_up_after=self.after)


@dataclass(frozen=True)
class Lie(Rule):
    """``tell(result, params)`` in place of the node's true result; an error of the node is passed on as it is."""

    tell: Callable[[Any, list[Any]], Any]
    outcome = "lied"

    def apply(self, request: _Request) -> _Reply:
        reply = request.forward()
        told = json.loads(reply.body)
        return request.answer(self.tell(told["result"], request.params)) if "result" in told else reply


@dataclass(frozen=True)
class Redirect(Rule):
    """The node behind another URL gets it, as when an endpoint is pointed at another chain."""

    url: str
    outcome = "redirected"

    def apply(self, request: _Request) -> _Reply:
        return _Request(request.method, request.params, request.body, self.url).forward()


@dataclass(frozen=True)
class Lag(Rule):
    """The node as it was ``blocks`` ago, in all that it tells; set it for ``ANY``. Transactions are passed on.

    Tags mean the blocks that they meant then, and what is mined later, receipts too, does not exist.
    """

    blocks: int
    outcome = "lagged"

    def apply(self, request: _Request) -> _Reply:
        head = max(0, int(request.ask("eth_blockNumber"), 16) - self.blocks)
        if request.method == "eth_blockNumber":
            return request.answer(hex(head))
        if request.method in _MINED:
            result = request.ask(request.method, *request.params)
            height = (result or {}).get(_MINED[request.method])
            return request.answer(result if height is not None and int(height, 16) <= head else None)
        place = _WITH_A_TAG.get(request.method)
        if place is None:
            return request.forward()
        return self._as_it_was(request, place, head)

    def _as_it_was(self, request: _Request, place: int, head: int) -> _Reply:
        params = [*request.params, "latest"] if len(request.params) == place else list(request.params)
        at = params[place]
        if at in ("safe", "finalized"):
            final = int(request.ask("eth_getBlockByNumber", at, False)["number"], 16)
            params[place] = hex(min(head, max(0, final - self.blocks)))
        elif at in ("latest", "pending"):
            params[place] = hex(head)
        elif isinstance(at, str) and at.startswith("0x") and int(at, 16) > head:
            return request.answer(None)
        body = json.dumps(json.loads(request.body) | {"params": params}).encode()
        return _Request(request.method, params, body, request.upstream).forward()


@dataclass
class _Line:
    """The rules that stand in line for one method, and how often the first was used."""

    rules: list[Rule]
    used: int = 0

    def next(self) -> Rule | None:
        while self.rules and self.used == self.rules[0].times:
            self.rules.pop(0)
            self.used = 0
        if not self.rules:
            return None
        self.used += 1
        return self.rules[0]


@dataclass
class _Book:
    """Rules and record, for all threads."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    lines: dict[str, _Line] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def rule_for(self, method: str) -> Rule:
        with self.changed:
            for name in (method, ANY):
                rule = self.lines[name].next() if name in self.lines else None
                if rule is not None:
                    return rule
        return Pass()

    def note(self, sent: Sent) -> None:
        with self.changed:
            self.sent.append(sent)
            self.changed.notify_all()


class Proxy:
    """An endpoint in front of the node at ``upstream``, in a ``with`` block; ``url`` is where it answers.

    ``stop`` and ``start`` make outages: connections are refused in between. Rules and record outlive them.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.port = free_port()
        self._book = _Book()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers, also after each outage."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, method: str, *rules: Rule) -> None:
        """Put these rules, one after the other, in place of all that the method (or ``ANY``) had."""
        if not rules:
            raise ProxyError(f"No rule was given for {method}: clear() takes rules away.")
        if any(rule.times is None for rule in rules[:-1]):
            raise ProxyError(f"A rule for {method} stands behind one without end: give that one its times.")
        with self._book.changed:
            self._book.lines[method] = _Line(list(rules))

    def clear(self, method: str | None = None) -> None:
        """Take the rules of a method away, or all."""
        with self._book.changed:
            if method is None:
                self._book.lines.clear()
            else:
                self._book.lines.pop(method, None)

    def sent(self, method: str | None = None) -> list[Sent]:
        """What came, in the order in which it was dealt with; of one method or of all."""
        with self._book.changed:
            return [each for each in self._book.sent if method in (None, each.method)]

    def outcomes(self, method: str) -> list[str]:
        """What became of each request of the method."""
        return [each.outcome for each in self.sent(method)]

    def forget(self) -> None:
        """Begin the record anew."""
        with self._book.changed:
            self._book.sent.clear()

    def wait_for(self, method: str, *, count: int = 1, seconds: float = 30) -> None:
        """Return once that many requests of the method were dealt with; a delayed answer need not be out yet."""
        ends = time.monotonic() + seconds
        with self._book.changed:
            while sum(each.method == method for each in self._book.sent) < count:
                if not self._book.changed.wait(ends - time.monotonic()):
                    raise ProxyError(f"{method} did not come {count} times within {seconds:g} seconds.")

    def start(self) -> None:
        """Answer, in threads of their own."""
        if self._server is None:
            self._server = _Server(("127.0.0.1", self.port), self._book, self.upstream)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.02,), name="proxy of a node", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Refuse connections; delayed answers never go out."""
        if self._server is not None and self._thread is not None:
            self._server.stopping.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], book: _Book, upstream: str) -> None:
        self.book, self.upstream = book, upstream
        self.stopping = threading.Event()
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a fault of ours or of a rule, and is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _parse(body: bytes, upstream: str) -> _Request | None:
    """The request; None for what is not a single one with a list of parameters."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("method"), str):
        return None
    params = told.get("params", [])
    return _Request(told["method"], params, body, upstream) if isinstance(params, list) else None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = _parse(body, self.server.upstream)
        if request is None:
            self._reply(_Reply(b"one JSON-RPC request is taken at a time", HTTPStatus.BAD_REQUEST))
            return
        rule = self.server.book.rule_for(request.method)
        outcome = rule.outcome
        try:
            reply = rule.apply(request)
        except OSError:
            reply, outcome = _Reply(b"the node does not answer", HTTPStatus.BAD_GATEWAY), "unreachable"
        self.server.book.note(Sent(request.method, request.params, outcome))
        if reply.after_seconds and self.server.stopping.wait(reply.after_seconds):
            reply = _SILENCE
        self._reply(reply)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: ``sent`` is the record."""

    def _reply(self, reply: _Reply) -> None:
        if reply.hang_up_after == 0:
            return  # the server closes the connection
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.hang_up_after])
