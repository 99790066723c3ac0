"""The verifier page in a real browser: from disk without a network, and served by the demonstration."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from anchoring.verify import PDF
from anchoring.verify_page import verify_page
from tests.journeys.conftest import Demo

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
VECTORS = Path(__file__).parent.parent / "vectors"
TRUST = VECTORS / "trust/good.json"
WITH_EVENT = VECTORS / "files/event-good.json"
BLOCK_HASH = "0xede61306594f04425bcc7f7c3a93ff00e00d2f3c56b8df78ae06c0b899128d56"
PASSED_4 = ["Passed"] * 4 + ["Not checked"] * 3

DROP = """([selector, files]) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  const zone = document.querySelector(selector);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture
def open_saved(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """The page as kept on disk, opened without a network; any error or any request but for itself fails the test."""
    saved = tmp_path / "verify.html"
    saved.write_bytes(verify_page().content)
    contexts, faults = [], []

    def open_(width: int = 1280, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: faults.append(request.url) if request.url != saved.as_uri() else None)
        page.goto(saved.as_uri())
        contexts.append(context)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def drop(page: Page, selector: str, *files: Path) -> None:
    page.evaluate(DROP, [selector, [[file.name, file.read_text()] for file in files]])
    expect(page.get_by_role("status")).to_contain_text("is taken as")


def judge(page: Page) -> None:
    page.get_by_role("button", name="Check this proof").click()
    expect(page.locator("#verdict")).to_be_focused()


def words(page: Page) -> list[str]:
    return page.locator(".line__status").all_inner_texts()


def test_alice_drops_a_good_proof_and_reads_what_is_settled_and_what_is_not(open_saved) -> None:
    page = open_saved()
    drop(page, "[data-slot=proof]", WITH_EVENT)
    drop(page, "[data-slot=trust]", TRUST)
    judge(page)
    expect(page.locator("#verdict-word")).to_have_text("Nothing wrong, not settled yet")
    expect(page.locator("#verdict")).to_have_text(
        f"Anchored in a block that you have not confirmed: compare hash {BLOCK_HASH} of block 7654321."
    )
    assert words(page) == ["Passed"] * 3 + ["Not checked"] * 4
    page.get_by_role("button", name="Confirm the block").click()
    expect(page.locator("#block-hash")).to_be_focused()
    page.keyboard.type(BLOCK_HASH)
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text(
        "The facts shown were sealed in the log before 2026-11-23 12:00:00 UTC and have not been altered since."
    )
    assert (page.inner_text("#verdict-word"), words(page)) == ("Proved", PASSED_4)
    expect(page.locator("#warnings")).to_contain_text("TESTNET: no economic security")
    expect(page.locator("#facts")).to_contain_text("Zürich Flughafen ✈")
    expect(page.locator("#not-proved")).to_contain_text("an event which nobody recorded")


def test_a_changed_proof_is_called_failed_in_words(open_saved) -> None:
    page = open_saved()
    drop(page, "body", VECTORS / "files/record-other-value.json", TRUST)
    judge(page)
    expect(page.locator("#verdict-word")).to_have_text("Failed")
    expect(page.locator("#verdict")).to_contain_text("Do not rely on this file: line 1 (record) failed")
    assert words(page)[0] == "Failed"


def test_a_certificate_is_answered_at_once_with_where_its_proof_is_and_is_no_failure(
    open_saved, tmp_path: Path
) -> None:
    page = open_saved()
    paper = tmp_path / "CLM-2026-000123-2.pdf"
    paper.write_bytes(b"%PDF-1.7\n")
    page.locator("#trust").set_input_files(paper)
    expect(page.get_by_role("status")).to_have_text(f"{paper.name}: {PDF}")
    page.locator("#trust").set_input_files(TRUST)
    judge(page)
    expect(page.locator("#verdict")).to_have_text(PDF)
    expect(page.locator("#verdict-box")).to_have_class("verdict verdict--info")
    assert words(page) == []


def test_a_pending_proof_is_neither_an_error_nor_green(open_saved) -> None:
    page = open_saved()
    drop(page, "body", VECTORS / "files/good-pending.json", TRUST)
    judge(page)
    expect(page.locator("#verdict-word")).to_have_text("Nothing wrong, not finished yet")
    expect(page.locator("#verdict-box")).to_have_class("verdict verdict--wait")
    assert words(page) == ["Passed"] + ["Not yet"] * 4 + ["Not checked"] * 2


def test_files_dropped_in_each_other_s_places_are_put_where_they_belong(open_saved) -> None:
    page = open_saved()
    drop(page, "[data-slot=proof]", TRUST)
    drop(page, "[data-slot=trust]", WITH_EVENT)
    judge(page)
    assert words(page)[:3] == ["Passed"] * 3


def test_it_can_be_used_by_keyboard_alone_and_says_what_is_missing(open_saved) -> None:
    page = open_saved()
    page.locator("#submit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Choose the proof first.")
    expect(page.locator("#proof")).to_be_focused()
    page.locator("#proof").set_input_files(WITH_EVENT)
    page.locator("#submit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Choose trust.json first")
    expect(page.locator("#trust")).to_be_focused()


def test_another_fingerprint_than_the_file_s_is_refused(open_saved) -> None:
    page = open_saved()
    drop(page, "body", WITH_EVENT, TRUST)
    page.locator("#fingerprint").fill("ab12 " * 16)
    judge(page)
    expect(page.locator("#verdict")).to_contain_text("does not hold the version whose fingerprint you gave")
    assert words(page) == []


def test_lines_1_to_3_take_less_than_half_a_second(open_saved) -> None:
    page = open_saved()
    drop(page, "body", WITH_EVENT, TRUST)
    judge(page)
    assert float(page.locator("#result").get_attribute("data-milliseconds")) < 500


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "file", ["event-good.json", "record-other-value.json", "good-pending.json", "malformed-checksum.json"]
)
def test_the_page_with_a_result_has_no_barriers_and_fits_a_phone(open_saved, file: str, scheme: str) -> None:
    page = open_saved(width=390, color_scheme=scheme)
    drop(page, "body", VECTORS / "files" / file, TRUST)
    judge(page)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    found = Axe().run(page)
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found.response["violations"]] == []


