"""Pages about anchors: all of them a page at a time, each with what became of it; and how far auditors have come."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from anchoring import audit, explorer
from anchoring.amounts import in_gwei
from anchoring.cosignatures import accept_cosignature
from anchoring.models import Anchor, Attempt, Checkpoint, Confirmation, Registration, Retraction, Sighting
from anchoring.seal import sequencer
from tests.anchoring import log_world as world

pytestmark = pytest.mark.django_db
KEY = audit.AuditorKey("auditor.example", b"A" * 32)
ALL = "/log/anchors/"


@pytest.fixture(autouse=True)
def _anchors_as_soon_as_there_is_news(settings) -> None:
    settings.ANCHOR_EVERY_SECONDS = 0
    settings.AUDITOR_KEYS = [KEY.verifier_key]


@pytest.fixture
def chain():
    """Of a log that is registered there."""
    made = world.a_chain()
    world.register(made)
    return made


def anchored(chain, count: int = 1) -> list[int]:
    """So many anchors more, of three notes each; all sizes from the first."""
    for _ in range(count):
        world.notes(3)
        world.anchor_all(chain)
    return list(Anchor.objects.order_by("pk").values_list("checkpoint", flat=True))


def cosigned(size: int) -> None:
    note = Checkpoint.objects.get(size=size).note
    accept_cosignature(size, KEY.cosign(note.split("\n\n")[0] + "\n", 1_800_000_000))


def copied(row: Confirmation, **changes: object) -> Confirmation:
    """The same confirmation for another time, as the chain's second word on it."""
    Retraction.objects.create(confirmation=row, block_hash=b"x" * 32, at=row.at)
    values = {field.attname: getattr(row, field.attname) for field in Confirmation._meta.fields}
    return Confirmation.objects.create(**values | {"id": None, "nth": 2} | changes)


