"""The reader's own browser as a witness of the log: on the running demonstration, and on logs that lie."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from anchoring.keys import SigningKey
from anchoring.protocol import merkle, trust
from anchoring.protocol.checkpoint import Checkpoint, format_checkpoint
from anchoring.protocol.note import sign_note
from anchoring.protocol.tiles import HASH_SIZE, TILE_SIZE, Tile, TileReader, append, parse_tile_path
from tests.journeys.conftest import Demo
from tests.journeys.test_whole_path import buy_cover, sign_in

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
ORIGIN = "witnessed.example/log"
KEY, OTHER = (SigningKey(name=ORIGIN, seed=bytes([number]) * 32) for number in (1, 2))
BUTTON = "Check with my own browser"


def leaves(count: int, *, changed: Sequence[int] = ()) -> list[bytes]:
    return [sha256(b"\x00" + (b"other" if at in changed else b"") + str(at).encode()).digest() for at in range(count)]


def trust_of(*keys: SigningKey) -> list[trust.SignedStatement]:
    """A version for each key: each but the first is introduced by the one before it."""
    first = trust.Statement(ORIGIN, (trust.LogKey(keys[0].verifier),))
    made = [trust.sign_statement(first, keys[0])]
    for signer, key in zip(keys, keys[1:], strict=False):
        before = made[-1].statement
        following = replace(
            before, log_keys=(trust.LogKey(key.verifier),), version=before.version + 1,
            previous=trust.fingerprint(before),
        )  # fmt: skip
        made.append(trust.sign_statement(following, signer))
    return made


@dataclass
class Shown:
    """What a site shows in the place of the demonstration's own log; every part can be made to lie."""

    tiles: dict[Tile, bytes]
    size: int
    key: SigningKey = KEY
    versions: list[trust.SignedStatement] = field(default_factory=lambda: trust_of(KEY))
    note: str = ""
    asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, hashes: list[bytes], size: int | None = None) -> "Shown":
        return cls(dict(append(size=0, tiles={}, leaves=hashes).tiles), size or len(hashes))

    def signed(self) -> str:
        root = merkle.root(size=self.size, read=TileReader(lambda _: self.tiles))
        return sign_note(format_checkpoint(Checkpoint(ORIGIN, self.size, root)), [self.key])

    def answer(self, route: Route) -> None:
        path = route.request.url.split("/", 3)[3]
        self.asked.append(f"{route.request.method} {path}")
        if path == "log/checkpoint":
            route.fulfill(body=self.note or self.signed(), content_type="text/plain")
        elif path == "trust.json":
            route.fulfill(body=trust.encode_trust(self.versions), content_type="application/json")
        else:
            level, n, width = parse_tile_path(path.removeprefix("log/"))
            hashes = self.tiles.get((level, n), b"")
            wanted = TILE_SIZE if width is None else width * HASH_SIZE
            route.fulfill(status=200 if len(hashes) >= wanted else 404, body=hashes[:wanted])

    def on(self, page: Page) -> "Shown":
        """Every later question of the page is answered by this one."""
        page.unroute_all()
        for address in ("**/log/checkpoint", "**/log/tile/**", "**/trust.json"):
            page.route(address, self.answer)
        return self


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    made = open_page(width=390)
    made.goto("/log/")
    return made


def check(page: Page) -> str:
    """Press the button by keyboard; the result's heading."""
    button = page.get_by_role("button", name=BUTTON)
    button.focus()
    page.keyboard.press("Enter")
    result = page.get_by_role("status")
    expect(result.locator(".notice")).not_to_have_count(0)
    expect(button).to_be_focused()
    return result.locator(".notice__title").first.inner_text()


def said(page: Page) -> str:
    return page.get_by_role("status").inner_text()


def remembered(page: Page) -> dict[str, dict[str, str]]:
    return json.loads(page.evaluate("localStorage.getItem('touchstone.log')"))


def barriers(page: Page) -> list[object]:
    page.evaluate("document.querySelectorAll('details.more').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    cut = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).length"
    assert page.locator(".table-scroll").evaluate_all(cut) == 0
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in Axe().run(page).response["violations"]]


# --- The demonstration's own log ---


