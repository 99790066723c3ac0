"""From sign-up to a proof that anyone can check: the running demonstration, in a real browser."""

import json
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from claims.mrz import make_td3
from tests import people
from tests.journeys.conftest import Demo, start_demo, stop_demo

pytestmark = [pytest.mark.journey, pytest.mark.timeout(420)]
EMAIL, PASSWORD = "nora@example.com", "correct horse battery staple"
NAME, BORN, EXPIRES = "Nora Newcomer", date(1981, 5, 17), date(date.today().year + 5, 3, 1)
MRZ = make_td3(
    issuer="UTO", surname="Newcomer", given_names="Nora", number="X12345678", nationality="UTO", birth_date=BORN,
    sex="F", expires_on=EXPIRES,
)  # fmt: skip
PICTURE = {"name": "photo.png", "mimeType": "image/png", "buffer": people.PNG}
SOON = 60_000


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/accounts/login/"))


def fill_date(page: Page, legend: str, day: date) -> None:
    group = page.get_by_role("group", name=legend)
    for part, value in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        group.get_by_label(part).fill(str(value))


def sign_up(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label(re.compile("again|Repeat", re.IGNORECASE)).fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.goto("/outbox/")
    page.get_by_role("link", name=re.compile("confirm-email")).first.click()
    page.get_by_role("button", name="Yes, it is mine").click()


def give_identity(page: Page) -> None:
    page.goto("/identity/")
    page.get_by_label("Full name").fill(NAME)
    fill_date(page, "Date of birth", BORN)
    page.get_by_label("Address").fill("1 Long Lane\nDublin")
    page.get_by_label("Country you live in").select_option("IE")
    page.get_by_label("Number of your passport").fill("X12345678")
    fill_date(page, "Valid until", EXPIRES)
    page.get_by_label("The lines with").fill(MRZ)
    page.get_by_label("Photo or scan").set_input_files(PICTURE)
    page.get_by_role("button", name="Send your identity").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("checking")


def approve_identity(page: Page) -> None:
    page.goto("/staff/claims/kyccase/")
    page.get_by_role("row", name=re.compile(f"{NAME}.*checking")).get_by_role("link").first.click()
    take_step(page, "Approve identity")
    expect(page.locator("main")).to_contain_text("Verified")


def buy_cover(page: Page) -> str:
    """Travel cover from today; the policy's number."""
    today = date.today()
    page.goto("/quotes/new/travel-1/")
    page.get_by_label("Europe").check()
    fill_date(page, "When do you leave home?", today)
    fill_date(page, "When do you come back?", today + timedelta(days=13))
    fill_date(page, "When were you born?", BORN)
    page.get_by_label("What does the trip cost").fill("1,800.00")
    page.get_by_role("group", name=re.compile("winter sports")).get_by_label("No").check()
    page.get_by_role("button", name="Show my price").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your price: €54.49")
    page.get_by_label("A card that pays").check()
    page.get_by_role("button", name="Pay €54.49").click()
    number = page.get_by_role("heading", level=1).inner_text()
    assert re.fullmatch(r"POL-\d{4}-\d{6}-[0-9A-Z]", number)
    return number


def report_loss(page: Page, amount: str) -> str:
    """A theft today, page by page; the claim's number."""
    page.get_by_role("button", name="Report a loss").first.click()
    page.get_by_label("My baggage or something in it was stolen").check()
    page.get_by_label("Tell us what happened").fill("My bag was taken from the train while I slept.")
    page.get_by_role("button", name="Continue").click()
    fill_date(page, "On which day", date.today())
    page.get_by_label("Where did it happen?").fill("On the night train to Lisbon")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("What", exact=True).first.fill("Camera")
    page.get_by_label("Amount in EUR").first.fill(amount)
    page.get_by_role("button", name="Continue").last.click()
    page.get_by_label("Choose files").set_input_files(PICTURE)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name on the account").fill(NAME)
    page.get_by_label("IBAN").fill("IE29 AIBK 9311 5212 3456 78")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your answers")
    page.locator("main").get_by_role("checkbox").check()
    page.get_by_role("button", name="Send your claim").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We have your claim")
    return page.locator(".outcome__number").inner_text()


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).first.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def verify(folder: Path, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The downloaded verifier, alone in its folder, without site packages."""
    return subprocess.run(
        [sys.executable, "-I", "verify.py", file.name, "--trust", "trust.json", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def fetch_verifier(page: Page, folder: Path) -> None:
    for name in ("verify.py", "trust.json"):
        (folder / name).write_bytes(page.request.get(f"/{name}").body())


def proof_once_anchored(page: Page, number: str, folder: Path, demo: Demo) -> tuple[Path, Any]:
    """The claim's proof as soon as its newest event is anchored; until then the verifier says "pending" (exit 3)."""
    for _ in range(30):
        proof = download(page, f"{number}.proof.json", folder)
        checked = verify(folder, proof, "--rpc", demo.chain)
        if checked.returncode != 3:
            break
        page.wait_for_timeout(1_000)
    assert checked.returncode == 0, checked.stdout
    return proof, checked


def check_in_browser(page: Page, file: Path, folder: Path, demo: Demo) -> list[str]:
    """The words of the lines that the verifier page shows."""
    page.goto("/verify/")
    page.locator("#proof").set_input_files(file)
    page.locator("#trust").set_input_files(folder / "trust.json")
    page.locator("summary", has_text="Confirm the block").click()
    page.locator("#rpc").fill(demo.chain)
    page.get_by_role("button", name="Check this proof").click()
    expect(page.locator("#verdict")).to_be_focused()
    return page.locator(".line__status").all_inner_texts()


def without_spaces(text: str) -> str:
    """Fingerprints are printed in groups."""
    return re.sub(r"\s", "", text)


def open_claim_at_desk(page: Page, number: str) -> None:
    page.goto("/staff/claims/claim/?status=all")
    page.get_by_role("link", name=number).first.click()
    expect(page.locator("main")).to_contain_text(number)


def take_step(page: Page, step: str, **words: str) -> None:
    """Go to a step's page from the case, say what it asks, take it."""
    page.get_by_role("link", name=step).first.click()
    for label, text in words.items():
        page.get_by_label(label.replace("_", " ")).fill(text)
    page.locator("main").get_by_role("button", name=step).click()


def decide(page: Page, rationale: str) -> None:
    """Accept in full what the case in view claims."""
    page.get_by_role("link", name="Accept in full").click()
    page.get_by_label("In your own words").fill(rationale)
    page.get_by_role("button", name="Send this decision").click()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("verifier")


def test_a_stranger_signs_up_is_insured_claims_is_paid_and_holds_a_proof(demo: Demo, open_page, folder) -> None:
    nora, carol, dora, erin, grace, frank = (open_page() for _ in range(6))
    for page, name in ((carol, "carol"), (dora, "dora"), (erin, "erin"), (grace, "grace"), (frank, "frank")):
        sign_in(page, f"{name}@example.com", demo.password)

    sign_up(nora)
    give_identity(nora)
    approve_identity(carol)
    policy = buy_cover(nora)
    document = download(nora, "Policy document", folder)
    assert document.read_bytes().startswith(b"%PDF-")

    number = report_loss(nora, "1,250.00")
    receipt = download(nora, "Download your receipt", folder)
    fetch_verifier(nora, folder)
    accepted = verify(folder, receipt)
    assert accepted.returncode == 0, accepted.stdout

    # Nobody touches the page: each record climbs by itself.
    expect(nora.locator("main")).to_contain_text("Anchored", timeout=SOON)

    open_claim_at_desk(dora, number)
    take_step(dora, "Take this claim")
    decide(dora, "Covered, and the receipt agrees.")
    open_claim_at_desk(erin, number)
    take_step(erin, "Approve the decision")
    open_claim_at_desk(grace, number)
    take_step(grace, "Record the payment", The_bank="BANK-2026-0001")

    nora.goto(f"/claims/{number}/")
    expect(nora.locator("main")).to_contain_text("€1,250.00")
    expect(nora.locator("main")).to_contain_text("BANK-2026-0001")
    expect(nora.get_by_text("We paid you").first).to_be_visible()

    fetch_verifier(nora, folder)
    proof, checked = proof_once_anchored(nora, number, folder, demo)
    assert re.findall(r"^([1-5]) \w+ +\S passed", checked.stdout, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert number in checked.stdout
    assert check_in_browser(nora, proof, folder, demo)[:5] == ["Passed"] * 5
    expect(nora.locator("#facts")).to_contain_text(number)

    changed = folder / "changed.json"
    changed.write_bytes(proof.read_bytes().replace(b"claim.paid", b"claim.pald", 1))
    refused = verify(folder, changed, "--rpc", demo.chain)
    assert (refused.returncode, "malformed" in refused.stdout + refused.stderr) == (1, True)
    assert check_in_browser(nora, changed, folder, demo) == []
    expect(nora.locator("#verdict")).to_contain_text("Do not rely on this file: it is malformed")

    # Compliance holds more of the same record than the holder: who acted.
    open_claim_at_desk(frank, number)
    (folder / "compliance").mkdir()
    full = download(frank, "Download the proof", folder / "compliance")
    shown = [sum(len(e["disclosures"]) for e in json.loads(p.read_bytes())["entries"]) for p in (proof, full)]
    assert shown[0] < shown[1]

    nora.goto("/log/")
    expect(nora.get_by_role("region", name="The newest anchors as a table").get_by_role("row")).not_to_have_count(1)
    bob = open_page()
    sign_in(bob, "bob@example.com", demo.password)
    for path in (f"/claims/{number}/", f"/policies/{policy}/", f"/claims/{number}/proof/"):
        assert bob.goto(path).status == 404


def test_an_identity_is_reviewed_on_a_narrow_screen_with_nothing_cut(demo: Demo, open_page) -> None:
    carol = open_page(width=390)
    sign_in(carol, "carol@example.com", demo.password)
    carol.goto("/staff/claims/kyccase/")
    expect(carol.get_by_text("The table moves sideways.")).to_be_visible()
    carol.locator("#result_list tbody a").first.click()
    box = carol.get_by_role("group", name="Comparison")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    cell = box.locator("td").first
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Typed"'
    expect(cell).to_have_css("padding-left", "144px")
    assert carol.evaluate("document.documentElement.scrollWidth") == 390


def test_without_scripts_a_policyholder_still_reports_a_loss(demo: Demo, browser) -> None:
    context = browser.new_context(base_url=demo.url, java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, "alice@example.com", demo.password)
    page.goto("/cover/")
    number = report_loss(page, "80")
    page.goto(f"/claims/{number}/")
    expect(page.locator("main")).to_contain_text(number)
    context.close()


def test_a_second_start_keeps_the_data_registers_again_and_anchors_again(tmp_path) -> None:
    state = tmp_path / "var"
    process, first = start_demo(state, tmp_path / "first")
    record = urllib.request.urlopen(f"{first.url}/trust.json", timeout=30).read()
    assert stop_demo(process) == 0
    process, second = start_demo(state, tmp_path / "second")
    try:
        assert "The log noticed, registered again" in second.log.read_text()
        assert second.password == first.password
        versions = json.loads(urllib.request.urlopen(f"{second.url}/trust.json", timeout=30).read())["versions"]
        assert versions[: len(json.loads(record)["versions"])] == json.loads(record)["versions"]
        assert len({v["genesis"] for v in versions[-1]["statement"]["registrations"]}) == 2
        wait_until_anchored(state)
    finally:
        stop_demo(process)


def wait_until_anchored(state: Path) -> None:
    """The newest registration has a confirmed anchor."""
    query = (
        "SELECT count(*) FROM anchoring_confirmation c JOIN anchoring_anchor a ON a.id = c.anchor_id"
        " WHERE a.registration_id = (SELECT max(id) FROM anchoring_registration)"
    )
    deadline = time.monotonic() + 60
    while True:
        with closing(sqlite3.connect(f"file:{state / 'touchstone.sqlite3'}?mode=ro", uri=True)) as database:
            if database.execute(query).fetchone()[0]:
                return
        assert time.monotonic() < deadline, "nothing was anchored again"
        time.sleep(0.5)
