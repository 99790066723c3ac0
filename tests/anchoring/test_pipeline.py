"""From recorded to anchored: what is due, what waits, and that a fault anywhere costs nothing but time."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from anchoring import config, fsck, registry, routes, schedule, stages, store
from anchoring.chain import ChainError, ChainUnavailable, EthereumChain, address_of
from anchoring.keys import verify_ed25519
from anchoring.models import Anchor, Attempt, Checkpoint, Confirmation, Entry, Head, Leaf, Pending, Sender, State, Tile
from anchoring.protocol.checkpoint import parse_checkpoint
from anchoring.protocol.merkle import check_consistency, prove_consistency
from anchoring.protocol.note import open_note
from anchoring.protocol.tiles import TileReader
from anchoring.record import record
from anchoring.schedule import Halted
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, a_route, a_subject, note, notes, register, sql, tick
from tests.anchoring.memory_chain import MemoryChain
from tests.anchoring.protocol import reference

pytestmark = pytest.mark.django_db


def send(chain) -> Attempt | None:
    """One tick: the transaction that it signed, if it did."""
    before = Attempt.objects.count()
    tick(chain)
    return Attempt.objects.order_by("pk").last() if Attempt.objects.count() > before else None


def confirm(chain) -> int:
    """One tick: how many anchors it found final."""
    before = Confirmation.objects.count()
    tick(chain)
    return Confirmation.objects.count() - before


def anchored_sizes() -> list[int]:
    return list(Confirmation.objects.order_by("pk").values_list("anchor__checkpoint", flat=True))


def on_chain(chain) -> bytes:
    row = log_registration()
    return chain.head(bytes(row.contract), bytes(row.log_id))


def log_registration():
    return stages.current_registration()


def head_of(size: int) -> bytes:
    """What the registry must hold for a checkpoint of ours."""
    root = bytes(Checkpoint.objects.get(size=size).root)
    return registry.head_word(controller=address_of(config.chain_key()), size=size, root=root)


def differences() -> list[str]:
    return [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]


def require_one_history() -> None:
    """Each checkpoint's tree begins with the one before, by proof from the tiles as they are now."""
    checkpoints = list(Checkpoint.objects.order_by("size"))
    for old, new in zip(checkpoints, checkpoints[1:], strict=False):
        proof = prove_consistency(old_size=old.size, new_size=new.size, read=TileReader(store.read_tiles))
        check_consistency(
            old_size=old.size, new_size=new.size, old_root=bytes(old.root), new_root=bytes(new.root), proof=proof
        )