def anchored_size(demo: Demo, *, above: int = 0) -> int:
    """The size of the demonstration's newest anchored checkpoint, once it is larger than that."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(urllib.error.HTTPError):
            note = urllib.request.urlopen(f"{demo.url}/log/checkpoint", timeout=30).read().decode()
            if int(note.split("\n")[1]) > above:
                return int(note.split("\n")[1])
        time.sleep(1)
    raise AssertionError(f"no anchor above {above} in 90 seconds")


def test_a_log_that_grew_since_the_last_visit_is_found_consistent_from_the_site_s_own_tiles(
    page, open_page, demo: Demo
) -> None:
    before = anchored_size(demo)
    asked: list[tuple[str, str, bool]] = []
    page.on(
        "request", lambda sent: asked.append((sent.method, urlsplit(sent.url).path, "cookie" in sent.all_headers()))
    )
    assert check(page) == "Remembered"
    alice = open_page()
    sign_in(alice, "alice@example.com", demo.password)
    buy_cover(alice)
    after = anchored_size(demo, above=before)
    assert check(page) == "Consistent"
    seen = int(remembered(page)["last"]["note"].split("\n")[1])
    assert f"({before:,} entries) is the beginning of today's ({seen:,} entries)." in said(page)
    assert seen >= after
    files = {("GET", "/log/checkpoint", False), ("GET", "/trust.json", False)}
    assert {one for one in asked if "/tile/" not in one[1]} == files
    assert {(method, cookie) for method, path, cookie in asked if "/tile/" in path} == {("GET", False)}
    assert barriers(page) == []


def test_the_anchor_s_own_page_and_the_list_of_all_have_no_barriers(page, demo: Demo) -> None:
    size = anchored_size(demo)
    page.goto(f"/log/anchors/{size}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Anchor of {size:,} entries")
    with page.expect_download() as kept:
        page.get_by_role("link", name="The signed checkpoint").click()
    assert kept.value.path().read_text().split("\n")[1] == str(size)
    assert barriers(page) == []
    page.get_by_role("link", name="All anchors").click()
    expect(page.get_by_role("link", name=f"{size:,}", exact=True)).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Check a proof").click()
    expect(page.get_by_role("rowheader", name="7 recomputed")).to_be_visible()
    assert barriers(page) == []


def test_without_scripts_the_page_says_how_else_to_check(browser, demo: Demo) -> None:
    context = browser.new_context(base_url=demo.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/log/")
    assert page.get_by_role("button", name=BUTTON).count() == 0
    expect(page.get_by_text("They are a C2SP checkpoint and C2SP tiles")).to_be_visible()
    expect(page.get_by_role("link", name="audit.py")).to_be_visible()
    context.close()


# --- Logs that tell the truth ---


def test_at_the_first_visit_the_seal_is_remembered_and_at_the_next_nothing_is_new(page) -> None:
    log = Shown.of(leaves(5)).on(page)
    assert check(page) == "Remembered"
    assert "This browser now remembers the log of 5 entries." in said(page)
    assert trust.grouped(trust.fingerprint(log.versions[0].statement)) in said(page)
    assert check(page) == "Nothing new"
    assert remembered(page)["last"]["note"] == log.signed()
    assert set(log.asked) == {"GET log/checkpoint", "GET trust.json"}
    assert barriers(page) == []
    page.locator("#explorer-memory summary").click()
    page.locator("#explorer-memory summary").click()
    expect(page.locator("#explorer-remembered")).to_contain_text("The log of 5 entries, seen on ")
    page.get_by_role("button", name="Forget it, and start anew").click()
    assert (said(page), check(page)) == ("Forgotten. The next check starts anew.", "Remembered")


SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000, 70_000]


def test_every_size_is_the_beginning_of_every_larger_one_and_of_no_other_log(page) -> None:
    """RFC 9162 over tiles of three levels, whole and partial, against our own prover's roots; and one leaf changed."""
    log, other = Shown.of(leaves(70_000)), Shown.of(leaves(70_000, changed=[0]))
    found = {}
    for small, large in [*zip(SIZES, SIZES[1:], strict=False), (1, 70_000), (255, 70_000), (512, 65_537)]:
        for name, second in (("same", log), ("other", other)):
            page.evaluate("localStorage.clear()")
            log.size = small
            log.on(page)
            check(page)
            second.size = large
            second.on(page)
            found[small, large, name] = check(page).split(",")[0]
    wrong = {
        pair: word for pair, word in found.items() if word != {"same": "Consistent", "other": "NOT consistent"}[pair[2]]
    }
    assert wrong == {}