def test_without_javascript_it_names_verify_py(open_saved) -> None:
    page = open_saved(java_script_enabled=False)
    expect(page.locator("main")).to_contain_text("python3 verify.py CLM-2026-000123-2.proof.json --trust trust.json")
    expect(page.locator("#form")).to_be_hidden()


def test_the_served_page_takes_this_site_s_keys_by_a_button_and_says_whose_word_they_are(
    open_page, demo: Demo, tmp_path: Path
) -> None:
    page = open_page()
    page.goto("/check/")
    page.get_by_role("link", name="Check a proof now").click()
    page.locator("#proof").set_input_files(WITH_EVENT)
    page.get_by_role("button", name="Use this site's trust.json").click()
    expect(page.get_by_role("status")).to_contain_text("the insurer's own word")
    judge(page)
    # another insurer's proof: sealed under keys that this one does not know
    assert page.locator(".line__status").nth(1).inner_text() == "Failed"
    expect(page.locator("#in-whose-name")).to_contain_text("You took the keys from this site")
    with page.expect_download() as kept:
        page.get_by_role("link", name="save verify.html").click()
    kept.value.save_as(tmp_path / "verify.html")
    assert (tmp_path / "verify.html").read_bytes() == verify_page().content


def test_a_node_on_this_computer_can_be_asked_from_the_served_page(open_page, demo: Demo) -> None:
    """Neither the page's rules nor the site's forbid it; being of another chain, it settles nothing here."""
    page = open_page()
    page.goto("/verify/")
    page.locator("#proof").set_input_files(WITH_EVENT)
    page.locator("#trust").set_input_files(TRUST)
    page.locator("summary", has_text="Confirm the block").click()
    page.locator("#rpc").fill(demo.chain)
    judge(page)
    assert words(page) == ["Passed"] * 3 + ["Not checked"] * 4
    expect(page.locator("#lines")).to_contain_text("is a node of another chain than the one that trust.json registers")
    expect(page.locator("#warnings")).to_contain_text("is on this computer or network")