def shown(answer) -> str:
    """The page's words, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


def missing(answer, *expected: str) -> list[str]:
    return [text for text in expected if text not in shown(answer)]


def rows(answer) -> list[int]:
    return [row.anchor.checkpoint_id for row in answer.context["rows"]]


# --- One anchor ---


def test_an_anchor_says_what_it_covers_where_it_stands_and_what_it_cost(client, chain) -> None:
    first, second = anchored(chain, 2)
    row = Confirmation.objects.get(anchor__checkpoint=second)
    later = row.anchor.checkpoint.at + timedelta(minutes=17, seconds=50)
    held = copied(row, at=later, gas_used=60_000, gas_price=2 * 10**9)
    answer = client.get(f"{ALL}{second}/")
    state = answer.context["state"]
    assert missing(
        answer, f"Anchor of {second} entries", f"{first} entries; {second - first} are new in this one.",
        "this computer&#x27;s local test chain", "17 minutes after the seal",
        f"0.00012 ETH: {in_gwei(120_000 * 10**9 // (second - first))} gwei for each new entry",
        f"The map lists for each of {state.subjects} records", "Nobody yet.",
        f"Block{held.block_number}, of ", "at 2 gwei for a unit",
    ) == []  # fmt: skip
    grouped = [bytes(row.anchor.checkpoint.root).hex(), state.map_root.hex(), bytes(row.attempt.transaction).hex()]
    spans = "".join(re.findall(r"<span>([0-9a-f]{4})</span>", answer.content.decode()))
    assert [text for text in grouped if text not in spans] == []
    assert f'href="/log/checkpoint/{second}" download="checkpoint-{second}.txt"' in answer.content.decode()
    assert f'href="{ALL}{first}/"' in answer.content.decode()


def test_the_first_anchor_has_none_before_it_and_leads_to_the_next(client, chain) -> None:
    first, second, _ = anchored(chain, 3)
    answer = client.get(f"{ALL}{first}/")
    assert missing(answer, "None: this is the first of the log there.", f"The next one{second} entries") == []


def test_transaction_and_blocks_lead_to_the_explorer_when_there_is_one(client, chain, settings) -> None:
    (size,) = anchored(chain)
    assert "explorer.example" not in client.get(f"{ALL}{size}/").content.decode()
    settings.CHAIN_EXPLORER_URL = "https://explorer.example"
    row = Confirmation.objects.get()
    links = re.findall(r'href="(https://explorer\.example[^"]*)"', client.get(f"{ALL}{size}/").content.decode())
    block = f"https://explorer.example/block/{row.block_number}"
    assert links == [f"https://explorer.example/tx/0x{bytes(row.attempt.transaction).hex()}", block, block]


def test_an_anchor_on_its_way_is_shown_with_the_block_that_was_given_up(client, chain) -> None:
    anchored(chain)
    chain.automine, chain.finality_depth = False, 9
    world.notes(2)
    sequencer.sequence()
    world.tick(chain)
    size = Anchor.objects.order_by("-pk").first().checkpoint_id
    answer = client.get(f"{ALL}{size}/")
    assert missing(answer, "It counts once the chain calls its block final.", "Transaction") == []
    assert "Blocks in which it was seen" not in shown(answer)
    chain.mine()
    world.tick(chain)
    lost = Sighting.objects.order_by("-pk").first().block_number
    answer = client.get(f"{ALL}{size}/")
    assert missing(answer, "Blocks in which it was seen", "Not final yet") == []
    chain.reorganise(depth=1)
    chain.mine()
    world.tick(chain)
    assert missing(client.get(f"{ALL}{size}/"), f"The chain gave up an earlier block {lost} that held it.") == []


def test_a_final_block_that_was_given_up_all_the_same_is_said(client, chain) -> None:
    (size,) = anchored(chain)
    row = Confirmation.objects.get()
    Sighting.objects.create(attempt=row.attempt, block_number=99, block_hash=b"n" * 32, at=row.at)
    copied(row, block_number=99, block_hash=b"n" * 32)
    answer = client.get(f"{ALL}{size}/")
    assert missing(
        answer, f"The chain gave block {row.block_number} up, which it had called final; anchored again in block 99.",
        "Called final, and given up all the same", "Final: it holds the anchor",
    ) == []  # fmt: skip
    assert [(seen.counts, seen.retracted) for seen in answer.context["anchors"][0].seen] == [
        (False, True),
        (True, False),
    ]


def test_auditors_who_recomputed_it_are_named(client, chain) -> None:
    (size,) = anchored(chain)
    cosigned(size)
    assert missing(client.get(f"{ALL}{size}/"), "Recomputed byauditor.example; the signature came") == []


def test_a_seal_that_is_anchored_on_two_chains_has_both_on_its_page(client, chain) -> None:
    (size,) = anchored(chain)
    row = Anchor.objects.get()
    values = {field.attname: getattr(row.registration, field.attname) for field in Registration._meta.fields}
    other = Registration.objects.create(**values | {"id": None, "chain_id": 11155111, "genesis": b"s" * 32})
    Anchor.objects.create(registration=other, checkpoint=row.checkpoint, old_size=0, old_root=row.old_root, at=row.at)
    answer = client.get(f"{ALL}{size}/")
    assert re.findall(r'<h2 id="chain-\d">On ([^<]+)</h2>', answer.content.decode()) == [
        "the Sepolia test network", "this computer&#x27;s local test chain",
    ]  # fmt: skip


@pytest.mark.parametrize("of", ["a size above all", "a seal that is not anchored", "0", "007"])
def test_what_is_no_anchor_is_not_found(client, chain, of: str) -> None:
    (size,) = anchored(chain)
    world.notes(2)
    sequencer.sequence()
    sealed = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first()
    places = {"a size above all": size + 10**12, "a seal that is not anchored": sealed}
    assert client.get(f"{ALL}{places.get(of, of)}/").status_code == 404


# --- All of them ---


def test_the_list_is_empty_in_words(client) -> None:
    assert missing(client.get(ALL), "Nothing is anchored yet") == []


def test_all_anchors_are_listed_newest_first_a_page_at_a_time(client, chain, monkeypatch) -> None:
    monkeypatch.setattr(explorer, "PAGE", 2)
    sizes = anchored(chain, 5)
    pages, address = [], ALL
    while address:
        answer = client.get(address)
        pages.append(rows(answer))
        following = re.search(r'rel="next" href="([^"]+)"', answer.content.decode())
        address = following[1] if following else ""
    newest = sizes[::-1]
    assert pages == [newest[:2], newest[2:4], newest[4:]]
    assert missing(answer, "Newest") == []


def test_a_row_says_block_price_and_who_recomputed(client, chain) -> None:
    first, second = anchored(chain, 2)
    cosigned(first)
    copied(Confirmation.objects.get(anchor__checkpoint=first), block_number=7_654_321, gas_used=60_000, gas_price=10**9)
    answer = client.get(ALL)
    assert [(row.anchor.checkpoint_id, row.auditors) for row in answer.context["rows"]] == [
        (second, []), (first, ["auditor.example"]),
    ]  # fmt: skip
    each = f"{in_gwei(60_000 * 10**9 // first)} gwei an entry"
    assert missing(answer, "7,654,321", "0.00006 ETH", each, "Nobody yet", f"{first}{first} new") == []


def test_an_anchor_on_its_way_stands_in_the_list_without_a_block(client, chain) -> None:
    anchored(chain)
    chain.automine = False
    world.notes(2)
    sequencer.sequence()
    world.tick(chain)
    assert missing(client.get(ALL), "On its way") == []
    assert [row.counts is None for row in client.get(ALL).context["rows"]] == [True, False]


@pytest.mark.parametrize("before", ["x", "-1", "0", "1e3", "9" * 19])
def test_a_place_that_no_list_has_is_not_found(client, before: str) -> None:
    assert client.get(ALL, {"before": before}).status_code == 404


def test_below_the_oldest_anchor_the_list_ends_in_words(client, chain) -> None:
    anchored(chain)
    answer = client.get(ALL, {"before": Anchor.objects.get().pk})
    assert (rows(answer), missing(answer, "No anchor is older than that", "Newest anchors")) == ([], [])


def test_the_pages_ask_no_more_of_a_longer_log(client, chain) -> None:
    def questions(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    sizes = anchored(chain, 3)
    cosigned(sizes[1])
    few = [questions(ALL), questions(f"{ALL}{sizes[1]}/")]
    sizes = anchored(chain, 9)
    for size in sizes[2:]:
        cosigned(size)
    assert ([questions(ALL), questions(f"{ALL}{sizes[8]}/")], few) == ([3, 9], [3, 9])


# --- On the public record ---


def test_auditors_are_listed_with_how_far_they_recomputed_and_when(client, chain) -> None:
    sizes = anchored(chain, 3)
    assert missing(client.get("/log/"), "auditor.exampleHas not signed anything yet.") == []
    cosigned(sizes[1])
    answer = client.get("/log/")
    assert missing(answer, f"auditor.exampleRecomputed the first {sizes[1]} entries; their signature came") == []
    assert f'href="{ALL}{sizes[1]}/"' in answer.content.decode()


def test_a_recomputed_seal_that_is_not_anchored_leads_nowhere(client, chain) -> None:
    (size,) = anchored(chain)
    world.notes(2)
    sequencer.sequence()
    sealed = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first()
    assert sealed > size
    cosigned(sealed)
    answer = client.get("/log/")
    assert missing(answer, f"Recomputed the first {sealed} entries") == []
    assert f'href="{ALL}{sealed}/"' not in answer.content.decode()


def test_without_auditors_nobody_is_said_to_recompute(client, settings) -> None:
    settings.AUDITOR_KEYS = []
    chain = world.a_chain()
    world.register(chain)
    anchored(chain)
    assert "Recomputed by others" not in shown(client.get("/log/"))


def test_lag_and_price_of_the_last_thirty_anchors_are_drawn_and_stand_in_a_table(client, chain) -> None:
    sizes = anchored(chain, 31)
    for minutes, row in enumerate(Confirmation.objects.select_related("anchor__checkpoint").order_by("pk")[:31]):
        at = row.anchor.checkpoint.at + timedelta(minutes=minutes)
        price = None if minutes == 30 else minutes * 10**9
        copied(row, at=at, gas_used=None if price is None else 4, gas_price=price)
    answer = client.get("/log/")
    drawn = [(row.size, row.lag_minutes, row.gwei_an_entry) for row in answer.context["measured"]]
    assert drawn == [(size, n, "" if n == 30 else str(n)) for n, size in list(enumerate(sizes))[:0:-1]]
    lag, price = answer.context["lag"], answer.context["price"]
    assert (len(lag.bars), lag.most, lag.middle) == (30, 30, 15)
    assert (len(price["bars"].bars), price["most"], price["middle"], price["bars"].missing) == (29, "29", "15", 1)
    assert answer.context["growth"].anchors.count("M") == 30
    assert missing(
        answer, "half of them at most 15 minutes, the slowest 30.", "half of them at most 15 gwei, the dearest 29.",
        "Of 1 the price is not known.", "Not known",
    ) == []  # fmt: skip


def test_the_check_in_the_browser_is_there_and_without_scripts_other_ways_are_named(client, chain) -> None:
    anchored(chain)
    html = client.get("/log/").content.decode()
    assert re.findall(r'<script src="[^"]*anchoring/(\w+)[^"]*" defer></script>', html) == ["verify", "explorer"]
    assert re.findall(r'<form[^>]*id="explorer-form"[^>]*>', html) == ['<form class="stack" id="explorer-form" hidden>']
    assert re.findall(r'<details[^>]*id="explorer-otherwise"[^>]*>', html) == [
        '<details class="more" id="explorer-otherwise" open>'
    ]
    assert missing(client.get("/log/"), "C2SP checkpoint", "verify.py", "audit.py") == []


def test_every_address_only_gives(client, chain) -> None:
    (size,) = anchored(chain)
    assert Attempt.objects.count() == 1
    for name, arguments in (("log-anchors", []), ("log-anchor", [size])):
        address = reverse(name, args=arguments)
        assert [client.head(address).status_code, client.post(address).status_code] == [200, 405]