def test_an_older_seal_that_is_the_beginning_of_the_remembered_one_rewrites_nothing(page) -> None:
    log = Shown.of(leaves(300)).on(page)
    check(page)
    before = remembered(page)
    log.size = 200
    assert check(page) == "An older seal"
    assert remembered(page) == before


def test_keys_that_follow_from_the_believed_ones_are_believed(page) -> None:
    log = Shown.of(leaves(9)).on(page)
    check(page)
    log = Shown.of(leaves(12)).on(page)
    log.key, log.versions = OTHER, trust_of(KEY, OTHER)
    assert check(page) == "Consistent"


def test_a_fingerprint_from_paper_is_compared_with_every_version(page) -> None:
    log = Shown.of(leaves(9)).on(page)
    log.key, log.versions = OTHER, trust_of(KEY, OTHER)
    page.locator("summary", has_text="Compare our keys").click()
    field = page.get_by_label("Fingerprint of trust.json on your policy")
    field.fill("ab12 " * 16)
    assert check(page) == "Could not be checked"
    assert "does not hold the version whose fingerprint you gave" in said(page)
    assert page.evaluate("localStorage.length") == 0
    field.fill(trust.grouped(trust.fingerprint(log.versions[0].statement)))
    assert check(page) == "Remembered"
    assert "The keys are those of the fingerprint that you gave." in said(page)


# --- Logs that lie ---


def visited(page: Page, size: int = 300) -> Shown:
    """A browser that remembers a log of that size, which has grown since."""
    log = Shown.of(leaves(size + 100), size).on(page)
    assert check(page) == "Remembered"
    log.size = size + 100
    return log


def flipped(log: Shown, tile: Tile) -> None:
    held = log.tiles[tile]
    log.tiles[tile] = bytes([held[0] ^ 1]) + held[1:]


def assert_alarm(page: Page, *words: str) -> dict[str, dict[str, str]]:
    """An alarm that says so, stays, overwrites nothing, and hands out its evidence."""
    before = remembered(page)["last"]
    assert check(page).startswith("NOT consistent, seen on ")
    assert [word for word in words if word not in said(page)] == []
    assert remembered(page)["last"] == before
    assert barriers(page) == []
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download the evidence").click()
    evidence = json.loads(kept.value.path().read_text())
    assert (kept.value.suggested_filename, evidence["remembered"]) == ("log-evidence.json", before)
    page.reload()
    assert said(page).startswith("NOT consistent, seen on ")
    return evidence


@pytest.mark.parametrize("tile", [(0, 1), (1, 0)])
def test_a_tile_that_was_tampered_with_is_an_alarm(page, tile: Tile) -> None:
    log = visited(page)
    log.note = log.signed()
    flipped(log, tile)
    evidence = assert_alarm(page, "(300 entries) does not fit the one that the site shows today (400 entries)")
    tiles = {"tile/0/001.p/144": log.tiles[0, 1].hex(), "tile/1/000.p/1": log.tiles[1, 0].hex()}
    assert (evidence["tiles"], evidence["shown"]["note"]) == (tiles, log.note)


def test_a_rewritten_log_under_the_right_key_is_an_alarm_and_nothing_is_overwritten_later(page) -> None:
    log = visited(page)
    lie = Shown.of(leaves(400, changed=[17])).on(page)
    evidence = assert_alarm(page, "something in it was changed or left out", "Give a copy to an auditor")
    assert (evidence["remembered"]["note"], evidence["shown"]["note"]) == (
        replace(log, size=300).signed(),
        lie.signed(),
    )
    before = remembered(page)
    log.on(page)
    assert check(page).startswith("NOT consistent, seen on ")
    assert "Consistent" in page.locator(".notice__title").all_inner_texts()
    assert remembered(page) == before
    page.locator("#explorer-memory summary").click()
    page.get_by_role("button", name="Forget it, and start anew").click()
    assert check(page) == "Remembered"
    expect(page.get_by_role("link", name="Download the evidence")).to_be_hidden()