def definition(entries: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = reference.split(len(entries))
    return reference.node(definition(entries[:k]), definition(entries[k:]))


@contextmanager
def full_disk(event: str, table: str):
    """The database fails when that is done to that table."""
    if connection.vendor == "postgresql":
        sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$")  # fmt: skip
        sql(f"CREATE TRIGGER full_disk BEFORE {event} ON {table} EXECUTE FUNCTION full_disk()")
    else:
        sql(f"CREATE TRIGGER full_disk BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    yield
    if connection.vendor == "postgresql":
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(f"DROP TRIGGER full_disk ON {table}")
        sql("DROP FUNCTION full_disk")
    else:
        sql("DROP TRIGGER full_disk")


# --- Sequencing ------------------------------------------------------------------------------------------------------


def test_nothing_recorded_is_nothing_to_sign() -> None:
    assert sequencer.sequence() == 0
    assert (Leaf.objects.count(), Checkpoint.objects.count(), Head.objects.get().size) == (0, 0, 0)


def test_every_entry_gets_its_place_in_the_order_it_came() -> None:
    entries = [note(str(n)) for n in range(5)]
    assert sequencer.sequence() == 5
    assert list(Leaf.objects.order_by("index").values_list("index", "entry_id")) == [
        (index, entry.seq) for index, entry in enumerate(entries)
    ]
    assert Pending.objects.count() == 0


def test_the_signed_head_is_the_definitions_root_of_the_entries() -> None:
    for size in (1, 3, 7):
        while Entry.objects.count() < size:
            note()
        sequencer.sequence()
        row = Checkpoint.objects.get(size=size)
        text = open_note(row.note, [config.log_key().verifier], verify_ed25519).text
        leaves = [bytes(entry.data) for entry in Entry.objects.order_by("leaf__index")]
        told = parse_checkpoint(text)
        assert (told.origin, told.size, told.root) == (config.origin(), size, definition(leaves))
        assert bytes(row.root) == told.root


def test_run_again_with_nothing_new_changes_nothing() -> None:
    note()
    sequencer.sequence()
    before = list(Checkpoint.objects.values())
    assert sequencer.sequence() == 0
    assert list(Checkpoint.objects.values()) == before


def test_many_batches_make_one_log_and_one_signature(monkeypatch) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 100)
    notes(750)
    assert sequencer.sequence() == 750
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [750]
    assert {(t.level, t.n): len(bytes(t.hashes)) // 32 for t in Tile.objects.all()} == {
        (0, 0): 256, (0, 1): 256, (0, 2): 238, (1, 0): 2,
    }  # fmt: skip
    assert differences() == []


def test_one_subjects_entries_are_sealed_in_the_order_of_their_commits() -> None:
    subject = a_subject()
    order = []
    for n in range(10):
        order.append(note(f"{n}", subject=subject).id)
        note("something else")
    sequencer.sequence()
    sealed = Entry.objects.filter(subject_id=subject.id).order_by("leaf__index").values_list("id", flat=True)
    assert list(sealed) == order


def test_a_crash_between_commit_and_signature_is_made_good_by_the_next_run() -> None:
    note()
    sequencer._sequence_batch()
    assert (Head.objects.get().size, Checkpoint.objects.count()) == (1, 0)
    assert sequencer.sequence() == 0
    assert Checkpoint.objects.get().size == 1


@pytest.mark.parametrize(
    ("event", "table"),
    [("INSERT", "leaf"), ("INSERT", "tile"), ("UPDATE", "head"), ("DELETE", "pending"), ("INSERT", "checkpoint")],
)
def test_a_failure_at_any_write_leaves_what_the_next_run_makes_good(event, table) -> None:
    note()
    with full_disk(event, f"anchoring_{table}"), pytest.raises(DatabaseError, match="disk full"):
        sequencer.sequence()
    placed = table == "checkpoint"  # the one write after the commit
    assert (Leaf.objects.count(), Tile.objects.count(), Pending.objects.count()) == (placed, placed, not placed)
    assert (sequencer.sequence(), Checkpoint.objects.get().size) == (not placed, 1)


def test_a_head_that_would_not_follow_from_the_tiles_is_never_signed() -> None:
    """As after a restore that brought the head back and not the tiles: the sequencer stops, entries still wait."""
    notes(3)
    sequencer.sequence()
    Head.objects.update(size=1000)
    note()
    with pytest.raises(ValueError, match="tile"):
        sequencer.sequence()
    assert (list(Checkpoint.objects.values_list("size", flat=True)), Pending.objects.count()) == ([3], 1)


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_at_once_give_every_entry_one_place_and_never_fork() -> None:
    rounds, failures = 6, []

    def work() -> None:
        try:
            for _ in range(rounds):
                sequencer.sequence()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    notes(100)
    workers = [threading.Thread(target=work) for _ in range(3 if connection.vendor == "postgresql" else 1)]
    for worker in workers:
        worker.start()
    for _ in range(rounds):
        if connection.vendor == "postgresql":  # SQLite in memory has one connection for all threads
            notes(20)
    for worker in workers:
        worker.join()
    sequencer.sequence()
    assert failures == []
    count = Entry.objects.count()
    assert sorted(Leaf.objects.values_list("index", flat=True)) == list(range(count))
    assert (Leaf.objects.values("entry").distinct().count(), Pending.objects.count()) == (count, 0)
    require_one_history()
    assert differences() == []


# --- Anchoring -------------------------------------------------------------------------------------------------------


def test_without_a_registration_nothing_is_sent_and_it_is_said_how_to_go_on(any_chain) -> None:
    note()
    sequencer.sequence()
    with pytest.raises(Halted, match="not registered on a chain yet. Run: manage.py deploy_registry"):
        send(any_chain)


def test_an_unsealed_log_has_nothing_to_send(any_chain) -> None:
    register(any_chain)
    assert (send(any_chain), Anchor.objects.count()) == (None, 0)


def test_the_first_anchor_brings_the_newest_head_on_chain(any_chain) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    note()
    sequencer.sequence()
    newest = Checkpoint.objects.order_by("-size").first()
    attempt = send(any_chain)
    assert (attempt.anchor.old_size, bytes(attempt.anchor.old_root)) == (0, bytes(32))
    assert confirm(any_chain) == 1
    assert (anchored_sizes(), on_chain(any_chain)) == ([newest.size], head_of(newest.size))


def test_the_next_anchor_grows_from_the_last_one_by_proof(any_chain) -> None:
    register(any_chain)
    sizes = []
    for count in (3, 300, 5):
        notes(count)
        sequencer.sequence()
        send(any_chain)
        confirm(any_chain)
        sizes.append(Head.objects.get().size)
    assert (anchored_sizes(), on_chain(any_chain)) == (sizes, head_of(sizes[-1]))
    assert list(Anchor.objects.order_by("pk").values_list("old_size", flat=True)) == [0, *sizes[:-1]]
    assert [*fsck.check_chain(chain=any_chain)] == []


def test_a_confirmation_says_block_and_time(any_chain) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    attempt = send(any_chain)
    confirm(any_chain)
    row = Confirmation.objects.get()
    block = any_chain.block(row.block_number)
    assert (bytes(row.block_hash), row.block_at) == (block.hash, datetime.fromtimestamp(block.timestamp, tz=UTC))
    assert any_chain.receipt(bytes(attempt.transaction)).block_number == row.block_number


def test_when_nothing_is_new_nothing_is_sent(any_chain) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    send(any_chain)
    confirm(any_chain)
    assert (send(any_chain), confirm(any_chain), Attempt.objects.count()) == (None, 0, 1)


def test_the_logs_own_housekeeping_alone_is_never_due(any_chain) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    send(any_chain)
    confirm(any_chain)
    with transaction.atomic():
        record.record_housekeeping(kind="log.noted", at=timezone.now(), data={"x": 1})
    sequencer.sequence()
    assert send(any_chain) is None
    note()
    sequencer.sequence()
    assert send(any_chain).anchor.checkpoint_id == Head.objects.get().size


def test_while_one_anchor_is_under_way_no_other_is_sent() -> None:
    chain = a_chain()
    register(chain)
    chain.automine = False
    note()
    sequencer.sequence()
    first = send(chain)
    note()
    sequencer.sequence()
    assert (send(chain), confirm(chain), send(chain)) == (None, 0, None)
    assert Attempt.objects.get() == first
    chain.mine()
    assert confirm(chain) == 1
    sequencer.sequence()
    assert send(chain).nonce == first.nonce + 1


def test_an_anchor_counts_only_when_its_block_is_final() -> None:
    chain = a_chain()
    register(chain)
    chain.finality_depth = 2
    note()
    sequencer.sequence()
    send(chain)
    seen = []
    for _ in range(3):
        seen.append(confirm(chain))
        chain.mine()
    assert seen == [0, 0, 1]


# --- Faults on the way -----------------------------------------------------------------------------------------------


def test_a_chain_that_is_down_before_the_commit_leaves_no_trace() -> None:
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    chain.down = True
    with pytest.raises(ChainUnavailable):
        send(chain)
    assert (Anchor.objects.count(), Attempt.objects.count(), Sender.objects.get().next_nonce) == (0, 0, 2)
    chain.down = False
    send(chain)
    assert confirm(chain) == 1


QUESTIONS = ["block", "identity", "code_hash", "head", "nonce", "estimate", "simulate", "fees", "balance", "send"]


class Failing:
    """A chain of which one method fails, once: before it does anything, or after."""

    def __init__(self, chain, method: str, *, after: bool = False) -> None:
        self._chain, self._method, self._after, self.asked = chain, method, after, []
        self.name = "failing"

    def __getattr__(self, name: str):
        def ask(*args, **named):
            self.asked.append(name)
            fails = name == self._method
            self._method = "" if fails else self._method
            if fails and not self._after:
                raise ChainUnavailable("The line was cut.")
            answer = getattr(self._chain, name)(*args, **named)
            if fails:
                raise ChainUnavailable("The line was cut.")
            return answer

        return ask


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", QUESTIONS)
def test_a_line_cut_at_any_point_of_sending_costs_one_tick(any_chain, method, after) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    cut = Failing(any_chain, method, after=after)
    with pytest.raises(ChainUnavailable, match="cut"):
        send(cut)
    kept = [bytes(raw) for raw in Attempt.objects.values_list("raw", flat=True)]
    assert len(kept) == (method == "send")
    for _ in range(2):
        send(any_chain)
        confirm(any_chain)
    assert (anchored_sizes(), on_chain(any_chain)) == ([Head.objects.get().size], head_of(Head.objects.get().size))
    sent = [bytes(raw) for raw in Attempt.objects.values_list("raw", flat=True)]
    assert sent == kept if kept else len(sent) == 1


@pytest.mark.parametrize("method", ["identity", "code_hash", "receipt", "block"])
def test_a_line_cut_at_any_point_of_confirming_costs_one_tick(any_chain, method) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    send(any_chain)
    with pytest.raises(ChainUnavailable, match="cut"):
        confirm(Failing(any_chain, method))
    assert (Confirmation.objects.count(), confirm(any_chain), confirm(any_chain)) == (0, 1, 0)


def test_the_list_of_questions_is_the_one_that_sending_asks() -> None:
    chain = Failing(a_chain(), "")
    register(chain)
    note()
    sequencer.sequence()
    chain.asked.clear()
    send(chain)
    assert sorted(set(chain.asked)) == sorted(QUESTIONS)


def test_what_the_node_forgot_is_sent_again_byte_for_byte() -> None:
    chain = a_chain()
    register(chain)
    chain.automine = False
    note()
    sequencer.sequence()
    attempt = send(chain)
    chain.sent.clear()
    chain.forget_pool()
    assert confirm(chain) == 0
    assert chain.sent == [bytes(attempt.raw)]
    chain.mine()
    assert confirm(chain) == 1


def test_a_lost_reply_is_found_again_by_the_transactions_hash() -> None:
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    chain.loses_replies = True
    with pytest.raises(ChainUnavailable):
        send(chain)
    chain.loses_replies = False
    assert (confirm(chain), Attempt.objects.count()) == (1, 1)


def test_a_block_that_is_rearranged_away_before_it_is_final_is_mined_again() -> None:
    chain = a_chain()
    register(chain)
    chain.finality_depth = 1
    note()
    sequencer.sequence()
    send(chain)
    chain.reorganise(depth=1)
    assert confirm(chain) == 0
    chain.mine()
    chain.mine()
    assert (confirm(chain), Attempt.objects.count(), Confirmation.objects.count()) == (1, 1, 1)


def test_another_chain_behind_the_url_halts_in_words(any_chain) -> None:
    register(a_chain())
    note()
    sequencer.sequence()
    with pytest.raises(
        Halted, match="CHAIN_RPC_URL leads to chain 31337, the same number .*, but another chain: it was"
    ):
        send(any_chain)
    assert Anchor.objects.count() == 0


def test_another_chain_id_halts_in_words() -> None:
    register(a_chain())
    note()
    sequencer.sequence()
    with pytest.raises(Halted, match="leads to chain 1, but the log is registered on chain 31337"):
        send(MemoryChain(chain_id=1))


def test_another_contract_at_the_address_gets_nothing() -> None:
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    send(chain)
    chain._state.registries.clear()
    sent = len(chain.sent)
    for step in (lambda: confirm(chain), lambda: routes.require_same_chain(a_route(chain), log_registration())):
        with pytest.raises(Halted, match="is not the registry. Nothing is sent to it"):
            step()
    assert len(chain.sent) == sent


def test_a_key_without_funds_halts_and_says_what_is_missing() -> None:
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    address = address_of(config.chain_key())
    chain._state.balances[address] = 5
    with pytest.raises(Halted, match=f"The anchoring key 0x{address.hex()} holds 5 wei, less than one anchor may cost"):
        send(chain)
    assert Anchor.objects.count() == 0
    chain._state.balances[address] = 10**18
    assert send(chain) is not None


def test_a_head_on_chain_that_is_not_ours_halts() -> None:
    """As after an old backup was put back: the chain knows a longer log than we do."""
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    row = log_registration()
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = b"h" * 32
    with pytest.raises(Halted, match="The registry's head is not what our database says was last confirmed"):
        send(chain)
    assert Anchor.objects.count() == 0


def test_a_transaction_that_was_mined_in_vain_halts() -> None:
    chain = a_chain()
    register(chain)
    chain.automine = False
    note()
    sequencer.sequence()
    send(chain)
    row = log_registration()
    chain._state.heads[bytes(row.contract), bytes(row.log_id)] = b"h" * 32
    chain.mine()
    with pytest.raises(Halted, match="was mined but did not anchor"):
        confirm(chain)
    assert Confirmation.objects.count() == 0


def test_an_endpoint_that_talks_nonsense_is_a_chain_that_does_not_answer(local_chain, any_garbage) -> None:
    register(EthereumChain(local_chain.url))
    note()
    sequencer.sequence()
    with pytest.raises(ChainError):
        send(EthereumChain(any_garbage, timeout=2))
    assert Anchor.objects.count() == 0
    assert schedule.tick("send", lambda: send(EthereumChain(any_garbage, timeout=2))) != ""


def test_a_chain_that_was_started_anew_is_registered_on_and_gets_all_again(any_chain) -> None:
    old = a_chain()
    register(old)
    note()
    sequencer.sequence()
    send(old)
    confirm(old)
    register(any_chain)
    sequencer.sequence()
    attempt = send(any_chain)
    state = State.objects.get()  # the registration alone is no news: what was closed last is anchored there first
    assert (attempt.anchor.old_size, attempt.anchor.checkpoint_id) == (0, state.size)
    assert (confirm(any_chain), on_chain(any_chain)) == (1, head_of(state.size))


def test_an_anchor_under_way_on_a_chain_that_is_gone_holds_nothing_up(any_chain) -> None:
    old = a_chain()
    register(old)
    old.automine = False
    note()
    sequencer.sequence()
    send(old)
    register(any_chain)
    sequencer.sequence()
    assert send(any_chain) is not None
    assert confirm(any_chain) == 1


def test_a_nonce_that_was_used_elsewhere_halts_until_a_person_says_that_it_was_theirs() -> None:
    """The key is meant to be ours alone: whoever used it beside us may do so again."""
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    send(chain)
    confirm(chain)
    chain._state.nonces[address_of(config.chain_key())] += 1
    note()
    sequencer.sequence()
    with pytest.raises(Halted, match="Nonce 3 of our key 0x[0-9a-f]{40} was used by a transaction that is not ours"):
        send(chain)
    assert Attempt.objects.count() == 1
    assert routes.accept_nonce(a_route(chain)).endswith("has nonce 4.")
    assert (send(chain).nonce, confirm(chain)) == (4, 1)


@pytest.mark.parametrize("table", ["anchor", "attempt"])
def test_a_failure_before_the_commit_uses_up_nothing_and_sends_nothing(any_chain, table) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    count = any_chain.nonce(address_of(config.chain_key()))
    with full_disk("INSERT", f"anchoring_{table}"), pytest.raises(DatabaseError, match="disk full"):
        send(any_chain)
    assert (Anchor.objects.count(), Attempt.objects.count(), Sender.objects.get().next_nonce) == (0, 0, count)
    assert any_chain.nonce(address_of(config.chain_key())) == count
    assert send(any_chain).nonce == count
    assert confirm(any_chain) == 1


def test_a_failure_as_the_confirmation_is_stored_is_made_good_by_the_next_run(any_chain) -> None:
    register(any_chain)
    note()
    sequencer.sequence()
    send(any_chain)
    with full_disk("INSERT", "anchoring_confirmation"), pytest.raises(DatabaseError, match="disk full"):
        confirm(any_chain)
    assert (Confirmation.objects.count(), confirm(any_chain)) == (0, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite in memory has one connection for all threads")
def test_two_senders_at_once_make_one_anchor() -> None:
    """Both looked when nothing was under way; a checkpoint came in between, so that they mean different ones."""
    chain = a_chain()
    register(chain)
    note()
    sequencer.sequence()
    for _ in range(5):
        before = Anchor.objects.count()
        gate, failures = threading.Barrier(2, timeout=20), []

        def work(first: bool, gate=gate, failures=failures) -> None:
            try:
                send(Slow(chain, gate, first=first))
            except Exception as error:
                failures.append(error)
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work, args=(first,)) for first in (True, False)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert (failures, Anchor.objects.count()) == ([], before + 1)
        assert confirm(chain) == 1
        note()
        sequencer.sequence()


class Slow:
    """A chain that lets two senders meet just before each plans; the second finds a newer checkpoint."""

    def __init__(self, chain, gate, *, first: bool) -> None:
        self._chain, self._gate, self._first = chain, gate, first

    def __getattr__(self, name: str):
        return getattr(self._chain, name)

    def identity(self):
        if self._first:
            note()
            sequencer.sequence()
        return self._chain.identity()

    def nonce(self, address: bytes, at="latest") -> int:
        nonce = self._chain.nonce(address, at)
        self._gate.wait()
        return nonce


def test_a_step_of_the_schedule_never_fails_for_the_chains_sake(settings) -> None:
    note()
    assert schedule.tick("sequence", sequencer.sequence) == ""
    assert "not registered" in schedule.tick("send", lambda: send(config.chain()))
    register(a_chain())
    assert "cannot be reached" in schedule.tick("send", lambda: send(config.chain()))


@pytest.fixture(params=[b"<html>", b"[]", b'{"jsonrpc":"2.0","id":1,"result":"0xzz"}', b'{"result":{}}', b""])
def any_garbage(request):
    """An endpoint that answers everything with the same nonsense."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *args) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