def test_two_signed_roots_for_one_size_are_an_alarm(page) -> None:
    log = visited(page)
    log.size = 300
    Shown.of(leaves(300, changed=[299])).on(page)
    assert_alarm(page, "Two seals of 300 entries differ", "Both are signed.")


@pytest.mark.parametrize("at", [0, 299])
def test_an_older_seal_of_another_log_is_an_alarm(page, at: int) -> None:
    visited(page)
    lie = Shown.of(leaves(400, changed=[at]), 200 if at == 0 else 299).on(page)
    lie.tiles |= {} if at == 0 else Shown.of(leaves(400, changed=[5])).tiles
    assert_alarm(page, "does not fit")


def test_a_seal_under_another_key_is_an_alarm(page) -> None:
    log = visited(page)
    log.key = OTHER
    assert_alarm(page, "The seal that the site shows is not signed as it must be.")


def test_a_signature_that_is_wrong_is_an_alarm(page) -> None:
    log = visited(page)
    log.note = log.signed().replace("\n400\n", "\n399\n")
    assert_alarm(page, "The seal that the site shows is not signed as it must be.")


def test_keys_that_do_not_follow_from_the_believed_ones_are_an_alarm(page) -> None:
    log = visited(page)
    log.key, log.versions = OTHER, trust_of(OTHER)
    assert_alarm(page, "The site shows other keys than this browser believed")


def test_at_the_first_visit_a_seal_that_is_not_signed_is_an_alarm_too(page) -> None:
    Shown.of(leaves(4)).on(page).key = OTHER
    assert check(page).startswith("NOT consistent, seen on ")
    assert remembered(page)["last"] is None


# --- What cannot be checked ---


def test_offline_nothing_is_said_and_nothing_changed(page) -> None:
    visited(page)
    before = remembered(page)
    page.unroute_all()
    page.context.set_offline(True)
    assert check(page) == "Could not be checked"
    assert "Are you online?" in said(page)
    assert remembered(page) == before
    assert barriers(page) == []


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        ("<!doctype html>", "What the site shows is malformed: the checkpoint is not a signed note."),
        (
            "witnessed.example/log\n4\n\n— a AAAAAAA=\n",
            "What the site shows is malformed: the checkpoint does not have",
        ),
    ],
)
def test_what_is_no_checkpoint_cannot_be_checked(page, note: str, sentence: str) -> None:
    log = visited(page)
    before = remembered(page)
    log.note = note
    assert check(page) == "Could not be checked"
    assert sentence in said(page)
    assert remembered(page) == before


def test_a_tile_that_is_missing_or_short_cannot_be_checked(page) -> None:
    log = visited(page)
    log.note = log.signed()
    del log.tiles[0, 1]
    assert check(page) == "Could not be checked"
    assert "The site has no /log/tile/0/001.p/144." in said(page)
    page.route("**/log/tile/**", lambda route: route.fulfill(body=b"short"))
    check(page)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"The site gives tile/\S+ in another length"))


def test_a_log_without_an_anchor_has_nothing_to_remember(page) -> None:
    page.route("**/log/checkpoint", lambda route: route.fulfill(status=404, body="No checkpoint is anchored yet.\n"))
    assert check(page) == "Could not be checked"
    assert "The site shows no anchored seal." in said(page)


@pytest.mark.parametrize("kept", ["{", '{"last":{"note":"x","trust":"y","at":"z"}}', "null"])
def test_a_memory_that_is_damaged_is_said_and_can_be_forgotten(page, kept: str) -> None:
    Shown.of(leaves(4)).on(page)
    page.evaluate("(text) => localStorage.setItem('touchstone.log', text)", kept)
    page.reload()
    assert check(page) == "Could not be checked"
    assert "What this browser remembers cannot be read any more." in said(page)
    page.locator("#explorer-memory summary").click()
    page.get_by_role("button", name="Forget it, and start anew").click()
    assert check(page) == "Remembered"
